import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { generateKey } from '../../src/generate.js'
import { limits } from '../../src/limits.js'
import { Refusal } from '../../src/refusal.js'
import { testInstance } from '../support/instance.js'

/** The failures are counted behind a promise: let it settle. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

function refusalOf(call: () => void): Refusal | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

async function fail(limit: ReturnType<typeof limits>, address: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) limit.failed(address)
  await settled()
}

test('an address is refused after its failures of a minute, and let in again when the minute is over', async () => {
  let now = 1_000_000
  const limit = limits(3, 0, () => now)
  const refused = () => refusalOf(() => limit.requireAddress('192.0.2.1'))
  await fail(limit, '192.0.2.1', 2)
  assert.equal(refused(), undefined)
  await fail(limit, '192.0.2.1', 1)
  assert.equal(refused()?.code, 'RATE_LIMITED')
  const { retryAfter = 0 } = refused()?.detail ?? {}
  assert.ok(Number.isInteger(retryAfter) && retryAfter > 0 && retryAfter <= 60, String(retryAfter))
  now += retryAfter * 1000 - 1_001
  assert.equal(refused()?.code, 'RATE_LIMITED')
  now += 1_001
  assert.equal(refused(), undefined)
})

const neighbours: readonly (readonly [failing: string, other: string, alike: boolean])[] = [
  ['192.0.2.1', '192.0.2.2', false],
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['::1', '127.0.0.1', false],
]
for (const [failing, other, alike] of neighbours) {
  test(`failures of ${failing} ${alike ? 'count' : 'do not count'} against ${other}`, async () => {
    const limit = limits(2, 0, () => 0)
    await fail(limit, failing, 2)
    assert.equal(refusalOf(() => limit.requireAddress(failing))?.code, 'RATE_LIMITED')
    assert.equal(refusalOf(() => limit.requireAddress(other))?.code, alike ? 'RATE_LIMITED' : undefined)
  })
}

test('a key gets its messages of a second and no more; other keys are not touched; without a limit none is counted', async () => {
  const { takeKey } = limits(1, 3, () => 0)
  assert.ok(takeKey)
  await takeKey('a', 2)
  await takeKey('a', 1)
  await assert.rejects(takeKey('a', 1), (error) => error instanceof Refusal && error.code === 'RATE_LIMITED')
  await takeKey('b', 3)
  assert.equal(limits(1, 0, () => 0).takeKey, undefined)
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

test('many addresses that are kept out cost the others nothing', async () => {
  const limit = limits(1, 0, () => 0)
  for (let i = 0; i < 20_000; i++) limit.failed(`10.0.${i >> 8}.${i & 255}`)
  await settled()
  const started = performance.now()
  for (let i = 0; i < 20_000; i++) limit.requireAddress('192.0.2.1')
  assert.ok(performance.now() - started < 500)
  assert.equal(refusalOf(() => limit.requireAddress('10.0.78.31'))?.code, 'RATE_LIMITED')
})

test('only 1401 counts: any number of other refusals leaves an address alone', async () => {
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
  const gateway = await testInstance({ limitKey: 2 })
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
