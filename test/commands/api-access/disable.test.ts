import assert from 'node:assert/strict'
import { test } from 'node:test'
import { userWithAccess } from '../../support/access.js'
import { instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

test('API access that was turned off works no more at once, not even in its grace time', async (t) => {
  const gateway = await instanceFor(t)
  const first = await userWithAccess(gateway, 'alice', { type: 3 })
  const { secret } = (await gateway.run('api-access/regenerate', { grace: 3600 }, first)).result
  assert.equal((await gateway.run('api-access/disable', {}, first)).code, 6021)
  for (const by of [first, { ...first, secret }]) assert.equal((await gateway.run('ping', {}, by)).code, 1407)
  assert.equal((await gateway.run('api-access/get', { id: 'alice' })).result.enabled, false)
})

test('a batch cannot go on with API access that it turned off', async (t) => {
  const gateway = await instanceFor(t)
  const robot = await userWithAccess(gateway, 'robot', { type: 1 })
  const commands = [{ cmd: 'api-access/disable' }, { cmd: 'set-user', id: 'bob', user: { type: 3 } }]
  const { result } = await gateway.run('batch', { commands, atomic: false }, robot)
  assert.deepEqual(
    result.results.map(({ code }: { code: number }) => code),
    [6021, 1407],
  )
})

test('an administrator turns it off for others, but not for somebody stronger', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const writer = await makeKey(gateway, { permissions: ['users:*'] })
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  await userWithAccess(gateway, 'root', { type: 1 })
  assert.equal((await gateway.run('api-access/disable', { id: 'root' }, alice)).code, 1403)
  assert.equal((await gateway.run('api-access/disable', { id: 'root' }, writer)).code, 1403)
  assert.equal((await gateway.run('api-access/disable', { id: 'alice' }, other)).code, 6020)
  assert.equal((await gateway.run('api-access/disable', { id: 'alice' }, writer)).code, 6021)
  assert.equal((await gateway.run('api-access/disable', { id: 'alice' }, writer)).code, 6020)
  assert.equal((await gateway.run('api-access/disable', {})).code, 6020)
})
