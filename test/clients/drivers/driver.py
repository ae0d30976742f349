"""A job of the tests: driver.py URL KEY_FILE < calls. Each line is a call as JSON; each answer is a line of JSON."""
import json
import keyword
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / 'clients/python'))
sys.dont_write_bytecode = True

from countersign_gateway import Client, CountersignError, Transport  # noqa: E402

url, key_file = sys.argv[1:]
clients = {}


def client_for(options):
    name = json.dumps(options, sort_keys=True)
    ca_file = options.pop('ca_file', None)
    if name not in clients:
        if ca_file:
            options['transport'] = Transport(ca_file)
        clients[name] = Client.from_key_file(url, key_file, **options)
    return clients[name]


def made(call):
    client = client_for(call.get('options', {}))
    how = {name: call[name] for name in ('idempotency_key', 'dry_run') if name in call}
    if 'cmd' in call:
        return client.call(call['cmd'], call.get('params', {}), **how)
    method = getattr(client, re.sub('[^a-z0-9]', '_', call['helper']))
    params = {name + '_' if keyword.iskeyword(name) else name: value for name, value in call['params'].items()}
    return method(**params, **how)


def answered(call):
    try:
        reply = made(call)
    except CountersignError as error:
        told = ('code', 'errors', 'request_id', 'outcome_unknown', 'authentic', 'attempts', 'idempotency_key')
        return {'error': type(error).__name__, 'text': str(error), **{name: getattr(error, name) for name in told}}
    except ValueError as error:
        return {'error': 'usage', 'text': str(error)}
    return {'code': reply.code, 'replayed': reply.replayed, 'dry_run': reply.dry_run, 'result': reply.result}


for line in sys.stdin:
    print(json.dumps(answered(json.loads(line))), flush=True)
