import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { signMessage } from '../../clients/typescript/index.js'
import type { Wire } from '../../src/dialect.js'
import { generateKey } from '../../src/generate.js'
import { type Limits, limits } from '../../src/limits.js'
import { Refusal } from '../../src/refusal.js'
import { instanceFor } from '../support/commands.js'
import { testInstance } from '../support/instance.js'

function refusalOf(call: () => void): Refusal | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

const none = { failures: 1_000, waste: 1_000_000, messages: 0 }

function fail(limit: Limits, address: string, times: number): void {
  for (let i = 0; i < times; i++) limit.failed(address)
}

test('an address is refused after its failures of a minute, and let in again when the minute is over', () => {
  let now = 1_000_000
  const limit = limits({ ...none, failures: 3 }, () => now)
  const refused = () => refusalOf(() => limit.requirePayer('192.0.2.1'))
  fail(limit, '192.0.2.1', 2)
  assert.equal(refused(), undefined)
  now += 1_500
  fail(limit, '192.0.2.1', 1)
  assert.equal(refused()?.code, 'RATE_LIMITED')
  assert.equal(refused()?.detail.retryAfter, 59)
  now += 58_499
  assert.equal(refused()?.code, 'RATE_LIMITED')
  now += 1
  assert.equal(refused(), undefined)
})

test('an address is refused after what its refused messages cost in a minute, the shortest of them as 1 KiB', () => {
  let now = 0
  const limit = limits({ ...none, waste: 10_240 }, () => now)
  const refused = (address = '192.0.2.1') => refusalOf(() => limit.requirePayer(address))
  for (let i = 0; i < 5; i++) limit.charge('192.0.2.1', 0)
  assert.equal(refused(), undefined)
  limit.charge('192.0.2.1', 4_096)
  assert.equal(refused()?.code, 'RATE_LIMITED')
  assert.equal(refused('192.0.2.2'), undefined)
  now += 60_000
  assert.equal(refused(), undefined)
})

test('what a token costs is charged to the token, not to the address, and the other way round', () => {
  const limit = limits({ ...none, waste: 1 }, () => 0)
  limit.charge('token hook-1', 100)
  assert.equal(refusalOf(() => limit.requirePayer('token hook-1'))?.code, 'RATE_LIMITED')
  for (const other of ['token hook-2', '192.0.2.1'])
    assert.equal(
      refusalOf(() => limit.requirePayer(other)),
      undefined,
    )
})

const neighbours: readonly (readonly [failing: string, other: string, alike: boolean])[] = [
  ['192.0.2.1', '192.0.2.2', false],
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['::1', '127.0.0.1', false],
]
for (const [failing, other, alike] of neighbours) {
  test(`failures of ${failing} ${alike ? 'count' : 'do not count'} against ${other}`, async () => {
    for (const spend of [(limit: Limits) => fail(limit, failing, 2), (limit: Limits) => limit.charge(failing, 4_096)]) {
      const limit = limits({ failures: 2, waste: 4_096, messages: 0 }, () => 0)
      spend(limit)
      assert.equal(refusalOf(() => limit.requirePayer(failing))?.code, 'RATE_LIMITED')
      assert.equal(refusalOf(() => limit.requirePayer(other))?.code, alike ? 'RATE_LIMITED' : undefined)
    }
  })
}

test('a key gets its messages of a second and no more; other keys are not touched; without a limit none is counted', () => {
  const { takeKey } = limits({ ...none, messages: 3 }, () => 0)
  assert.ok(takeKey)
  takeKey('a', 2)
  takeKey('a', 1)
  assert.equal(refusalOf(() => takeKey('a', 1))?.code, 'RATE_LIMITED')
  takeKey('b', 3)
  assert.equal(limits(none, () => 0).takeKey, undefined)
})

test('more messages at once than a second allows pass when nothing was taken for a second, and are charged as many', () => {
  let now = 0
  const { takeKey } = limits({ ...none, messages: 10 }, () => now)
  const refused = (count: number) => refusalOf(() => takeKey?.('a', count))?.detail.retryAfter
  takeKey?.('a', 1)
  assert.equal(refused(100), 1, 'not beside another')
  now += 100
  assert.equal(refused(100), undefined, 'but alone')
  assert.equal(refused(1), 10)
  now += 9_000
  assert.equal(refused(1), 1)
  now += 100
  assert.equal(refused(1), undefined)
  assert.equal(refused(1), 1)
})

