import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultPaths, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

test('an account that is turned off refuses every key of it at once, until it is turned on again', async (t) => {
  const gateway = await instanceFor(t)
  const others = [await makeAccount(gateway, 2), await makeKey(gateway, { account: 2, permissions: ['*:read'] })]
  const codes = () => Promise.all(others.map(async (by) => (await gateway.run('whoami', {}, by)).code))
  assert.deepEqual(await codes(), [9011, 9011])
  const off = await gateway.run('accounts/update', { account: 2, enable: false })
  assert.deepEqual([off.code, off.result], [9221, { account: 2, name: 'account 2', enable: false, time_zone: 'UTC' }])
  assert.deepEqual([await codes(), (await gateway.run('whoami')).code], [[1407, 1407], 9011])
  const renamed = await gateway.run('accounts/update', { account: '2', name: 'Arena' })
  assert.deepEqual(renamed.result, { account: 2, name: 'Arena', enable: false, time_zone: 'UTC' })
  const on = await gateway.run('accounts/update', { account: 2, enable: 1 })
  assert.deepEqual(
    [on.result, await codes()],
    [{ account: 2, name: 'Arena', enable: true, time_zone: 'UTC' }, [9011, 9011]],
  )
})

test('nobody locks the own account, and with it the only key that could undo it', async (t) => {
  const gateway = await instanceFor(t)
  const reply = await gateway.run('accounts/update', { account: 1, enable: false })
  assert.deepEqual([reply.code, faultPaths(reply)], [1422, ['/enable']])
  assert.equal((await gateway.run('accounts/update', { account: 1, enable: true, name: 'Home' })).code, 9221)
})

test('an account that is not there is 9220, and is not made', async (t) => {
  const gateway = await instanceFor(t)
  const reply = await gateway.run('accounts/update', { account: 2, name: 'Arena' })
  assert.deepEqual([reply.code, reply.status], [9220, 'failure'])
  assert.equal((await gateway.run('accounts/list')).result.accounts.length, 1)
})

test('accounts/update refuses what names no account or changes nothing', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [params: object, ...paths: string[]])[] = [
    [{ account: 1 }, ''],
    [{ name: 'x', enable: true }, '/account'],
    [{ account: 0, name: 'x' }, '/account'],
    [{ account: 1, name: '' }, '/name'],
    [{ account: 1, name: ' x' }, '/name'],
    [{ account: 1, name: 'x\u001b[31m' }, '/name'],
    [{ account: 1, enable: 'no' }, '/enable'],
    [{ account: 1, version: 2 }, '/version'],
  ]
  for (const [params, ...paths] of rows) {
    const reply = await gateway.run('accounts/update', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, paths], JSON.stringify(params))
  }
})

test('the time zone of an account is one that there is, and UTC unless it is given', async (t) => {
  const gateway = await instanceFor(t)
  const made = await gateway.run('accounts/create', { account: 2, time_zone: 'Europe/Berlin' })
  assert.equal(made.result.time_zone, 'Europe/Berlin')
  const moved = await gateway.run('accounts/update', { account: 2, time_zone: 'Asia/Kathmandu' })
  assert.deepEqual([moved.code, moved.result.time_zone], [9221, 'Asia/Kathmandu'])
  for (const time_zone of ['Europe/Atlantis', '+02:00', '']) {
    for (const command of ['accounts/create', 'accounts/update']) {
      const reply = await gateway.run(command, { account: 2, time_zone })
      assert.deepEqual([reply.code, faultPaths(reply)], [1422, ['/time_zone']], time_zone)
    }
  }
})
