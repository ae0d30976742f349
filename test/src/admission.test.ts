import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { mac, type TestReply } from '../support/instance.js'
import { elsewhere, makeAccount, makeKey, makeUser } from '../support/keys.js'

interface Sent extends TestReply {
  readonly http: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** Signs `ping`, with further members of the envelope, and sends it from an address. */
async function send(
  gateway: CommandInstance,
  { apiKey, secret }: Credentials,
  members: object = {},
  address = '127.0.0.1',
): Promise<Sent> {
  const text = JSON.stringify({ cmd: 'ping', api_key: apiKey, timestamp: gateway.seconds(), ...members })
  const { status, headers, body } = await gateway.post(`${text.slice(0, -1)},"signature":"${mac(secret, text)}"}`, {
    address,
  })
  return { ...JSON.parse(body), http: status, headers: new Map(headers), body }
}

const anonymous = ({ body }: Sent): string =>
  body
    .replace(/"request_id":"[^"]+"/, '"request_id":""')
    .replace(/"server_time":\d+/, '"server_time":0')
    .replace(/"handle_time":"[0-9.]+ seconds"/, '"handle_time":""')

const update = (column: string) => `update keys set ${column} = $2 where key_id = $1`

/** Keys that may not act, each for another reason. */
async function inactive(gateway: CommandInstance): Promise<Record<string, Credentials>> {
  const now = gateway.seconds()
  await makeAccount(gateway, 3)
  const keys = {
    'a disabled key': await makeKey(gateway),
    'a revoked key': await makeKey(gateway),
    'an expired key': await makeKey(gateway),
    'a key of a disabled user': await makeUser(gateway, 'off', { type: 3, enable: false }),
    'a key of an expired user': await makeUser(gateway, 'late', { type: 3, expire: now }),
    'a key of a disabled owner': await makeAccount(gateway, 2),
    'a key of a disabled account': await makeKey(gateway, { account: 3 }),
  }
  await elsewhere(gateway, update('enable'), [keys['a disabled key'].apiKey, 0])
  await elsewhere(gateway, update('revoked_at'), [keys['a revoked key'].apiKey, now])
  await elsewhere(gateway, update('expires_at'), [keys['an expired key'].apiKey, now])
  await elsewhere(gateway, 'update principals set enable = 0 where account = 2')
  await elsewhere(gateway, 'update accounts set enable = 0 where account = 3')
  return keys
}

test('an unknown key and a wrong signature are one answer, whatever is true of the key or wrong with the message', async (t) => {
  const gateway = await instanceFor(t, { audience: 'here' })
  const keys = {
    ...(await inactive(gateway)),
    'a key that may act': gateway.owner,
    'a key for another address': await makeKey(gateway, { addresses: ['192.0.2.1'] }),
    'a key without rights': await makeKey(gateway, { permissions: [] }),
  }
  const messages = [
    {},
    { timestamp: 1 },
    { cdn: 2 },
    { audience: 'there' },
    { cmd: 'no-such-command' },
    { cmd: 'get-user' },
    { cmd: 'set-user', id: 7 },
    { dry_run: true },
    { idempotency_key: 'some-key-1' },
  ]
  for (const message of messages) {
    const unknown = await send(gateway, { apiKey: 'nobody', secret: 'wrong' }, message)
    assert.deepEqual([unknown.code, unknown.http, unknown.headers.size], [1401, 401, 0])
    for (const [what, { apiKey }] of Object.entries(keys)) {
      const wrong = await send(gateway, { apiKey, secret: 'wrong' }, message)
      assert.equal(anonymous(wrong), anonymous(unknown), `${what}: ${JSON.stringify(message)}`)
      assert.deepEqual([wrong.http, wrong.headers], [unknown.http, unknown.headers])
    }
  }
})

test('whoever is disabled, revoked or expired is told so once the signature was right, and runs nothing', async (t) => {
  const gateway = await instanceFor(t)
  for (const [what, by] of Object.entries(await inactive(gateway))) {
    const reply = await send(gateway, by)
    assert.deepEqual([reply.code, reply.http, reply.headers.has('Countersign-Reply')], [1407, 403, true], what)
  }
})

test('a key acts until the second in which it or its user expires', async (t) => {
  const gateway = await instanceFor(t)
  const end = gateway.seconds() + 100
  const key = await makeKey(gateway)
  await elsewhere(gateway, update('expires_at'), [key.apiKey, end])
  const user = await makeUser(gateway, 'alice', { type: 3, expire: end })
  for (const [offset, code] of [
    [90, 9001],
    [101, 1407],
    [90, 9001],
  ] as const) {
    gateway.clock.offset = offset
    for (const by of [key, user]) assert.equal((await send(gateway, by)).code, code, `${offset}`)
  }
})

test('a deleted key is an unknown one, and so is the key of a removed user, even when the login comes back', async (t) => {
  const gateway = await instanceFor(t)
  const key = await makeKey(gateway)
  const user = await makeUser(gateway, 'alice', { type: 3 })
  for (const by of [key, user]) assert.equal((await send(gateway, by)).code, 9001)
  await elsewhere(gateway, 'delete from keys where key_id = $1', [key.apiKey])
  await gateway.run('set-user', { id: 'alice', user: { remove: true } })
  for (const by of [key, user]) assert.equal((await send(gateway, by)).code, 1401)
  await gateway.run('set-user', { id: 'alice', user: { type: 1 } })
  assert.equal((await send(gateway, user)).code, 1401)
})

test('a message that names an account is for that account alone, however the number is spelled', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 158)
  const rows: readonly (readonly [cdn: unknown, first: number, other: number])[] = [
    [undefined, 9001, 9001],
    [1, 9001, 1403],
    ['1', 9001, 1403],
    [158, 1403, 9001],
    ['158', 1403, 9001],
    [0, 1403, 1403],
    ['15', 1403, 1403],
    ['01', 1400, 1400],
    ['1.0', 1400, 1400],
    [' 1', 1400, 1400],
    [1.5, 1400, 1400],
    [-1, 1400, 1400],
    ['', 1400, 1400],
    [null, 1400, 1400],
    [[1], 1400, 1400],
    [true, 1400, 1400],
  ]
  for (const [cdn, ...codes] of rows) {
    const got = [(await send(gateway, gateway.owner, { cdn })).code, (await send(gateway, other, { cdn })).code]
    assert.deepEqual(got, codes, JSON.stringify(cdn))
  }
})

