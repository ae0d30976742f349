"""A client as Uplynk's integrators write it: uplynk.py URL OWNER SECRET STYLE < calls.json

STYLE: python3 (one line of base64), python2 (a line feed after every 76 characters), upper (hex in capitals).
Reads [[path, params], …], makes the calls in order, prints [[msg, sig, reply], …]. An HTTP status that is no success ends it.
"""
import base64
import hashlib
import hmac
import json
import sys
import time
import zlib
from urllib.parse import urlencode
from urllib.request import urlopen

url, owner, secret, style = sys.argv[1:]
now = int(time.time())


def encode(data):
    packed = zlib.compress(data, 9)
    return base64.encodebytes(packed) if style == 'python2' else base64.b64encode(packed)


def call(path, params):
    msg = encode(json.dumps(dict(params, _owner=owner, _timestamp=now)).encode()).strip()
    sig = hmac.new(secret.encode(), msg, hashlib.sha256).hexdigest()
    if style == 'upper':
        sig = sig.upper()
    body = urlencode({'msg': msg, 'sig': sig}).encode()
    return [msg.decode(), sig, json.loads(urlopen(url + path, body).read())]


print(json.dumps([call(path, params) for path, params in json.load(sys.stdin)]))
