import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { native } from '../../dialects/native.js'
import { entryOf } from '../../schemas/codes.js'
import { Closed } from '../../schemas/types.js'
import { addressList } from '../../src/address.js'
import { command } from '../../src/command.js'
import type { Wire } from '../../src/dialect.js'
import { httpServer } from '../../src/http.js'
import { Refusal } from '../../src/refusal.js'
import type { Reply } from '../../src/reply.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { mac } from '../support/instance.js'
import { elsewhere, makeKey, makeUser } from '../support/keys.js'

/** A message: members, in order, and how it is signed and sent. */
interface Sent {
  readonly members: Readonly<Record<string, unknown>>
  readonly by?: Credentials
  readonly secret?: string
  readonly wire?: Partial<Wire>
}

interface Answer {
  readonly reply: Reply
  readonly json: Readonly<Record<string, unknown>>
  readonly signature: string | undefined
  /** Raw bytes of the request's MAC. */
  readonly requestMac: Buffer
}

async function send(gateway: CommandInstance, { members, by = gateway.owner, secret, wire }: Sent): Promise<Answer> {
  const text = JSON.stringify({ api_key: by.apiKey, timestamp: gateway.seconds(), ...members })
  const signature = mac(secret ?? by.secret, text)
  const reply = await gateway.post(`${text.slice(0, -1)},"signature":"${signature}"}`, wire)
  return {
    reply,
    json: JSON.parse(reply.body),
    signature: new Map(reply.headers).get('Countersign-Reply'),
    requestMac: Buffer.from(signature, 'base64'),
  }
}

interface Row {
  readonly what: string
  readonly code: number
  readonly sent: Sent
  /** Members beside those that every reply has. */
  readonly more: readonly string[]
}

/** Replies of every kind whose request was proven, in the order in which they are sent. */
async function proven(gateway: CommandInstance): Promise<Row[]> {
  const set = { cmd: 'set-user', id: 'alice', user: { type: 3 } }
  const twice = { ...set, idempotency_key: 'the-same-key' }
  const off = await makeUser(gateway, 'off', { type: 3, enable: false })
  const away = await makeKey(gateway, { addresses: ['192.0.2.1'] })
  const weak = await makeKey(gateway, { permissions: [] })
  const past = gateway.seconds() - 1000
  const row = (what: string, code: number, sent: Sent | object, ...more: string[]): Row => ({
    what,
    code,
    sent: 'members' in sent ? (sent as Sent) : { members: { ...sent } },
    more,
  })
  return [
    row('a command that was done', 3011, { ...set, idempotency_key: 'another-key' }, 'result'),
    row('a command that was done and brings nothing', 9021, { cmd: 'commands' }, 'result'),
    row('a command that was not done', 3020, { cmd: 'toggle-user', id: 'nobody' }),
    row('a first message', 3011, twice, 'result'),
    row('its twin', 3011, { ...twice, timestamp: gateway.seconds() + 1 }, 'replayed', 'result'),
    row('a dry run', 3011, { ...set, dry_run: true }, 'dry_run', 'result'),
    row('a dry run that was refused', 1422, { cmd: 'set-user', dry_run: true }, 'dry_run', 'errors'),
    row('a stale message', 1402, { cmd: 'ping', timestamp: past }, 'skew'),
    row('another account', 1403, { cmd: 'ping', cdn: 2 }),
    row('a command that nobody has', 1404, { cmd: 'no-such-command' }),
    row('a command that somebody nearly has', 1404, { cmd: 'toggle-usr' }, 'suggestion'),
    row('a strange address', 1406, { members: { cmd: 'ping' }, by: away }, 'address'),
    row('an inactive key', 1407, { members: { cmd: 'ping' }, by: off }),
    row('a missing permission', 1403, { members: set, by: weak }),
    row('a message without a key', 9001, { cmd: 'ping' }, 'result'),
    row('a used message', 3020, { cmd: 'toggle-user', id: 'n', timestamp: past + 1000 }),
    row('the same message again', 1409, { cmd: 'toggle-user', id: 'n', timestamp: past + 1000 }),
    row('a used key', 1410, { ...twice, id: 'bob' }),
    row('wrong parameters', 1422, { cmd: 'ping', x: 1 }, 'errors'),
  ]
}

const always = ['code', 'status', 'message', 'cmd', 'request_id', 'server_time', 'handle_time']
const sometimes = ['replayed', 'dry_run', 'errors', 'skew', 'retry_after', 'suggestion', 'address', 'result']