test('a message that names an audience is for that instance alone, and one that names none may be refused', async (t) => {
  const rows: readonly (readonly [options: object, audience: unknown, code: number])[] = [
    [{}, undefined, 9001],
    [{}, 'here', 1403],
    [{ audience: 'here' }, undefined, 9001],
    [{ audience: 'here' }, 'here', 9001],
    [{ audience: 'here' }, 'Here', 1403],
    [{ audience: 'here' }, 'here ', 1403],
    [{ audience: 'here', requireAudience: true }, undefined, 1403],
    [{ audience: 'here', requireAudience: true }, 'here', 9001],
    [{ audience: 'here', requireAudience: true }, 'there', 1403],
    [{ audience: 'here' }, '', 1400],
    [{ audience: 'here' }, null, 1400],
    [{ audience: 'here' }, ['here'], 1400],
  ]
  for (const [options, audience, code] of rows) {
    const gateway = await instanceFor(t, options)
    const reply = await send(gateway, gateway.owner, { audience })
    assert.equal(reply.code, code, JSON.stringify([options, audience]))
  }
})

test('a key with an address list acts from these addresses only, and the caller is told which one was seen', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [list: string[], address: string, allowed: boolean])[] = [
    [[], '203.0.113.9', true],
    [['127.0.0.1'], '127.0.0.1', true],
    [['127.0.0.1'], '127.0.0.2', false],
    [['10.0.0.0/8', '192.0.2.1'], '10.255.0.1', true],
    [['10.0.0.0/8', '192.0.2.1'], '192.0.2.1', true],
    [['10.0.0.0/8', '192.0.2.1'], '11.0.0.1', false],
    [['10.0.0.0/8'], '::ffff:10.0.0.1', true],
    [['::ffff:10.0.0.1'], '10.0.0.1', true],
    [['0.0.0.0/0'], '::1', false],
    [['::/0'], '127.0.0.1', false],
    [['::/0'], '::ffff:127.0.0.1', false],
    [['2001:db8::/32'], '2001:db8:0:1::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['2001:db8::1'], '2001:0db8:0000::0001', true],
  ]
  for (const [addresses, address, allowed] of rows) {
    const reply = await send(gateway, await makeKey(gateway, { addresses }), {}, address)
    const expected = allowed ? [9001, undefined] : [1406, address]
    assert.deepEqual([reply.code, reply.address], expected, JSON.stringify([addresses, address]))
  }
})

