import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CommandInstance, instanceFor } from '../../support/commands.js'
import { callUplynk } from '../../support/uplynk.js'

/** Inserts many subowners without keys, each some 250 bytes of a reply. */
const insertMany = (gateway: CommandInstance, count: number): Promise<number> =>
  gateway.db.transaction((session) =>
    session.run(
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < $1)
       insert into subowners (account, id, username, password, permissions, key_id, created_at, updated_at)
       select 1, 'id' || i, '${'x'.repeat(100)}' || i, '', '[]', 'key of nobody', i / 10, 0 from n`,
      [count],
    ),
  )

test('a client of Uplynk is answered every subowner, and none where they are more than a reply may have', async (t) => {
  const gateway = await instanceFor(t)
  const signer = { owner: gateway.owner.apiKey, secret: gateway.owner.secret }
  await insertMany(gateway, 1_234)
  const { error, subowners, paging } = await callUplynk(gateway, 'subowners/list', {}, signer)
  assert.deepEqual([error, subowners.length, paging], [0, 1_234, undefined])
  const ids = subowners.map(({ id }: { id: string }) => id)
  assert.equal(new Set(ids).size, 1_234)
  const native = (await gateway.run('subowners/list', { all: true })).result
  assert.deepEqual([native.subowners, native.paging], [subowners, undefined])
  const paged: string[] = []
  for (let page = 1; page <= 25; page++) {
    const { result } = await gateway.run('subowners/list', { page })
    paged.push(...result.subowners.map(({ id }: { id: string }) => id))
  }
  assert.deepEqual(paged, ids, 'and in the order of the pages')
  const second = await callUplynk(gateway, 'subowners/list', { page: 2, pagesize: 10 }, signer)
  assert.deepEqual([second.error, second.subowners.length, second.paging.total], [0, 10, 1_234])
  await gateway.db.transaction((session) => session.run('delete from subowners'))
  await insertMany(gateway, 11_000)
  const many = await callUplynk(gateway, 'subowners/list', {}, signer)
  assert.deepEqual([many.error, many.subowners], [1414, undefined])
  assert.equal((await gateway.run('subowners/list', { all: true })).code, 1414)
  assert.equal((await gateway.run('subowners/list')).result.paging.total, 11_000)
})

test('of a subowner that was given many keys its own and its newest ones are told, 50 in all', async (t) => {
  const gateway = await instanceFor(t)
  const { id, key_id: first } = (
    await gateway.run('subowners/create', { username: 'b', password: 'lamepass', permissions: ['api'] })
  ).result
  for (let key = 0; key < 60; key++) await gateway.run('subowners/update', { id, newkey: 1, grace: 0 })
  const newest = (await gateway.run('subowners/get', { id })).result
  assert.equal(Object.keys(newest.all_api_keys).length, 50)
  assert.deepEqual(newest.all_api_keys[newest.api_key], { enabled: true })
  assert.deepEqual((await gateway.run('subowners/list')).result.subowners, [newest])
  // As if it had made its newest keys by itself.
  await gateway.db.transaction((session) => session.run('update subowners set key_id = $1', [first]))
  const own = (await gateway.run('subowners/get', { id })).result
  assert.equal(Object.keys(own.all_api_keys).length, 50)
  assert.ok(own.api_key !== newest.api_key && own.all_api_keys[own.api_key])
})
