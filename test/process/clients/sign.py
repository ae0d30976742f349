"""A client of the standard library: python3 sign.py URL API_KEY SECRET STYLE < parameters.json

STYLE says how the JSON is written; the signature is always over the text without its member.
Prints the reply, and ends with 1 unless the reply was signed by the holder of the same secret.
"""
import base64
import hashlib
import hmac
import json
import sys
import time
import urllib.error
import urllib.request

url, api_key, secret, style = sys.argv[1:]

writing = {
    'default': {},
    'non-ascii': {'ensure_ascii': False},
    'sorted': {'sort_keys': True},
    'compact': {'separators': (',', ':')},
    'pretty': {'indent': 4, 'ensure_ascii': False},
    'pretty-sorted': {'indent': '\t', 'sort_keys': True},
    'first': {},
}[style]

message = {**json.load(sys.stdin), 'api_key': api_key, 'timestamp': int(time.time())}
unsigned = json.dumps(message, **writing).encode()
mac = hmac.new(secret.encode(), unsigned, hashlib.sha256).digest()
signature = {'signature': base64.b64encode(mac).decode()}
signed = {**signature, **message} if style == 'first' else {**message, **signature}
body = json.dumps(signed, **writing).encode()

request = urllib.request.Request(url, data=body, headers={'Content-Type': 'application/json'})
try:
    response = urllib.request.urlopen(request, timeout=20)
except urllib.error.HTTPError as refusal:
    response = refusal
text = response.read()
covered = b'countersign-reply\n%s\n%d\n%s' % (mac.hex().encode(), response.status, text)
expected = base64.b64encode(hmac.new(secret.encode(), covered, hashlib.sha256).digest()).decode()
sys.stdout.write(text.decode())
sys.exit(0 if hmac.compare_digest(expected, response.headers.get('Countersign-Reply', '')) else 1)
