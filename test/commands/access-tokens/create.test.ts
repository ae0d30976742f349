import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isGeneratedToken } from '../../../src/generate.js'
import { faultPaths, instanceFor } from '../../support/commands.js'
import { makeKey, makeUser } from '../../support/keys.js'

const day = 86_400

test('a token is for devices and a day unless something else is said; it is shown once and kept nowhere in plain', async (t) => {
  const now = 1_795_332_418
  const gateway = await instanceFor(t, { now: () => now * 1000 })
  const at = { timestamp: now, idempotencyKey: 'token-job-1' }
  const { code, result } = await gateway.call('access-tokens/create', {}, at)
  const { token, token_id, ...given } = result
  assert.deepEqual([code, given], [5031, { permissions: ['devices:*'], expires_at: now + day }])
  assert.ok(isGeneratedToken(token))
  assert.match(token_id, /^[0-9a-f]{32}$/)
  const again = await gateway.call('access-tokens/create', {}, at)
  assert.deepEqual([again.replayed, again.result], [true, { ...result, token: null }])
  for (const file of readdirSync(gateway.folder)) {
    assert.ok(!readFileSync(join(gateway.folder, file)).includes(token), file)
  }
})

test('a token may do no more, and live no longer, than what made it', async (t) => {
  const gateway = await instanceFor(t)
  const end = gateway.seconds() + 3600
  const limited = { permissions: ['devices:*', 'keys:write'], expires_at: end }
  const made = (await gateway.run('keys/create', limited)).result
  const by = { apiKey: made.key_id, secret: made.secret }
  const rows: readonly (readonly [code: number, params: object])[] = [
    [5031, {}],
    [5031, { permissions: ['devices:read'], expires_in: 3000 }],
    [5031, { permissions: [] }],
    [1403, { permissions: ['*'] }],
    [1403, { permissions: ['users:read'] }],
    [1403, { permissions: ['devices:read', 'keys:read'] }],
    [1403, { expires_in: 4000 }],
  ]
  for (const [code, params] of rows) {
    assert.equal((await gateway.run('access-tokens/create', params, by)).code, code, JSON.stringify(params))
  }
  const own = (await gateway.run('access-tokens/create', {}, by)).result
  assert.equal(own.expires_at, end)
  const keysOnly = await makeKey(gateway, { permissions: ['keys:write'] })
  assert.equal((await gateway.run('access-tokens/create', {}, keysOnly)).code, 1403)
})

test('a token made from an address list may be used from there alone', async (t) => {
  const gateway = await instanceFor(t)
  const by = await makeKey(gateway, { addresses: ['127.0.0.0/8', '::1'] })
  assert.equal((await gateway.run('access-tokens/create', {}, by)).code, 5031)
  const { result } = await gateway.run('access-tokens/list')
  assert.deepEqual(result.access_tokens[0].ips, ['127.0.0.0/8', '::1'])
})

test('what is no grant is 1422', async (t) => {
  const gateway = await instanceFor(t)
  for (const [params, path] of [
    [{ permissions: ['instance'] }, '/permissions/0'],
    [{ permissions: 'devices:*' }, '/permissions'],
    [{ expires_in: 59 }, '/expires_in'],
    [{ expires_in: 31_536_001 }, '/expires_in'],
    [{ token: 'mine' }, '/token'],
  ] as const) {
    const reply = await gateway.run('access-tokens/create', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]], JSON.stringify(params))
  }
})

test('a principal has at most 100 live tokens: one more is 5030 until one has ended', async (t) => {
  const gateway = await instanceFor(t)
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const create = async (params: object = {}) => (await gateway.run('access-tokens/create', params, admin)).code
  assert.equal(await create({ expires_in: 60 }), 5031)
  for (let n = 1; n < 100; n++) assert.equal(await create(), 5031)
  assert.equal(await create(), 5030)
  assert.equal((await gateway.run('access-tokens/create')).code, 5031, 'another principal has its own')
  gateway.clock.offset += 61
  assert.equal(await create(), 5031)
  assert.equal(await create(), 5030)
})

test('a clock that is ahead for a while takes no token away: what has ended goes with the chores, once the clock is believed', async (t) => {
  const time = { true: 1_800_000_000, offset: 0, monotonic: 0 }
  const gateway = await instanceFor(t, {
    settling: 600_000,
    now: () => (time.true + time.offset) * 1000,
    elapsed: () => time.monotonic * 1000,
  })
  async function pass(seconds: number): Promise<void> {
    time.true += seconds
    time.monotonic += seconds
    await gateway.run('ping')
    await gateway.forget()
  }
  const ids = async () => {
    const rows = await gateway.db.all<{ token_id: string }>('select token_id from access_tokens')
    return rows.map(({ token_id }) => token_id).sort()
  }
  const create = async (expires_in: number) =>
    (await gateway.run('access-tokens/create', { expires_in })).result.token_id
  const [short, long] = [await create(60), await create(30 * day)]
  await pass(30)
  time.offset = 60 * day
  const later = await create(30 * day)
  await pass(300)
  assert.deepEqual(await ids(), [short, long, later].sort())
  time.offset = 0
  for (let minutes = 0; minutes < 10; minutes += 2) await pass(120)
  assert.deepEqual(await ids(), [short, long, later].sort())
  await pass(120)
  assert.deepEqual(await ids(), [long, later].sort())
})

test('access-tokens/create needs keys:write', async (t) => {
  const gateway = await instanceFor(t)
  for (const permissions of [[], ['*:read'], ['keys:read', 'devices:*']]) {
    const by = await makeKey(gateway, { permissions })
    assert.equal((await gateway.run('access-tokens/create', {}, by)).code, 1403)
  }
})
