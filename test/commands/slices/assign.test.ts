import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeParts, userWithAccess } from '../../support/access.js'
import { instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

test('a regular user is given slices and servers at once, only what is named changes, and all of it can be taken away', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  const assign = async (given: object) => (await gateway.run('slices/assign', { user: 'alice', ...given })).result
  const held = async () => (await gateway.run('whoami', {}, alice)).result.permissions
  assert.deepEqual(await held(), [])
  assert.deepEqual(await assign({ slices: ['sports', 'sports'] }), { user: 'alice', slices: ['sports'], servers: [] })
  assert.deepEqual(await held(), ['stats:read', 'slices:read', 'servers:read'])
  const both = { user: 'alice', slices: ['sports'], servers: ['edge-1'] }
  assert.deepEqual(await assign({ servers: ['edge-1'] }), both)
  assert.deepEqual(await assign({ slices: [], servers: [] }), { user: 'alice', slices: [], servers: [] })
  assert.deepEqual(await held(), [])
})

test('a key of an assigned user gives no more than the key itself may', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  await userWithAccess(gateway, 'alice', { type: 3 })
  await gateway.run('slices/assign', { user: 'alice', slices: ['sports'] })
  const narrow = await makeKey(gateway, { user: 'alice', permissions: ['streams:*', 'slices:read'] })
  assert.deepEqual((await gateway.run('whoami', {}, narrow)).result.permissions, ['slices:read'])
})

test('nobody assigns what they may not read themselves, or to somebody stronger', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  await userWithAccess(gateway, 'root', { type: 1 })
  await userWithAccess(gateway, 'alice', { type: 3 })
  const rows: readonly (readonly [code: number, user: string, permissions: string[], addresses?: string[]])[] = [
    [1403, 'alice', ['slices:*']],
    [1403, 'alice', ['slices:*', 'stats:read']],
    [1403, 'alice', ['slices:*', 'stats:read', 'servers:read'], ['127.0.0.0/8']],
    [1403, 'root', ['slices:*', 'stats:read', 'servers:read']],
    [1403, 'alice', ['*:read']],
    [7131, 'alice', ['slices:*', 'stats:read', 'servers:read']],
  ]
  for (const [code, user, permissions, addresses = []] of rows) {
    const by = await makeKey(gateway, { permissions, addresses })
    assert.equal((await gateway.run('slices/assign', { user, slices: ['news'] }, by)).code, code, permissions.join())
  }
  // It holds more than users:write now.
  const writer = await makeKey(gateway, { permissions: ['users:*'] })
  assert.equal((await gateway.run('toggle-user', { id: 'alice' }, writer)).code, 1403)
  assert.equal((await gateway.run('set-user', { id: 'alice', user: { comment: 'mine' } }, writer)).code, 1403)
})

test('a user, slice or server that is not there, or is another account’s, is 7130 and changes nothing', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  await makeParts(gateway)
  await userWithAccess(gateway, 'alice', { type: 3 })
  await gateway.run('set-user', { id: 'carol', user: { type: 3 } }, other)
  for (const [params, by] of [
    [{ user: 'nobody', slices: ['sports'] }, gateway.owner],
    [{ user: 'alice', slices: ['sports', 'none'] }, gateway.owner],
    [{ user: 'alice', servers: ['none'] }, gateway.owner],
    [{ user: 'carol', slices: ['sports'] }, other],
    [{ user: 'alice', slices: ['sports'] }, other],
  ] as const) {
    assert.equal((await gateway.run('slices/assign', params, by)).code, 7130)
  }
  assert.deepEqual(await gateway.db.all('select id from users where scope is not null'), [])
})
