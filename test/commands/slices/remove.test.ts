import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeParts, userWithAccess } from '../../support/access.js'
import { instanceFor } from '../../support/commands.js'
import { makeAccount } from '../../support/keys.js'

test('a slice is removed once, and not while it limits somebody', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  await makeParts(gateway)
  await userWithAccess(gateway, 'alice', { type: 3 })
  await gateway.run('slices/assign', { user: 'alice', slices: ['sports'] })
  const remove = async (id: string, by = gateway.owner) => (await gateway.run('slices/remove', { id }, by)).code
  assert.equal(await remove('sports'), 7122)
  assert.equal(await remove('news', other), 7120)
  assert.equal(await remove('news'), 7121)
  assert.equal(await remove('news'), 7120)
  await gateway.run('set-user', { id: 'alice', user: { remove: true } })
  assert.equal(await remove('sports'), 7121)
})