test('whoever sends as fast as it may is never refused', () => {
  let now = 0
  const { takeKey } = limits({ ...none, messages: 3 }, () => now)
  for (let i = 0; i < 3; i++) takeKey?.('a', 1)
  for (let i = 1; i < 10_000; i++) {
    now = (i * 1_000) / 3
    takeKey?.('a', 1)
    assert.equal(refusalOf(() => takeKey?.('a', 1))?.detail.retryAfter, 1)
  }
})

test('after N wrong signatures even the right one is 1429, from that address only, and nothing is told about the key', async () => {
  const gateway = await testInstance({ limitFailures: 5 })
  const stranger = generateKey({
    randomBytes: (size) => Buffer.alloc(size, 7),
    randomName: (length) => 'x'.repeat(length),
  })
  const wrong = { apiKey: gateway.owner.apiKey, secret: stranger.secret }
  const unknown = { apiKey: stranger.keyId, secret: stranger.secret }
  for (const by of [wrong, unknown, wrong, unknown, wrong]) {
    assert.equal((await gateway.call('ping', {}, { by })).code, 1401)
  }
  const replies = []
  for (const by of [gateway.owner, wrong, unknown]) replies.push(await gateway.call('ping', {}, { by }))
  for (const { code, message, retry_after: wait } of replies) {
    assert.deepEqual([code, message], [1429, replies[0]?.message])
    assert.ok(wait !== undefined && wait > 0 && wait <= 60)
  }
  const elsewhere = await gateway.post('{"cmd":"ping"}', { address: '192.0.2.9' })
  assert.equal(elsewhere.code, 1400)
  await gateway.close()
})

