import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

test('a revoked device is gone: from the list, from checks, and a second revoke is 5020', async (t) => {
  const gateway = await instanceFor(t)
  const device = { device_name: 'tv', valid_from: 0 }
  const { user_name, password } = (await gateway.run('device-passwords/create', device)).result
  assert.equal((await gateway.run('device-passwords/check', { user_name, password })).code, 5061)
  const { code, result } = await gateway.run('device-passwords/revoke', { user_name })
  assert.deepEqual([code, result], [5021, undefined])
  assert.equal((await gateway.run('device-passwords/check', { user_name, password })).code, 5060)
  assert.equal((await gateway.run('device-passwords/list')).result.paging.total, 0)
  assert.equal((await gateway.run('device-passwords/revoke', { user_name })).code, 5020)
})

test('another account’s device is none of ours: 5020, and it stays', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const device = { device_name: 'tv', valid_from: 0 }
  const { user_name, password } = (await gateway.run('device-passwords/create', device, other)).result
  assert.equal((await gateway.run('device-passwords/revoke', { user_name })).code, 5020)
  assert.equal((await gateway.run('device-passwords/check', { user_name, password })).code, 5060)
  assert.equal((await gateway.run('device-passwords/check', { user_name, password }, other)).code, 5061)
})

test('device-passwords/revoke needs devices:write', async (t) => {
  const gateway = await instanceFor(t)
  for (const permissions of [[], ['*:read'], ['devices:read']]) {
    const by = await makeKey(gateway, { permissions })
    assert.equal((await gateway.run('device-passwords/revoke', { user_name: 'x' }, by)).code, 1403)
  }
})
