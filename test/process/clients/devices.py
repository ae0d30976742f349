"""A client of the standard library: python3 devices.py URL TOKEN create NAME FROM [UNTIL] | list PAGESIZE | revoke USER_NAME

`list` follows the links from page to page. Prints JSON: what was made, the pages, or the status of the revocation.
"""
import json
import sys
import urllib.parse
import urllib.request

url, token, verb, *rest = sys.argv[1:]
devices = f'{url}/users/self/device-passwords'


def send(method, target, fields=None):
    data = urllib.parse.urlencode(fields).encode() if fields else None
    request = urllib.request.Request(target, data=data, method=method, headers={'Authorization': f'Bearer {token}'})
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.status, response.read()


if verb == 'create':
    names = ['device_name', 'valid_from', 'valid_until']
    print(send('POST', f'{devices}.json', dict(zip(names, rest)))[1].decode())
elif verb == 'list':
    pages, target = [], f'{devices}.json?page=1&pagesize={rest[0]}'
    while target:
        page = json.loads(send('GET', target)[1])
        pages.append([device['device_name'] for device in page['device_passwords']])
        target = page['paging'] and page['paging'].get('next')
    print(json.dumps(pages))
else:
    status, body = send('DELETE', f'{devices}/{rest[0]}.json')
    print(json.dumps({'status': status, 'body': body.decode()}))