/** Time stands still unless it is moved. */
const stopped = (t: TestContext) => t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.now() })

test('a key has its messages of a second, refused ones included, and another key has its own', async (t) => {
  stopped(t)
  const gateway = await instanceFor(t, { limitKey: 3, elapsed: () => Date.now() })
  const [one, two] = [await makeKey(gateway), await makeKey(gateway)]
  const codes = async (by: Credentials) => [
    (await send(gateway, by)).code,
    (await send(gateway, by, { cmd: 'no-such-command' })).code,
    (await send(gateway, by, { cmd: 'set-user' })).code,
    (await send(gateway, by)).code,
  ]
  assert.deepEqual(await codes(one), [9001, 1404, 1422, 1429])
  assert.deepEqual(await codes(two), [9001, 1404, 1422, 1429])
  const refused = await send(gateway, one)
  assert.deepEqual([refused.http, refused.retry_after, refused.headers.get('Retry-After')], [429, 1, '1'])
  t.mock.timers.tick(1001)
  assert.deepEqual(await codes(one), [9001, 1404, 1422, 1429])
})

test('messages that nobody can prove to be a key’s use up nothing of it', async (t) => {
  stopped(t)
  const gateway = await instanceFor(t, { limitKey: 1, elapsed: () => Date.now() })
  for (let times = 0; times < 5; times++) await send(gateway, { ...gateway.owner, secret: 'wrong' })
  assert.equal((await send(gateway, gateway.owner)).code, 9001)
})

test('an address has its failures of a minute; then nothing of it is looked at, and others are served', async (t) => {
  stopped(t)
  const gateway = await instanceFor(t, { limitFailures: 3, elapsed: () => Date.now() })
  const groups = [
    ['198.51.100.7', '198.51.100.7', '198.51.100.8'],
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:3::1'],
  ] as const
  for (const [failing, same, other] of groups) {
    await send(gateway, gateway.owner, {}, failing)
    const failures = [1, 2, 3].map(() => send(gateway, { ...gateway.owner, secret: 'wrong' }, {}, failing))
    assert.deepEqual(new Set((await Promise.all(failures)).map(({ code }) => code)), new Set([1401]))
    for (const address of [failing, same]) {
      const refused = await send(gateway, gateway.owner, {}, address)
      const header = refused.headers.get('Retry-After')
      assert.deepEqual([refused.code, refused.retry_after, header, refused.headers.size], [1429, 60, '60', 1], address)
    }
    assert.equal((await send(gateway, gateway.owner, {}, other)).code, 9001, other)
    t.mock.timers.tick(60_001)
    assert.equal((await send(gateway, gateway.owner, {}, failing)).code, 9001, 'a minute later')
  }
})

test('refusals other than a wrong signature do not count against the address', async (t) => {
  const gateway = await instanceFor(t, { limitFailures: 1 })
  for (const members of [{ timestamp: 1 }, { dry_run: 7 }, { cdn: 2 }, { cmd: 'no-such-command' }, { id: 7 }]) {
    await send(gateway, gateway.owner, members)
    await gateway.post('{')
  }
  assert.equal((await send(gateway, gateway.owner)).code, 9001)
})
