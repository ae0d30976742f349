import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../../clients/typescript/index.js'
import { type CommandInstance, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

const paging = (total: number) => ({ page: 1, pagesize: 50, total })

const create = async (gateway: CommandInstance, username: string, permissions: string[] = []) =>
  (await gateway.run('subowners/create', { username, password: 'lamepass', permissions })).result

test('subowners/get and subowners/list show what subowners/create answered', async (t) => {
  const gateway = await instanceFor(t)
  assert.deepEqual((await gateway.run('subowners/list')).result, { subowners: [], paging: paging(0) })
  const made = [await create(gateway, 'b', ['slice']), await create(gateway, 'c', ['api']), await create(gateway, 'd')]
  for (const subowner of made) {
    const { code, result } = await gateway.run('subowners/get', { id: subowner.id })
    assert.deepEqual([code, result], [4011, subowner])
  }
  const { code, result } = await gateway.run('subowners/list')
  assert.deepEqual([code, result], [4021, { subowners: made, paging: paging(3) }])
})

test('an id that is not there, or another account’s, is 4010', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const { id } = await create(gateway, 'b')
  assert.equal((await gateway.run('subowners/get', { id }, other)).code, 4010)
  assert.deepEqual((await gateway.run('subowners/list', {}, other)).result, { subowners: [], paging: paging(0) })
  for (const wrong of ['f534c6e0ebba4d70b2b4c31659e50952', id.toUpperCase(), id.slice(1), 'b']) {
    assert.equal((await gateway.run('subowners/get', { id: wrong })).code, 4010, wrong)
  }
})

test('secrets are shown to holders of secrets:read who hold what the subowner holds, wherever and as long as its key works', async (t) => {
  const gateway = await instanceFor(t)
  const [slice, api] = [await create(gateway, 'a', ['slice']), await create(gateway, 'b', ['api'])]
  const end = gateway.seconds() + 60
  const ending = (await gateway.run('keys/create', { expires_at: end })).result
  const rows: readonly (readonly [by: Credentials, slice: boolean, api: boolean])[] = [
    [await makeKey(gateway, { permissions: ['*'] }), true, true],
    [await makeKey(gateway, { permissions: ['*:read'] }), false, false],
    [await makeKey(gateway, { permissions: ['subowners:*'] }), false, false],
    [await makeKey(gateway, { permissions: ['subowners:read', 'secrets:read'] }), true, false],
    [await makeKey(gateway, { addresses: ['127.0.0.1'] }), false, false],
    [{ apiKey: ending.key_id, secret: ending.secret }, false, false],
  ]
  for (const [index, [by, ...shown]] of rows.entries()) {
    for (const [at, subowner] of [slice, api].entries()) {
      const { code, result } = await gateway.run('subowners/get', { id: subowner.id }, by)
      const withheld = { ...subowner, api_key: null, all_api_keys: null }
      assert.deepEqual([code, result], [4011, shown[at] ? subowner : withheld], `row ${index}`)
      const { subowners } = (await gateway.run('subowners/list', {}, by)).result
      assert.deepEqual(subowners[at], result, `row ${index}`)
    }
  }
})

test('the same bytes again show no secret', async (t) => {
  const gateway = await instanceFor(t)
  const made = await create(gateway, 'b')
  const timestamp = gateway.seconds()
  const get = () => gateway.call('subowners/get', { id: made.id }, { timestamp })
  assert.deepEqual((await get()).result, made)
  const again = await get()
  assert.deepEqual([again.replayed, again.result], [true, { ...made, api_key: null, all_api_keys: null }])
})

test('subowners/get and subowners/list need subowners:read', async (t) => {
  const gateway = await instanceFor(t)
  const by = await makeKey(gateway, { permissions: ['users:*', 'keys:*', 'subowners:write'] })
  assert.equal((await gateway.run('subowners/get', { id: 'x' }, by)).code, 1403)
  assert.equal((await gateway.run('subowners/list', {}, by)).code, 1403)
})