test('a reply has the members of protocol §7 in their order, and only those that say something', async (t) => {
  const gateway = await instanceFor(t)
  const ids = new Set<unknown>()
  const rows = await proven(gateway)
  for (const { what, code, sent, more } of rows) {
    const { json, reply } = await send(gateway, sent)
    assert.equal(json.code, code, `${what}: ${reply.body}`)
    assert.deepEqual(Object.keys(json), [...always, ...sometimes.filter((name) => more.includes(name))], what)
    assert.equal(json.status, code % 2 === 1 && !(code >= 1400 && code < 1600) ? 'success' : 'failure', what)
    assert.deepEqual([json.cmd, json.request_id], [sent.members.cmd, reply.requestId])
    assert.match(String(json.handle_time), /^\d+\.\d{4} seconds$/)
    assert.ok(Math.abs(Number(json.server_time) - gateway.seconds()) <= 1)
    ids.add(json.request_id)
  }
  assert.equal(ids.size, rows.length)
})

test('a 1402 tells how far ahead the timestamp was, a 1404 the nearest command, a 1422 every fault', async (t) => {
  const gateway = await instanceFor(t)
  const json = async (members: object) => (await send(gateway, { members: { ...members } })).json
  for (const skew of [-1000, 301, 1e9]) {
    const stale = await json({ cmd: 'ping', timestamp: gateway.seconds() + skew })
    assert.equal(stale.skew, Number(stale.server_time) * -1 + gateway.seconds() + skew)
  }
  // The second is how the vendor's own page spells it in one place.
  for (const cmd of ['toggle-usr', 'toogle-user']) assert.equal((await json({ cmd })).suggestion, 'toggle-user')
  const names = Array.from({ length: 20 }, (_, index) => `unknown-${String(index).padStart(2, '0')}`)
  const { errors } = await json({ cmd: 'get-user', id: 7, ...Object.fromEntries(names.map((name) => [name, 1])) })
  const paths = (errors as { path: string; message: string }[]).map(({ path }) => path).sort()
  assert.deepEqual(paths, ['/id', ...names.map((name) => `/${name}`)])
  assert.ok((errors as { message: string }[]).every(({ message }) => message.length > 0))
})

/** Written out: what a client of another make would compute. */
const expectedSignature = (secret: string, requestMac: Buffer, { status, body }: Reply): string =>
  createHmac('sha256', secret)
    .update(Buffer.from(`countersign-reply\n${requestMac.toString('hex')}\n${status}\n${body}`, 'utf8'))
    .digest('base64')

test('a reply is signed over request, status and body exactly when the request was proven, refused or not', async (t) => {
  const gateway = await instanceFor(t)
  for (const { what, sent } of await proven(gateway)) {
    const { reply, signature, requestMac } = await send(gateway, sent)
    assert.equal(signature, expectedSignature((sent.by ?? gateway.owner).secret, requestMac, reply), what)
  }
  const stranger = { apiKey: 'nobody', secret: 'x' }
  const unproven: readonly (readonly [string, number, Sent])[] = [
    ['broken envelope', 1400, { members: { cmd: 'ping', dry_run: 1 } }],
    ['unknown key', 1401, { members: { cmd: 'ping' }, by: stranger }],
    ['wrong signature', 1401, { members: { cmd: 'ping' }, secret: 'x' }],
    ['wrong signature of a stale message', 1401, { members: { cmd: 'ping', timestamp: 1 }, secret: 'x' }],
    ['encoded body', 1415, { members: { cmd: 'ping' }, wire: { contentEncoding: 'gzip' } }],
    ['another path', 1400, { members: { cmd: 'ping' }, wire: { path: '/control/x' } }],
  ]
  for (const [what, code, sent] of unproven) {
    const { json, signature } = await send(gateway, sent)
    assert.deepEqual([json.code, signature, 'cmd' in json], [code, undefined, false], what)
  }
})

test('a reply to a MAC in hex, or in the header, is signed over the same bytes', async (t) => {
  const gateway = await instanceFor(t)
  const text = JSON.stringify({ cmd: 'ping', api_key: gateway.owner.apiKey, timestamp: gateway.seconds() })
  const base64 = mac(gateway.owner.secret, text)
  const bytes = Buffer.from(base64, 'base64')
  const replies = [
    await gateway.post(`${text.slice(0, -1)},"signature":"${bytes.toString('hex')}"}`),
    await gateway.post(text, { signature: base64 }),
    await gateway.post(text, { signature: bytes.toString('hex') }),
  ]
  for (const reply of replies) {
    assert.equal(reply.status, 200)
    const expected = expectedSignature(gateway.owner.secret, bytes, reply)
    assert.deepEqual(reply.headers, [['Countersign-Reply', expected]])
  }
})

