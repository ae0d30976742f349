import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../../clients/typescript/index.js'
import { type CommandInstance, faultPaths, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

const create = async (gateway: CommandInstance, permissions: string[] = ['api'], by = gateway.owner) =>
  (await gateway.run('subowners/create', { username: 'ptvn.dave', password: 'lamepass', permissions }, by)).result

const keyOf = ({ key_id: apiKey, api_key: secret }: { key_id: string; api_key: string }): Credentials => ({
  apiKey,
  secret,
})
const works = async (gateway: CommandInstance, by: Credentials) => (await gateway.run('ping', {}, by)).code
const enabled = (result: { all_api_keys: Record<string, { enabled: boolean }> }) =>
  Object.fromEntries(Object.entries(result.all_api_keys).map(([secret, key]) => [secret, key.enabled]))

test('permissions are changed at once, and only what is given', async (t) => {
  const gateway = await instanceFor(t)
  const made = await create(gateway, ['slice'])
  const by = keyOf(made)
  assert.equal(await works(gateway, by), 1403)
  const { code, result } = await gateway.run('subowners/update', { id: made.id, permissions: ['api', 'api'] })
  assert.deepEqual([code, result], [4031, { ...made, permissions: ['api'] }])
  assert.equal(await works(gateway, by), 9001)
  const before = await gateway.db.get('select password from subowners')
  await gateway.run('subowners/update', { id: made.id, permissions: [] })
  assert.equal(await works(gateway, by), 1403)
  assert.deepEqual(await gateway.db.get('select password from subowners'), before)
  await gateway.run('subowners/update', { id: made.id, password: 'another' })
  assert.notDeepEqual(await gateway.db.get('select password from subowners'), before)
  assert.deepEqual((await gateway.run('subowners/get', { id: made.id })).result, { ...made, permissions: [] })
})

test('newkey makes a new secret; the old one works an hour longer, or as long as grace says, and stays listed', async (t) => {
  const gateway = await instanceFor(t)
  const first = await create(gateway)
  const second = (await gateway.run('subowners/update', { id: first.id, newkey: 1 })).result
  assert.notEqual(second.api_key, first.api_key)
  assert.deepEqual(enabled(second), { [first.api_key]: true, [second.api_key]: true })
  const third = (await gateway.run('subowners/update', { id: first.id, newkey: '1', grace: 60 })).result
  assert.deepEqual(enabled(third), { [first.api_key]: true, [second.api_key]: true, [third.api_key]: true })
  gateway.clock.offset += 61
  assert.deepEqual(
    await Promise.all([first, second, third].map((key) => works(gateway, keyOf(key)))),
    [9001, 1407, 9001],
  )
  gateway.clock.offset += 3600
  assert.deepEqual(
    await Promise.all([first, second, third].map((key) => works(gateway, keyOf(key)))),
    [1407, 1407, 9001],
  )
  const { result } = await gateway.run('subowners/get', { id: first.id })
  assert.deepEqual(enabled(result), { [first.api_key]: false, [second.api_key]: false, [third.api_key]: true })
  assert.deepEqual([result.api_key, result.key_id], [third.api_key, third.key_id])
})

test('grace 0 ends the old key at once, also when the subowner itself asks for it', async (t) => {
  const gateway = await instanceFor(t)
  const first = await create(gateway)
  const { code, result } = await gateway.run('subowners/update', { id: first.id, newkey: 1, grace: 0 }, keyOf(first))
  assert.equal(code, 4031)
  assert.deepEqual(enabled(result), { [first.api_key]: false, [result.api_key]: true })
  assert.deepEqual([await works(gateway, keyOf(first)), await works(gateway, keyOf(result))], [1407, 9001])
})

test('a new key keeps the lineage: what ran under an idempotency key before is answered from its outcome', async (t) => {
  const gateway = await instanceFor(t)
  const first = await create(gateway)
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
  const toggle = (by: Credentials) =>
    gateway.call('toggle-user', { id: 'alice' }, { by, idempotencyKey: 'job-81-step-3' })
  assert.equal((await toggle(keyOf(first))).code, 3021)
  const second = (await gateway.run('subowners/update', { id: first.id, newkey: 1 })).result
  const again = await toggle(keyOf(second))
  assert.deepEqual([again.code, again.replayed, again.result.enable], [3021, true, false])
})

test('a principal has at most five live keys: the grace time of the oldest is cut short, and keys of its own making stay', async (t) => {
  const gateway = await instanceFor(t)
  const keys = [await create(gateway)]
  const [{ id }] = keys
  for (let n = 0; n < 5; n++) {
    gateway.clock.offset++
    keys.push((await gateway.run('subowners/update', { id, newkey: 1 })).result)
  }
  const codes = await Promise.all(keys.map((key) => works(gateway, keyOf(key))))
  assert.deepEqual(codes, [1407, 9001, 9001, 9001, 9001, 9001])

  gateway.clock.offset += 3601
  const current = keyOf(keys[5])
  for (let n = 0; n < 4; n++) assert.equal((await gateway.run('keys/create', {}, current)).code, 6101)
  assert.equal((await gateway.run('keys/create', {}, current)).code, 6100)
  const renewed = await gateway.run('subowners/update', { id, newkey: 1 })
  assert.equal(renewed.code, 4031)
  assert.deepEqual([await works(gateway, current), await works(gateway, keyOf(renewed.result))], [1407, 9001])
})

test('a new key that would be the sixth is not made (4032), and nothing else is changed', async (t) => {
  const gateway = await instanceFor(t)
  const made = await create(gateway)
  const keys = [keyOf(made)]
  for (let n = 0; n < 4; n++) {
    const { result } = await gateway.run('keys/create', {}, keys[0])
    keys.push({ apiKey: result.key_id, secret: result.secret })
  }
  await gateway.run('keys/revoke', { key: made.key_id })
  const { result } = await gateway.run('keys/create', {}, keys[1])
  keys.push({ apiKey: result.key_id, secret: result.secret })
  const change = { id: made.id, newkey: 1, permissions: ['slice'], password: 'another' }
  const before = await gateway.db.get('select * from subowners')
  assert.equal((await gateway.run('subowners/update', change)).code, 4032)
  assert.deepEqual(await gateway.db.get('select * from subowners'), before)
  assert.deepEqual(await Promise.all(keys.map((by) => works(gateway, by))), [1407, 9001, 9001, 9001, 9001, 9001])
})

test('the new secret is shown to who made it, without secrets:read the others are not', async (t) => {
  const gateway = await instanceFor(t)
  const made = await create(gateway, ['slice'])
  const by = await makeKey(gateway, { permissions: ['subowners:write'] })
  const plain = (await gateway.run('subowners/update', { id: made.id, password: 'another' }, by)).result
  assert.deepEqual([plain.api_key, plain.all_api_keys], [null, null])
  const renewed = (await gateway.run('subowners/update', { id: made.id, newkey: 1 }, by)).result
  assert.deepEqual([typeof renewed.api_key, renewed.all_api_keys], ['string', null])
})

test('who changes a subowner holds what it holds and what it shall hold; who makes its key, wherever and as long as it works', async (t) => {
  const gateway = await instanceFor(t)
  const api = await create(gateway)
  const { result: slice } = await gateway.run('subowners/create', { username: 'slice', password: 'x' })
  const little = await makeKey(gateway, { permissions: ['subowners:*', 'secrets:read', '*:read', 'keys:*'] })
  const inside = await makeKey(gateway, { addresses: ['127.0.0.1'] })
  const rows: readonly (readonly [by: Credentials, id: string, change: object, code: number])[] = [
    [little, api.id, { password: 'mine' }, 1403],
    [little, api.id, { permissions: [] }, 1403],
    [little, api.id, { newkey: 1 }, 1403],
    [little, slice.id, { permissions: ['api'] }, 1403],
    [little, slice.id, { permissions: ['slice'] }, 4031],
    [little, slice.id, { newkey: 1 }, 4031],
    [inside, api.id, { newkey: 1 }, 1403],
    [inside, slice.id, { permissions: ['api'] }, 1403],
    [inside, api.id, { password: 'ours' }, 4031],
    [gateway.owner, api.id, { newkey: 1, permissions: ['slice'] }, 4031],
  ]
  for (const [by, id, change, code] of rows) {
    const before = await gateway.db.all('select * from keys, subowners')
    assert.equal((await gateway.run('subowners/update', { id, ...change }, by)).code, code, JSON.stringify(change))
    if (code === 1403) assert.deepEqual(await gateway.db.all('select * from keys, subowners'), before)
  }
})

test('a new key is limited as the one before it, and one that has ended is no limit', async (t) => {
  const gateway = await instanceFor(t)
  const made = await create(gateway)
  const end = gateway.seconds() + 7200
  const limits = { ips: ['127.0.0.0/8'], expires_at: end, permissions: ['users:*'] }
  assert.equal((await gateway.run('keys/update', { key: made.key_id, ...limits })).code, 6121)
  const second = (await gateway.run('subowners/update', { id: made.id, newkey: 1 })).result
  const keyInfo = async (keyId: string) =>
    (await gateway.run('keys/list')).result.keys.find((key: { key_id: string }) => key.key_id === keyId)
  const { ips, expires_at, permissions } = await keyInfo(second.key_id)
  assert.deepEqual({ ips, expires_at, permissions }, limits)
  gateway.clock.offset += 7201
  const third = (await gateway.run('subowners/update', { id: made.id, newkey: 1 })).result
  assert.equal((await keyInfo(third.key_id)).expires_at, null)
  assert.equal((await gateway.run('list-users', {}, keyOf(third))).code, 3031)
})

test('a subowner that is not there, or another account’s, is 4030', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const { id } = await create(gateway)
  assert.equal((await gateway.run('subowners/update', { id, newkey: 1 }, other)).code, 4030)
  assert.equal((await gateway.run('subowners/update', { id: 'x', newkey: 1 })).code, 4030)
})

test('subowners/update refuses what changes nothing, and what it does not know', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [params: object, path: string])[] = [
    [{}, ''],
    [{ grace: 5 }, ''],
    [{ newkey: 2 }, '/newkey'],
    [{ newkey: 1, grace: -1 }, '/grace'],
    [{ newkey: 1, grace: 31_536_001 }, '/grace'],
    [{ username: 'b' }, '/username'],
    [{ permissions: ['api', 'admin'] }, '/permissions/1'],
  ]
  for (const [params, path] of rows) {
    const reply = await gateway.run('subowners/update', { id: 'x', ...params })
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]], JSON.stringify(params))
  }
})
