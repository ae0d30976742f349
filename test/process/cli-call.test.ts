import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { exitOf } from '../../src/cli/exits.js'
import { mac } from '../support/instance.js'
import { removeFolder, runCli, serverFor, temporaryFolder } from '../support/server.js'

const secret = 'the secret of a test, long enough'
const folder = temporaryFolder()
const keyFile = join(folder, 'key.json')
writeFileSync(keyFile, JSON.stringify({ cdn: 1, api_key: 'ck_test', secret }))
test.after(() => removeFolder(folder))

type Answer = (body: string, req: IncomingMessage, res: ServerResponse) => void

/** Plays a gateway that answers as told; the bodies that it was sent. */
async function playing(answer: Answer): Promise<{ url: string; bodies: string[]; close: () => void }> {
  const bodies: string[] = []
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString('utf8')
    bodies.push(`${req.url} ${body}`)
    answer(body, req, res)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, bodies, close: () => void server.close() }
}

const signatureOf = (request: string) => /,"signature":"([^"]+)"}$/.exec(request)?.[1] ?? ''

/** A reply with a code, signed as the gateway signs, or with somebody else's secret, or not at all, or sent with another status. */
const replying =
  (code: number, status: number, signedWith = secret, sent = status): Answer =>
  (request, _req, res) => {
    const body = JSON.stringify({ code, status: code % 2 ? 'success' : 'failure', message: 'played' })
    const requestMac = Buffer.from(signatureOf(request), 'base64').toString('hex')
    const reply = `countersign-reply\n${requestMac}\n${status}\n${body}`
    if (signedWith) res.setHeader('Countersign-Reply', createHmac('sha256', signedWith).update(reply).digest('base64'))
    res.writeHead(sent, { 'Content-Type': 'application/json' }).end(body)
  }

const call = (url: string, ...args: string[]) => runCli(['call', 'ping', '--url', url, '--key-file', keyFile, ...args])

/** Protocol §12. */
const exits: readonly (readonly [exit: number, replies: readonly (readonly [code: number, http: number])[]])[] = [
  [
    0,
    [
      [9001, 200],
      [10001, 200],
    ],
  ],
  [
    1,
    [
      [3014, 409],
      [10000, 409],
      [1400, 400],
      [1422, 422],
    ],
  ],
  [
    3,
    [
      [1401, 401],
      [1402, 401],
      [1407, 403],
    ],
  ],
  [
    4,
    [
      [1403, 403],
      [1406, 403],
    ],
  ],
  [
    5,
    [
      [1404, 404],
      [2080, 404],
      [3000, 404],
    ],
  ],
  [
    6,
    [
      [1409, 409],
      [1410, 409],
      [1411, 409],
      [2060, 409],
      [6150, 409],
    ],
  ],
  [
    8,
    [
      [1429, 429],
      [1500, 500],
      [1503, 503],
      [1504, 504],
      [1507, 503],
    ],
  ],
]

for (const [exit, replies] of exits) {
  test(`call ends with ${exit} after ${replies.map(([code]) => code).join(', ')}, and prints the reply`, async () => {
    for (const [code] of replies) assert.equal(exitOf(code), exit, `${code}`)
    const [code, http] = replies[0] ?? [0, 0]
    const gateway = await playing(replying(code, http))
    const { status, stdout, stderr } = await call(gateway.url)
    gateway.close()
    assert.equal(status, exit, stderr)
    assert.equal(JSON.parse(stdout).code, code)
  })
}

const page = '<html><body>502 Bad Gateway</body></html>'
const disbelieved: Readonly<Record<string, Answer>> = {
  'a success without a signature': replying(9001, 200, ''),
  'a success signed with another secret': replying(9001, 200, 'another secret, just as long as it'),
  'a success whose status was changed': replying(9001, 200, secret, 202),
  'a page of a proxy': (_body, _req, res) => void res.writeHead(502, { 'Content-Type': 'text/html' }).end(page),
  'a page with status 200': (_body, _req, res) => void res.writeHead(200, { 'Content-Type': 'text/html' }).end(page),
  'JSON of somebody else': (_body, _req, res) => void res.writeHead(200).end('{"ok":true}'),
  nothing: (_body, _req, res) => void res.destroy(),
  'half an answer': (_body, _req, res) => {
    res.writeHead(200, { 'Content-Length': '100' })
    res.write('{"code":9001', () => res.destroy())
  },
  'a redirect': (_body, _req, res) => void res.writeHead(307, { Location: 'http://127.0.0.1:9/control' }).end(),
}

