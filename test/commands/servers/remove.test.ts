import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeParts, userWithAccess } from '../../support/access.js'
import { instanceFor } from '../../support/commands.js'
import { makeAccount } from '../../support/keys.js'

test('a server is removed once, and not while it limits somebody', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  await makeParts(gateway)
  await userWithAccess(gateway, 'alice', { type: 3 })
  await gateway.run('slices/assign', { user: 'alice', servers: ['edge-1'] })
  const remove = async (id: string, by = gateway.owner) => (await gateway.run('servers/remove', { id }, by)).code
  assert.equal(await remove('edge-1'), 7022)
  assert.equal(await remove('edge-2', other), 7020)
  assert.equal(await remove('edge-2'), 7021)
  assert.equal(await remove('edge-2'), 7020)
  await gateway.run('slices/assign', { user: 'alice', servers: [] })
  assert.equal(await remove('edge-1'), 7021)
})
