import assert from 'node:assert/strict'
import { test } from 'node:test'
import { badNames, faultPaths, instanceFor } from '../support/commands.js'
import { makeKey } from '../support/keys.js'

test('toggle-user turns a user off and on again, tells which, and changes nothing else', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'alice', user: { type: 2, comment: 'c', token: 't', password: 'p' } })
  const before = (await gateway.run('get-user', { id: 'alice' })).result
  gateway.clock.offset = 50
  for (const enable of [false, true, false]) {
    const { code, result } = await gateway.run('toggle-user', { id: 'alice' })
    assert.deepEqual([code, result], [3021, { id: 'alice', enable }])
    const { updated_at, ...user } = (await gateway.run('get-user', { id: 'alice' })).result
    assert.deepEqual({ ...user, updated_at: before.updated_at }, { ...before, enable })
    assert.ok(updated_at >= before.updated_at + 50)
  }
})

test('toggle-user of a user that does not exist is 3020, and makes none', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
  for (const id of ['bob', 'Alice', 'alice_', '%']) {
    assert.equal((await gateway.run('toggle-user', { id })).code, 3020, id)
  }
  assert.equal((await gateway.run('list-users')).result.paging.total, 1)
})

test('a disabled administrator can always be turned on', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'root', user: { type: 1, enable: false } })
  assert.deepEqual((await gateway.run('toggle-user', { id: 'root' })).result, { id: 'root', enable: true })
  assert.equal((await gateway.run('toggle-user', { id: 'root' })).code, 3014)
  assert.equal((await gateway.run('get-user', { id: 'root' })).result.enable, true)
})

test('of two commands at once, each against another of the last two administrators, one is refused', async (t) => {
  const gateway = await instanceFor(t)
  const admins = ['anna', 'bert']
  for (const id of admins) await gateway.run('set-user', { id, user: { type: 1 } })
  const replies = await Promise.all(admins.map((id) => gateway.run('toggle-user', { id })))
  assert.deepEqual(replies.map(({ code }) => code).sort(), [3014, 3021])
})

test('toggle-user takes exactly one login', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [params: object, path: string])[] = [
    [{}, '/id'],
    [{ id: null }, '/id'],
    [{ id: 1 }, '/id'],
    [{ id: 'x'.repeat(129) }, '/id'],
    [{ id: 'alice', enable: true }, '/enable'],
    ...badNames.map(([, id]) => [{ id }, '/id'] as const),
  ]
  for (const [params, path] of rows) {
    const reply = await gateway.run('toggle-user', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]], JSON.stringify(params))
  }
})

test('toggle-user needs users:write', async (t) => {
  const gateway = await instanceFor(t)
  for (const [permissions, code] of [
    [['users:write'], 3020],
    [['users:*'], 3020],
    [['users:read', 'streams:*'], 1403],
    [['*:read'], 1403],
  ] as const) {
    const by = await makeKey(gateway, { permissions })
    assert.equal((await gateway.run('toggle-user', { id: 'alice' }, by)).code, code, permissions.join())
  }
})
