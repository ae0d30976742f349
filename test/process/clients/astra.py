"""A client of the standard library: python3 astra.py URL LOGIN PASSWORD < message.json

Prints the HTTP status and the reply, one a line.
"""
import base64
import sys
import urllib.error
import urllib.request

url, login, password = sys.argv[1:]
credentials = base64.b64encode(f'{login}:{password}'.encode()).decode()
request = urllib.request.Request(url, data=sys.stdin.buffer.read(), headers={'Authorization': f'Basic {credentials}'})
try:
    response = urllib.request.urlopen(request, timeout=20)
except urllib.error.HTTPError as refusal:
    response = refusal
print(response.status)
print(response.read().decode())
