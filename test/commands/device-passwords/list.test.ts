import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultPaths, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

test('the devices of the account come oldest first, in pages, with how many there are', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  await gateway.run('device-passwords/create', { device_name: 'theirs', valid_from: 0 }, other)
  const start = gateway.seconds()
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    await gateway.run('device-passwords/create', { device_name: name, valid_from: start })
  }
  const page = async (params: object) => {
    const { code, result } = await gateway.run('device-passwords/list', params)
    assert.equal(code, 5001)
    return [result.device_passwords.map(({ device_name }: { device_name: string }) => device_name), result.paging]
  }
  assert.deepEqual(await page({ pagesize: 2 }), [['a', 'b'], { page: 1, pagesize: 2, total: 5 }])
  assert.deepEqual(await page({ page: '3', pagesize: '2' }), [['e'], { page: 3, pagesize: 2, total: 5 }])
  assert.deepEqual(await page({ page: 9 }), [[], { page: 9, pagesize: 50, total: 5 }])
  const { result } = await gateway.run('device-passwords/list', { pagesize: 1 })
  const [{ user_name, created_at, ...rest }] = result.device_passwords
  assert.deepEqual(rest, { device_name: 'a', valid_from: start, valid_until: null })
  assert.ok(user_name && Math.abs(created_at - start) <= 1)
})

test('a page below 1 and more than 50 rows a page are 1422', async (t) => {
  const gateway = await instanceFor(t)
  for (const [params, path] of [
    [{ page: 0 }, '/page'],
    [{ pagesize: 51 }, '/pagesize'],
    [{ pagesize: 0 }, '/pagesize'],
    [{ user_name: 'x' }, '/user_name'],
  ] as const) {
    const reply = await gateway.run('device-passwords/list', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]])
  }
})

test('device-passwords/list needs devices:read', async (t) => {
  const gateway = await instanceFor(t)
  for (const [code, permissions] of [
    [1403, ['devices:write']],
    [1403, ['users:read']],
    [5001, ['devices:read']],
    [5001, ['*:read']],
  ] as const) {
    assert.equal((await gateway.run('device-passwords/list', {}, await makeKey(gateway, { permissions }))).code, code)
  }
})