test('faults of the gateway are signed as well, and tell the caller nothing but the request id', async (t) => {
  const broken = command({
    name: 'broken',
    summary: 'Fails',
    permission: 'users:write',
    params: Closed({}),
    result: Closed({}),
    codes: ['PONG'],
    run: () => Promise.reject(new Error('canary-4711')),
  })
  const gateway = await instanceFor(t, { extra: [broken] })
  const fault = await send(gateway, { members: { cmd: 'broken' } })
  assert.deepEqual([fault.json.code, fault.reply.status, Object.keys(fault.json)], [1500, 500, always])
  assert.ok(!fault.reply.body.includes('canary'))
  await elsewhere(gateway, `insert into meta (name, value) values ('floor', $1)`, [String(gateway.seconds() + 100)])
  const restored = await send(gateway, { members: { cmd: 'ping' } })
  assert.deepEqual([restored.json.code, restored.reply.status], [1503, 503])
  assert.equal(new Map(restored.reply.headers).get('Retry-After'), String(restored.json.retry_after))
  assert.ok(Number(restored.json.retry_after) >= 99)
  for (const { reply, signature, requestMac } of [fault, restored]) {
    assert.equal(signature, expectedSignature(gateway.owner.secret, requestMac, reply))
  }
})

async function listening(t: TestContext, gateway: CommandInstance, handle = gateway.handle): Promise<string> {
  const { server, drain } = httpServer({
    handle,
    charge: gateway.charge,
    refuse: gateway.refuse,
    methodsAt: gateway.methodsAt,
    vendorPaths: false,
    ready: async () => true,
    load: gateway.load,
    trustProxy: addressList([]),
    bodyLimit: 1024,
    onUntrustedProxy: () => undefined,
    onUnexpected: (error) => assert.fail(String(error)),
    openapi: () => '{}',
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(drain)
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('over HTTP every reply has the headers of protocol §1 and no others that say something', async (t) => {
  const gateway = await instanceFor(t)
  const url = await listening(t, gateway)
  const text = JSON.stringify({ cmd: 'ping', api_key: gateway.owner.apiKey, timestamp: gateway.seconds() })
  const signature = mac(gateway.owner.secret, text)
  const origin = { Origin: 'https://elsewhere.example' }
  const signed = { method: 'POST', body: text, headers: { ...origin, 'Countersign-Signature': signature } }
  const rows: readonly (readonly [path: string, init: RequestInit, status: number, ...more: string[]])[] = [
    ['/control', signed, 200, 'countersign-reply'],
    ['/control/', signed, 200, 'countersign-reply'],
    ['/control', { method: 'POST', body: text, headers: origin }, 400],
    ['/control', { ...signed, headers: { ...origin, 'Countersign-Signature': 'x' } }, 401],
    ['/control', { method: 'GET', headers: origin }, 405, 'allow'],
    ['/control', { method: 'OPTIONS', headers: { ...origin, 'Access-Control-Request-Method': 'POST' } }, 405, 'allow'],
    ['/control', { method: 'POST', body: ' '.repeat(2000), headers: origin }, 413],
    ['/elsewhere', { method: 'POST', body: text, headers: origin }, 404],
  ]
  const transport = new Set(['connection', 'content-length', 'date', 'keep-alive'])
  for (const [path, init, status, ...more] of rows) {
    const response = await fetch(`${url}${path}`, init)
    const json = JSON.parse(await response.text())
    const { headers } = response
    const names = [...headers.keys()].filter((name) => !transport.has(name))
    const expected = ['cache-control', 'content-type', 'x-content-type-options', 'x-request-id', ...more].sort()
    assert.deepEqual([response.status, names.sort()], [status, expected], `${init.method} ${path}`)
    assert.equal(headers.get('content-type'), 'application/json; charset=utf-8')
    assert.deepEqual([headers.get('cache-control'), headers.get('x-content-type-options')], ['no-store', 'nosniff'])
    assert.equal(headers.get('x-request-id'), json.request_id)
    if (more.includes('allow')) assert.equal(headers.get('allow'), 'POST')
  }
})

test('over HTTP Retry-After says what the body says', async (t) => {
  const gateway = await instanceFor(t)
  const refused = gateway.refuse('RATE_LIMITED', new Refusal('RATE_LIMITED', { retryAfter: 7 }).detail)
  const url = await listening(t, gateway, async () => refused)
  const response = await fetch(`${url}/control`, { method: 'POST', body: '{}' })
  assert.deepEqual([response.status, response.headers.get('retry-after')], [429, '7'])
  assert.equal(JSON.parse(await response.text()).retry_after, 7)
})

test('a result that is nothing as JSON is left out of a reply, which stays JSON', () => {
  const outcome = {
    entry: entryOf(9001),
    refused: false,
    code: 'PONG',
    command: 'own/quiet',
    result: { toJSON: () => undefined },
    replayed: false,
    dryRun: false,
    detail: {},
  }
  const { body } = native.encode(outcome, { requestId: 'r1', serverTime: 1, handleTime: 0 })
  assert.deepEqual(JSON.parse(body), {
    code: 9001,
    status: 'success',
    message: 'Pong',
    cmd: 'own/quiet',
    request_id: 'r1',
    server_time: 1,
    handle_time: '0.0000 seconds',
  })
})
