import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Credentials, isAuthentic, signMessage } from '../../../clients/typescript/index.js'
import { isGeneratedSecret } from '../../../src/generate.js'
import { type CommandInstance, instanceFor } from '../../support/commands.js'
import { makeKey, makeUser } from '../../support/keys.js'

async function rotate(gateway: CommandInstance, { apiKey }: Credentials, params = {}): Promise<Credentials> {
  const { code, result } = await gateway.run('keys/rotate', { key: apiKey, ...params })
  assert.deepEqual([code, result.key_id], [6131, apiKey])
  return { apiKey, secret: result.secret }
}

const works = async (gateway: CommandInstance, by: Credentials) => (await gateway.run('ping', {}, by)).code

test('during the grace time both secrets sign, each reply signed with the one that was used; then the new one alone', async (t) => {
  const gateway = await instanceFor(t)
  const old = await makeKey(gateway)
  const until = gateway.seconds() + 60
  const { result } = await gateway.run('keys/rotate', { key: old.apiKey, grace: 60 })
  assert.ok(isGeneratedSecret(result.secret) && result.secret !== old.secret)
  assert.ok(result.old_secret_until - until <= 1)
  const renewed = { apiKey: old.apiKey, secret: result.secret }
  for (const [by, other] of [
    [old, renewed],
    [renewed, old],
  ] as const) {
    const { body, mac } = signMessage('ping', {}, by, { timestamp: gateway.seconds() })
    const reply = await gateway.post(body)
    const header = new Map(reply.headers).get('Countersign-Reply') ?? null
    assert.ok(isAuthentic(header, mac, reply.status, reply.body, by.secret))
    assert.ok(!isAuthentic(header, mac, reply.status, reply.body, other.secret))
  }
  gateway.clock.offset += 62
  assert.deepEqual([await works(gateway, old), await works(gateway, renewed)], [1401, 9001])
})

test('grace 0 ends the old secret at once; without a grace it has an hour', async (t) => {
  const gateway = await instanceFor(t)
  const first = await makeKey(gateway)
  const second = await rotate(gateway, first, { grace: 0 })
  assert.deepEqual([await works(gateway, first), await works(gateway, second)], [1401, 9001])
  const third = await rotate(gateway, second)
  gateway.clock.offset += 3590
  assert.deepEqual([await works(gateway, second), await works(gateway, third)], [9001, 9001])
  gateway.clock.offset += 20
  assert.deepEqual([await works(gateway, second), await works(gateway, third)], [1401, 9001])
})

test('a key has at most two live secrets: a further rotation ends the oldest', async (t) => {
  const gateway = await instanceFor(t)
  const first = await makeKey(gateway)
  const second = await rotate(gateway, first)
  const third = await rotate(gateway, second)
  const codes = [await works(gateway, first), await works(gateway, second), await works(gateway, third)]
  assert.deepEqual(codes, [1401, 9001, 9001])
})

test('a rotation keeps the lineage: what ran under an idempotency key before it is answered from its outcome after it', async (t) => {
  const gateway = await instanceFor(t)
  const old = await makeKey(gateway)
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
  const toggle = (by: Credentials, later: number) =>
    gateway.call(
      'toggle-user',
      { id: 'alice' },
      { by, idempotencyKey: 'job-81-step-3', timestamp: gateway.seconds() + later },
    )
  const first = await toggle(old, 0)
  const renewed = await rotate(gateway, old)
  for (const [by, later] of [
    [old, 1],
    [renewed, 2],
  ] as const) {
    const again = await toggle(by, later)
    assert.deepEqual([again.code, again.replayed, again.result], [3021, true, first.result])
  }
  assert.equal((await gateway.run('get-user', { id: 'alice' })).result.enable, false)
})

test('the new secret is withheld from the same bytes, and shown to the freshly signed twin', async (t) => {
  const gateway = await instanceFor(t)
  const by = await makeKey(gateway)
  const message = (later: number) =>
    signMessage('keys/rotate', { key: by.apiKey }, by, {
      timestamp: gateway.seconds() + later,
      idempotencyKey: 'rotate-0001',
    }).body
  const bytes = message(0)
  const send = async (body: string) => JSON.parse((await gateway.post(body)).body)
  const [first, same, fresh] = [await send(bytes), await send(bytes), await send(message(1))]
  assert.deepEqual([first.code, same.code, fresh.code, same.replayed, fresh.replayed], [6131, 6131, 6131, true, true])
  assert.deepEqual([same.result.secret, fresh.result.secret], [null, first.result.secret])
  assert.equal(await works(gateway, { ...by, secret: first.result.secret }), 9001)
})

