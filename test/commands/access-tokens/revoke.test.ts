import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../../clients/typescript/index.js'
import { type CommandInstance, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey, makeUser } from '../../support/keys.js'

const tokenOf = async (gateway: CommandInstance, by?: Credentials, params: object = {}): Promise<string> =>
  (await gateway.run('access-tokens/create', params, by)).result.token_id

const listed = async (gateway: CommandInstance, by?: Credentials): Promise<string[]> =>
  (await gateway.run('access-tokens/list', {}, by)).result.access_tokens.map(
    ({ token_id }: { token_id: string }) => token_id,
  )

test('a revoked token is gone, and a second revoke is 5050', async (t) => {
  const gateway = await instanceFor(t)
  const [token, stays] = [await tokenOf(gateway), await tokenOf(gateway)]
  assert.equal((await gateway.run('access-tokens/revoke', { token_id: token })).code, 5051)
  assert.equal((await gateway.run('access-tokens/revoke', { token_id: token })).code, 5050)
  assert.deepEqual(await listed(gateway), [stays])
})

test('another account’s token is none of ours: 5050, and it stays', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const token = await tokenOf(gateway, other)
  assert.equal((await gateway.run('access-tokens/revoke', { token_id: token })).code, 5050)
  assert.deepEqual(await listed(gateway, other), [token])
})

test('a token that may do more than the caller is 1403, and stays', async (t) => {
  const gateway = await instanceFor(t)
  const token = await tokenOf(gateway)
  const by = await makeKey(gateway, { permissions: ['keys:*', 'devices:read'] })
  assert.equal((await gateway.run('access-tokens/revoke', { token_id: token }, by)).code, 1403)
  assert.deepEqual(await listed(gateway), [token])
})

test('a key that is revoked with cascade takes every token with it that was made below it; without, they stay', async (t) => {
  const gateway = await instanceFor(t)
  const top = await makeKey(gateway)
  const child = (await gateway.run('keys/create', {}, top)).result
  const below = { apiKey: child.key_id, secret: child.secret }
  const [stays, first, second] = [await tokenOf(gateway), await tokenOf(gateway, top), await tokenOf(gateway, below)]
  await gateway.run('keys/revoke', { key: below.apiKey })
  assert.deepEqual(new Set(await listed(gateway)), new Set([stays, first, second]))
  const { result } = await gateway.run('keys/revoke', { key: top.apiKey, cascade: true })
  assert.deepEqual(new Set(result.tokens), new Set([first, second]))
  assert.deepEqual(await listed(gateway), [stays])
})

test('cascade over a token that may do more than the caller is 1403, and ends nothing', async (t) => {
  const gateway = await instanceFor(t)
  const top = await makeKey(gateway)
  const token = await tokenOf(gateway, top)
  await gateway.run('keys/update', { key: top.apiKey, permissions: ['keys:*'] })
  const by = await makeKey(gateway, { permissions: ['keys:*'] })
  assert.equal((await gateway.run('keys/revoke', { key: top.apiKey, cascade: true }, by)).code, 1403)
  assert.deepEqual(await listed(gateway), [token])
  assert.equal((await gateway.run('ping', {}, top)).code, 9001)
})

test('a panel user that is removed takes its tokens with it: a later one of that name has none', async (t) => {
  const gateway = await instanceFor(t)
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const token = await tokenOf(gateway, admin)
  await gateway.run('set-user', { id: 'second', user: { type: 1 } })
  assert.equal((await gateway.run('set-user', { id: 'admin', user: { remove: true } })).code, 3013)
  await gateway.run('set-user', { id: 'admin', user: { type: 1 } })
  assert.deepEqual(await listed(gateway), [])
  assert.equal((await gateway.run('access-tokens/revoke', { token_id: token })).code, 5050)
})

test('access-tokens/revoke needs keys:write', async (t) => {
  const gateway = await instanceFor(t)
  const by = await makeKey(gateway, { permissions: ['*:read', 'devices:*'] })
  assert.equal((await gateway.run('access-tokens/revoke', { token_id: 'x' }, by)).code, 1403)
})
