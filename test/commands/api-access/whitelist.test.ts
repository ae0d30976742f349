import assert from 'node:assert/strict'
import { test } from 'node:test'
import { userWithAccess } from '../../support/access.js'
import { faultPaths, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

test('a user that lists only others is refused with its address, until an administrator mends the list', async (t) => {
  const gateway = await instanceFor(t)
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  const { code, result } = await gateway.run('api-access/whitelist', { ips: ['192.0.2.0/24'] }, alice)
  assert.deepEqual([code, result], [6041, { whitelist: ['192.0.2.0/24'] }])
  const refused = await gateway.run('api-access/get', {}, alice)
  assert.deepEqual([refused.code, refused.address], [1406, '127.0.0.1'])
  assert.equal((await gateway.run('api-access/whitelist', { id: 'alice', ips: [] })).code, 6041)
  assert.equal((await gateway.run('api-access/get', {}, alice)).code, 6001)
})

test('a list can be made narrower from where it is in force, and wider only by whoever it does not bind', async (t) => {
  const gateway = await instanceFor(t)
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  const set = async (ips: string[], by = alice) =>
    (await gateway.run('api-access/whitelist', { id: 'alice', ips }, by)).code
  assert.equal(await set(['127.0.0.0/8', '192.0.2.0/24']), 6041)
  assert.equal(await set(['127.0.0.0/8']), 6041)
  for (const wider of [['127.0.0.0/8', '192.0.2.1'], [], ['0.0.0.0/0']]) assert.equal(await set(wider), 1403)
  assert.equal(await set(['127.0.0.0/8', '192.0.2.1'], gateway.owner), 6041)
})

test('a list is not for users of other accounts, or stronger ones', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const writer = await makeKey(gateway, { permissions: ['users:*'] })
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  await userWithAccess(gateway, 'root', { type: 1 })
  const set = async (id: string | undefined, by = gateway.owner) =>
    (await gateway.run('api-access/whitelist', { id, ips: ['127.0.0.1'] }, by)).code
  assert.equal(await set('alice', other), 6040)
  assert.equal(await set('nobody'), 6040)
  assert.equal(await set(undefined), 6040)
  assert.equal(await set('root', writer), 1403)
  assert.equal(await set('root', alice), 1403)
  assert.equal(await set('alice', writer), 6041)
})

test('what is no address, or has host bits set, is refused and never read as anywhere', async (t) => {
  const gateway = await instanceFor(t)
  await userWithAccess(gateway, 'alice', { type: 3 })
  for (const bad of ['10.0.0.1/8', '1.2.3', '10.0.0.0/33', '::/200']) {
    const reply = await gateway.run('api-access/whitelist', { id: 'alice', ips: [bad] })
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, ['/ips']], bad)
  }
  assert.equal((await gateway.run('api-access/whitelist', { id: 'alice' })).code, 1422)
})
