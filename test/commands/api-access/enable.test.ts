import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isGeneratedSecret } from '../../../src/generate.js'
import { userWithAccess } from '../../support/access.js'
import { instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey, makeUser } from '../../support/keys.js'

test('a user whose API access was turned on signs with its own key, and may do what its type may', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'alice', user: { type: 2 } })
  const { code, result } = await gateway.run('api-access/enable', { id: 'alice' })
  assert.equal(code, 6011)
  assert.ok(isGeneratedSecret(result.secret))
  const alice = { apiKey: result.api_id, secret: result.secret }
  const { result: you } = await gateway.run('whoami', {}, alice)
  assert.deepEqual([you.principal, you.permissions], [{ kind: 'user', id: 'alice' }, ['*:read']])
  assert.equal((await gateway.run('list-users', {}, alice)).code, 3031)
  assert.equal((await gateway.run('toggle-user', { id: 'alice' }, alice)).code, 1403)
})

test('an administrator for requests alone needs no password, and may do everything', async (t) => {
  const gateway = await instanceFor(t)
  const robot = await userWithAccess(gateway, 'robot', { type: 1 })
  assert.equal((await gateway.run('set-user', { id: 'bob', user: { type: 3 } }, robot)).code, 3011)
  assert.equal((await gateway.run('api-access/enable', { id: 'bob' }, robot)).code, 6011)
})

test('what is on already stays as it is; what was turned off comes back under the same id and a new secret alone', async (t) => {
  const gateway = await instanceFor(t)
  const first = await userWithAccess(gateway, 'alice', { type: 3 })
  assert.equal((await gateway.run('api-access/enable', { id: 'alice' })).code, 6012)
  assert.equal((await gateway.run('ping', {}, first)).code, 9001)
  await gateway.run('api-access/disable', { id: 'alice' })
  const { result } = await gateway.run('api-access/enable', { id: 'alice' })
  assert.equal(result.api_id, first.apiKey)
  assert.equal((await gateway.run('ping', {}, first)).code, 1401)
  assert.equal((await gateway.run('ping', {}, { ...first, secret: result.secret })).code, 9001)
})

test('a key that was revoked stays revoked: API access gets another one', async (t) => {
  const gateway = await instanceFor(t)
  const first = await userWithAccess(gateway, 'alice', { type: 3 })
  await gateway.run('keys/revoke', { key: first.apiKey })
  assert.equal((await gateway.run('api-access/get', { id: 'alice' })).result.enabled, false)
  const { code, result } = await gateway.run('api-access/enable', { id: 'alice' })
  assert.equal(code, 6011)
  assert.notEqual(result.api_id, first.apiKey)
  assert.equal((await gateway.run('ping', {}, first)).code, 1407)
})

test('only whoever holds users:write and what the user holds turns it on, also for itself', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'root', user: { type: 1 } })
  await gateway.run('set-user', { id: 'eye', user: { type: 2 } })
  const writer = await makeKey(gateway, { permissions: ['users:*'] })
  const regular = await makeUser(gateway, 'regular', { type: 3 })
  assert.equal((await gateway.run('api-access/enable', { id: 'root' }, writer)).code, 1403)
  assert.equal((await gateway.run('api-access/enable', { id: 'eye' }, writer)).code, 1403)
  assert.equal((await gateway.run('api-access/enable', { id: 'regular' }, writer)).code, 6011)
  assert.equal((await gateway.run('api-access/enable', {}, regular)).code, 1403)
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  assert.equal((await gateway.run('api-access/enable', {}, admin)).code, 6011)
})

test('a new key is limited as whoever makes it', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
  const limited = await makeKey(gateway, { addresses: ['127.0.0.0/8'] })
  await gateway.run('api-access/enable', { id: 'alice' }, limited)
  assert.deepEqual((await gateway.run('api-access/get', { id: 'alice' })).result.whitelist, ['127.0.0.0/8'])
})

test('a sixth live key is not made', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
  for (let i = 0; i < 5; i++) await makeKey(gateway, { user: 'alice' })
  assert.equal((await gateway.run('api-access/enable', { id: 'alice' })).code, 6014)
  assert.equal((await gateway.run('api-access/get', { id: 'alice' })).result.api_id, null)
})

test('who is no panel user of the account has no API access to turn on', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
  for (const [params, by] of [
    [{ id: 'nobody' }, gateway.owner],
    [{}, gateway.owner],
    [{ id: 'alice' }, other],
  ] as const) {
    assert.equal((await gateway.run('api-access/enable', params, by)).code, 6010)
  }
})

test('API access ends with its user, and a later one of the same name has none', async (t) => {
  const gateway = await instanceFor(t)
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  await gateway.run('set-user', { id: 'alice', user: { remove: true } })
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
  assert.equal((await gateway.run('ping', {}, alice)).code, 1401)
  assert.equal((await gateway.run('api-access/get', { id: 'alice' })).result.api_id, null)
})
