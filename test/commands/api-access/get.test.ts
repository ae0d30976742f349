import assert from 'node:assert/strict'
import { test } from 'node:test'
import { userWithAccess } from '../../support/access.js'
import { instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

test('a user sees its own API access, and nobody else’s without users:read', async (t) => {
  const gateway = await instanceFor(t)
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  await userWithAccess(gateway, 'bob', { type: 3 })
  await gateway.run('api-access/whitelist', { ips: ['127.0.0.0/8'] }, alice)
  const { code, result } = await gateway.run('api-access/get', {}, alice)
  const { created_at, last_used_at, ...rest } = result
  assert.deepEqual([code, rest], [6001, { enabled: true, api_id: alice.apiKey, whitelist: ['127.0.0.0/8'] }])
  assert.ok(Math.abs(created_at - gateway.seconds()) < 60)
  assert.ok(last_used_at === null || last_used_at >= created_at)
  assert.equal((await gateway.run('api-access/get', { id: 'alice' }, alice)).code, 6001)
  assert.equal((await gateway.run('api-access/get', { id: 'bob' }, alice)).code, 1403)
  const reader = await makeKey(gateway, { permissions: ['users:read'] })
  assert.equal((await gateway.run('api-access/get', { id: 'bob' }, reader)).code, 6001)
})

test('who has none sees that it is off; who is not there is 6000', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
  const none = { enabled: false, api_id: null, whitelist: [], created_at: null, last_used_at: null }
  assert.deepEqual((await gateway.run('api-access/get', { id: 'alice' })).result, none)
  assert.equal((await gateway.run('api-access/get', { id: 'alice' }, other)).code, 6000)
  assert.equal((await gateway.run('api-access/get', { id: 'nobody' })).code, 6000)
  assert.equal((await gateway.run('api-access/get')).code, 6000)
})