test('many addresses that are kept out cost the others nothing, and are not kept for ever', () => {
  let now = 0
  const limit = limits({ failures: 1, waste: 1, messages: 0 }, () => now)
  for (let i = 0; i < 200_000; i++) {
    limit.failed(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
    limit.charge(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0)
  }
  const started = process.cpuUsage()
  for (let i = 0; i < 20_000; i++) limit.requirePayer('192.0.2.1')
  const { user, system } = process.cpuUsage(started)
  assert.ok(user + system < 500_000)
  const refused = (address: string) => refusalOf(() => limit.requirePayer(address))?.code
  assert.deepEqual(['10.3.13.63', '10.0.0.1'].map(refused), ['RATE_LIMITED', undefined], 'the newest are kept')
  now += 60_000
  assert.equal(refused('10.3.13.63'), undefined)
})

test('of failures only 1401 counts: some other refusals leave an address alone', async () => {
  const gateway = await testInstance({ limitFailures: 2 })
  for (let i = 0; i < 5; i++) {
    assert.equal((await gateway.post('{"cmd":"ping"}')).code, 1400)
    assert.equal((await gateway.call('pong')).code, 1404)
    assert.equal((await gateway.call('ping', {}, { timestamp: 1 })).code, 1402)
  }
  assert.equal((await gateway.call('ping')).code, 9001)
  await gateway.close()
})

test('a key over its rate is 1429 with Retry-After and a signed reply, and the refused message runs nothing', async () => {
  const gateway = await testInstance({ limitKey: 2, elapsed: () => 0 })
  const send = (i: number, secret = gateway.owner.secret) => {
    const by = { ...gateway.owner, secret }
    return gateway.post(
      signMessage('set-user', { id: `u${i}`, user: { type: 3 } }, by, { timestamp: gateway.seconds() }).body,
    )
  }
  for (let i = 0; i < 5; i++) assert.equal((await send(i, 'not the secret')).code, 1401, 'counts for no key')
  assert.deepEqual([(await send(0)).code, (await send(1)).code], [3011, 3011])
  const refused = await send(2)
  assert.equal(refused.code, 1429)
  const headers = new Map(refused.headers)
  assert.equal(headers.get('Retry-After'), '1')
  assert.ok(headers.has('Countersign-Reply'))
  const { n } = (await gateway.db.get<{ n: number }>('select count(*) as n from users')) ?? { n: -1 }
  assert.equal(n, 2)
  await gateway.close()
})

/** Messages that end before their MAC was right, and what each counts beside the 1 KiB of every one. */
const garbage: Readonly<
  Record<string, readonly [body: string | Buffer, wire: Partial<Wire>, code: number, cost: number]>
> = {
  'no JSON': ['x'.repeat(9_000), {}, 1400, 9_000],
  'JSON without a key': [`{"cmd":"ping","text":"${'x'.repeat(9_000)}"}`, {}, 1400, 9_024],
  'a wrong MAC': [
    `{"cmd":"ping","api_key":"nobody","timestamp":1,"signature":"x","text":"${'x'.repeat(9_000)}"}`,
    {},
    1401,
    9_073,
  ],
  'another path': ['json=x', { path: '/elsewhere' }, 1404, 6],
  'too much': ['x'.repeat(70_000), {}, 1413, 70_000],
  'another charset': ['{}', { contentType: 'text/plain; charset=utf-16' }, 1415, 2],
  'what inflates to more': [
    new URLSearchParams({ msg: deflateSync('x'.repeat(60_000)).toString('base64'), sig: 'x' }).toString(),
    { path: '/control/api2/subowners/list', contentType: 'application/x-www-form-urlencoded' },
    1400,
    60_000,
  ],
}
for (const [what, [body, wire, code, cost]] of Object.entries(garbage)) {
  test(`an address is charged for a message that is refused before its MAC was right: ${what}`, async (t) => {
    const gateway = await instanceFor(t, { limitWaste: 1, bodyLimit: 65_536, elapsed: () => 0 })
    const allowed = Math.ceil(1_048_576 / (1_024 + cost))
    for (let i = 0; i < allowed - 2; i++) await gateway.post(body, wire)
    const codes = []
    for (let i = 0; i < 4; i++) {
      const answer = JSON.parse((await gateway.post(body, wire)).body)
      codes.push(answer.error ?? answer.code)
    }
    assert.equal(codes[0], code)
    assert.ok(codes.includes(1429) && codes.indexOf(1429) >= (what.startsWith('what') ? 1 : 2), `${codes}`)
    assert.equal((await gateway.call('ping')).code, 1429, 'from this address')
    const refused = await gateway.post('{}')
    assert.equal(new Map(refused.headers).get('Retry-After'), '60')
    const other = await gateway.post('{}', { address: '192.0.2.9' })
    assert.equal(JSON.parse(other.body).code, 1400, 'from another')
  })
}

test('a right MAC costs an address nothing, whatever becomes of the message', async (t) => {
  const gateway = await instanceFor(t, { limitWaste: 1, elapsed: () => 0 })
  const text = 'x'.repeat(200_000)
  for (let i = 0; i < 12; i++) {
    assert.equal((await gateway.call('ping', { text })).code, 1422)
    assert.equal((await gateway.call('pong', { text })).code, 1404)
    assert.equal((await gateway.call('ping', { text }, { timestamp: 1 })).code, 1402)
  }
  assert.equal((await gateway.call('ping')).code, 9001)
})

test('a step of the clock, either way, neither lengthens nor ends a limit', async (t) => {
  let elapsed = 0
  const gateway = await instanceFor(t, { limitFailures: 2, limitKey: 2, elapsed: () => elapsed })
  const wrong = { ...gateway.owner, secret: 'wrong' }
  for (const step of [-3_600, 3_600, -86_400 * 400, 86_400 * 400]) {
    for (let i = 0; i < 2; i++) assert.equal((await gateway.call('ping', {}, { by: wrong })).code, 1401)
    gateway.clock.offset += step
    assert.equal((await gateway.call('ping')).retry_after, 60, 'failures of the address')
    elapsed += 59_999
    assert.equal((await gateway.call('ping')).code, 1429)
    elapsed += 1
    for (let i = 0; i < 2; i++) assert.equal((await gateway.call('ping')).code, 9001)
    gateway.clock.offset += step
    assert.equal((await gateway.call('ping')).retry_after, 1, 'messages of the key')
    elapsed += 1_000
    assert.equal((await gateway.call('ping')).code, 9001)
    elapsed += 1_000
  }
})

test('a batch of more commands than a key may send in a second is taken alone, and charged', async (t) => {
  let elapsed = 0
  const gateway = await instanceFor(t, { limitKey: 3, elapsed: () => elapsed })
  const commands = Array.from({ length: 9 }, () => ({ cmd: 'ping' }))
  assert.equal((await gateway.call('batch', { commands })).code, 9031)
  assert.equal((await gateway.call('ping')).retry_after, 3)
  elapsed += 2_667
  assert.equal((await gateway.call('ping')).code, 9001)
})
