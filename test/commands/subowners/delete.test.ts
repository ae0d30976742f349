import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../../clients/typescript/index.js'
import { type CommandInstance, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

const create = async (
  gateway: CommandInstance,
  username: string,
  permissions: string[] = ['api'],
  by = gateway.owner,
) => (await gateway.run('subowners/create', { username, password: 'lamepass', permissions }, by)).result

const keyOf = ({ key_id: apiKey, api_key: secret }: { key_id: string; api_key: string }): Credentials => ({
  apiKey,
  secret,
})

test('subowners/delete answers Deleted, ends every key of the subowner at once (1401), and frees its username', async (t) => {
  const gateway = await instanceFor(t)
  const made = await create(gateway, 'ptvn.dave')
  const renewed = (await gateway.run('subowners/update', { id: made.id, newkey: 1 })).result
  const own = (await gateway.run('keys/create', {}, keyOf(made))).result
  const keys = [keyOf(made), keyOf(renewed), { apiKey: own.key_id, secret: own.secret }]
  for (const by of keys) assert.equal((await gateway.run('ping', {}, by)).code, 9001)
  const { code, result } = await gateway.run('subowners/delete', { id: made.id })
  assert.deepEqual([code, result], [4041, { msg: 'Deleted' }])
  for (const by of keys) assert.equal((await gateway.run('ping', {}, by)).code, 1401)
  assert.equal((await gateway.run('subowners/get', { id: made.id })).code, 4010)
  const again = await create(gateway, 'ptvn.dave')
  assert.notEqual(again.id, made.id)
  for (const by of keys) assert.equal((await gateway.run('ping', {}, by)).code, 1401)
})

test('what a deleted subowner has created stays; its own deletion it may ask for itself', async (t) => {
  const gateway = await instanceFor(t)
  const parent = await create(gateway, 'parent')
  const child = await create(gateway, 'child', ['api'], keyOf(parent))
  assert.equal((await gateway.run('subowners/delete', { id: parent.id }, keyOf(parent))).code, 4041)
  assert.equal((await gateway.run('ping', {}, keyOf(child))).code, 9001)
})

test('who deletes a subowner holds what it holds; another account’s and none are 4040', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const [api, slice] = [await create(gateway, 'api'), await create(gateway, 'slice', ['slice'])]
  const little = await makeKey(gateway, { permissions: ['subowners:*', '*:read'] })
  const reader = await makeKey(gateway, { permissions: ['*:read'] })
  const rows: readonly (readonly [by: Credentials, id: string, code: number])[] = [
    [other, api.id, 4040],
    [little, api.id, 1403],
    [reader, slice.id, 1403],
    [little, slice.id, 4041],
    [gateway.owner, slice.id, 4040],
    [gateway.owner, api.id, 4041],
  ]
  for (const [by, id, code] of rows) assert.equal((await gateway.run('subowners/delete', { id }, by)).code, code)
})
