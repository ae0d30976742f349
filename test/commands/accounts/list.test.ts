import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey, makeUser } from '../../support/keys.js'

test('accounts/list shows every account of the instance, by number', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('accounts/create', { account: 158, name: 'Stadium', enable: false })
  await gateway.run('accounts/create', { account: 2 })
  const { code, result } = await gateway.run('accounts/list')
  assert.equal(code, 9211)
  assert.deepEqual(result.accounts, [
    { account: 1, name: 'account 1', enable: true, time_zone: 'UTC' },
    { account: 2, name: 'account 2', enable: true, time_zone: 'UTC' },
    { account: 158, name: 'Stadium', enable: false, time_zone: 'UTC' },
  ])
})

test('accounts/list and accounts/update need instance, which * does not include', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const admin = await makeUser(gateway, 'root', { type: 1 }, ['*', 'instance'])
  for (const by of [await makeKey(gateway), other, admin]) {
    assert.equal((await gateway.run('accounts/list', {}, by)).code, 1403)
    assert.equal((await gateway.run('accounts/update', { account: 2, name: 'mine' }, by)).code, 1403)
  }
  assert.equal((await gateway.run('accounts/list', { page: 0 })).code, 1422)
})