for (const [name, answer] of Object.entries(disbelieved)) {
  test(`call takes ${name} for no answer: it ends with 7 and says why`, async () => {
    const gateway = await playing(answer)
    const { status, stderr } = await call(gateway.url)
    gateway.close()
    assert.equal(status, 7, stderr)
    assert.match(stderr, /^countersign: \S/)
    assert.ok(!stderr.includes(secret) && !stderr.includes('    at '), stderr)
  })
}

test('call without a gateway ends with 7 and asks whether it runs', async () => {
  const gateway = await playing(replying(9001, 200))
  gateway.close()
  const { status, stdout, stderr } = await call(gateway.url)
  assert.deepEqual([status, stdout], [7, ''])
  assert.match(stderr, /is the gateway running\?/)
})

test('call signs what it sends: parameters from an argument or stdin, the idempotency key, a dry run; once, to /control', async () => {
  const gateway = await playing(replying(9001, 200))
  await call(`${gateway.url}/`, '--json', '{"a":"ä/\\u0000"}', '--idempotency-key', 'job-1-alice')
  await call(`${gateway.url}/control`)
  await runCli(['call', 'x/y', '--url', gateway.url, '--key-file', keyFile, '--json', '-', '--dry-run'], {
    input: '{"b":[1]}',
  })
  gateway.close()
  const sent = gateway.bodies.map((line) => {
    const [path, body = ''] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]
    assert.equal(path, '/control')
    assert.equal(signatureOf(body), mac(secret, body.replace(/,"signature":"[^"]+"}$/, '}')))
    const { timestamp, signature, api_key, ...rest } = JSON.parse(body)
    assert.equal(api_key, 'ck_test')
    assert.ok(Math.abs(timestamp - Date.now() / 1000) < 60)
    return rest
  })
  assert.deepEqual(sent, [
    { cmd: 'ping', a: 'ä/\0', idempotency_key: 'job-1-alice' },
    { cmd: 'ping' },
    { cmd: 'x/y', b: [1], dry_run: true },
  ])
})

test('call against a real gateway, with nothing but its folder and its URL: the reply on stdout, nothing else', async (t) => {
  const server = await serverFor(t)
  const args = ['call', 'set-user', '--url', server.url, '--data', server.folder, '--idempotency-key', 'job-1-alice']
  const first = await runCli([...args, '--json', '{"id":"alice","user":{"type":3}}'])
  const again = await runCli([...args, '--json', '-'], { input: '{"id":"alice","user":{"type":3}}' })
  const other = await runCli([...args, '--json', '{"id":"alice","user":{"type":2}}'])
  assert.deepEqual([first.status, again.status, other.status], [0, 0, 6], first.stderr + again.stderr)
  assert.deepEqual([JSON.parse(first.stdout).code, JSON.parse(again.stdout).replayed], [3011, true])
  assert.equal(JSON.parse(other.stdout).code, 1410)
  assert.deepEqual([first.stderr, again.stderr], ['', ''])
})

test('a key file that cannot be used ends with 78 and is named', async () => {
  const bad = join(folder, 'bad.json')
  for (const text of ['[]', '{"api_key":"a"']) {
    writeFileSync(bad, text)
    const { status, stderr } = await runCli(['call', 'ping', '--key-file', bad])
    assert.equal(status, 78)
    assert.match(stderr, /bad\.json/)
  }
  const absent = await runCli(['call', 'ping', '--key-file', join(folder, 'absent.json')])
  assert.equal(absent.status, 78)
})