test('who rotates holds everything that the key holds, wherever and as long as it works', async (t) => {
  const gateway = await instanceFor(t)
  const end = gateway.seconds() + 3600
  const held = { permissions: ['keys:*', 'users:*'], ips: ['127.0.0.0/8'], expires_at: end }
  const made = (await gateway.run('keys/create', held)).result
  const by = { apiKey: made.key_id, secret: made.secret }
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const regular = await makeUser(gateway, 'regular', { type: 3 })
  const rows: readonly (readonly [code: number, target: object | string])[] = [
    [6131, {}],
    [6131, { ips: ['127.0.0.1'], expires_at: end - 1 }],
    [6131, { permissions: ['users:read'] }],
    [1403, { permissions: ['users:*', 'streams:read'] }],
    [1403, { permissions: ['*'] }],
    [1403, { ips: [] }],
    [1403, { ips: ['127.0.0.1', '10.0.0.1'] }],
    [1403, { expires_at: null }],
    [1403, { expires_at: end + 1 }],
    [1403, admin.apiKey],
    [1403, regular.apiKey],
    [1403, gateway.owner.apiKey],
    [6131, by.apiKey],
  ]
  for (const [code, target] of rows) {
    const create = { ...held, ...(typeof target === 'object' && target) }
    const key = typeof target === 'string' ? target : (await gateway.run('keys/create', create)).result.key_id
    const before = await gateway.db.get('select * from keys where key_id = $1', [key])
    const reply = await gateway.run('keys/rotate', { key }, by)
    assert.equal(reply.code, code, JSON.stringify([target, reply.message]))
    const after = await gateway.db.get('select * from keys where key_id = $1', [key])
    if (code === 1403) assert.deepEqual(after, before)
    if (typeof target === 'object') await gateway.run('keys/revoke', { key })
  }
})

test('a panel user whose access ends may rotate its own key', async (t) => {
  const gateway = await instanceFor(t)
  const admin = await makeUser(gateway, 'admin', { type: 1, expire: gateway.seconds() + 600 })
  assert.equal((await gateway.run('keys/rotate', { key: admin.apiKey }, admin)).code, 6131)
})

test('a revoked key and one that is not there are 6130', async (t) => {
  const gateway = await instanceFor(t)
  const { apiKey: key } = await makeKey(gateway)
  await gateway.run('keys/revoke', { key })
  for (const gone of [key, 'ck_nobody']) assert.equal((await gateway.run('keys/rotate', { key: gone })).code, 6130)
  for (const grace of [-1, 1.5, 31_536_001, 'long']) {
    assert.equal((await gateway.run('keys/rotate', { key, grace })).code, 1422)
  }
})

/** What commands answer to a secret, each reply signed with it: one that needs nothing, a read, and a write. */
async function answers(gateway: CommandInstance, by: Credentials): Promise<number[]> {
  const asked: readonly (readonly [cmd: string, params: object])[] = [
    ['ping', {}],
    ['list-users', {}],
    ['set-user', { id: 'bob', user: { type: 3 } }],
  ]
  const codes: number[] = []
  for (const [cmd, params] of asked) {
    const envelope = { timestamp: gateway.seconds(), idempotencyKey: `job-${++jobs}` }
    const { body, mac } = signMessage(cmd, params, by, envelope)
    const reply = await gateway.post(body)
    const header = new Map(reply.headers).get('Countersign-Reply') ?? null
    assert.ok(isAuthentic(header, mac, reply.status, reply.body, by.secret), cmd)
    codes.push(JSON.parse(reply.body).code)
  }
  return codes
}
let jobs = 10_000_000

test('both secrets of a rotated key are answered alike when its principal holds nothing any more, and hold what they did when it does again', async (t) => {
  const gateway = await instanceFor(t)
  // An account keeps its last administrator.
  await gateway.run('set-user', { id: 'another', user: { type: 1 } })
  const setType = (type: number) => gateway.run('set-user', { id: 'admin', user: { type } })
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const made = (
    await gateway.run('subowners/create', { username: 'x.sub', password: 'lamepass', permissions: ['api'] })
  ).result
  const sub = { apiKey: made.key_id, secret: made.api_key }
  const setSub = (permissions: string[]) => gateway.run('subowners/update', { id: made.id, permissions })
  const all = [9001, 3031, 3011]
  const rows: readonly (readonly [
    old: Credentials,
    end: () => Promise<unknown>,
    without: number[],
    restore: () => Promise<unknown>,
  ])[] = [
    [admin, () => setType(3), [9001, 1403, 1403], () => setType(1)],
    [sub, () => setSub([]), [1403, 1403, 1403], () => setSub(['api'])],
  ]
  for (const [old, end, without, restore] of rows) {
    const renewed = await rotate(gateway, old)
    for (const by of [old, renewed]) assert.deepEqual(await answers(gateway, by), all)
    await end()
    for (const by of [old, renewed]) assert.deepEqual(await answers(gateway, by), without)
    // A key that may do nothing is rotated like every other.
    const again = await rotate(gateway, old)
    for (const by of [renewed, again]) assert.deepEqual(await answers(gateway, by), without)
    await restore()
    for (const by of [renewed, again]) assert.deepEqual(await answers(gateway, by), all)
    assert.equal(await works(gateway, old), 1401)
  }
})
