import assert from 'node:assert/strict'
import { test } from 'node:test'
import { badNames, faultPaths, instanceFor } from '../support/commands.js'
import { makeKey } from '../support/keys.js'

test('get-user shows everything that set-user was given, without the password', async (t) => {
  const gateway = await instanceFor(t)
  const given = { type: 1, comment: 'two\nlines', token: 'play-4711', ip: '10.0.0.0/8', expire: 4_000_000_000 }
  const before = gateway.seconds()
  await gateway.run('set-user', { id: 'alice', user: { ...given, password: 'pass-4711', conlimit: 3 } })
  const { code, result } = await gateway.run('get-user', { id: 'alice' })
  const { created_at, updated_at, ...shown } = result
  assert.deepEqual([code, shown], [3001, { id: 'alice', enable: true, ...given, conlimit: 3 }])
  assert.ok(created_at >= before && created_at <= gateway.seconds() && updated_at === created_at)
})

test('a user without a token has the token null, and so has one whose token was taken away', async (t) => {
  const gateway = await instanceFor(t)
  const token = async () => (await gateway.run('get-user', { id: 'alice' })).result.token
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
  assert.equal(await token(), null)
  await gateway.run('set-user', { id: 'alice', user: { token: 'play-4711' } })
  assert.equal(await token(), 'play-4711')
  await gateway.run('set-user', { id: 'alice', user: { comment: 'x' } })
  assert.equal(await token(), 'play-4711')
  await gateway.run('set-user', { id: 'alice', user: { token: '' } })
  assert.equal(await token(), null)
})

test('a user that does not exist is 3000, logins being compared by code point', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'caf\u00e9', user: { type: 3 } })
  assert.equal((await gateway.run('get-user', { id: 'caf\u00e9' })).code, 3001)
  for (const id of ['cafe\u0301', 'CAF\u00c9', 'caf', 'caf%', 'caf_', 'constructor', '__proto__']) {
    const reply = await gateway.run('get-user', { id })
    assert.deepEqual([reply.code, reply.status, reply.result], [3000, 'failure', undefined], id)
  }
})

test('get-user takes exactly one login', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [params: object, path: string])[] = [
    [{}, '/id'],
    [{ id: null }, '/id'],
    [{ id: 7 }, '/id'],
    [{ id: ['alice'] }, '/id'],
    [{ id: { toString: 'alice' } }, '/id'],
    [{ id: 'x'.repeat(129) }, '/id'],
    [{ id: 'alice', ID: 'alice' }, '/ID'],
    ...badNames.map(([, id]) => [{ id }, '/id'] as const),
  ]
  for (const [params, path] of rows) {
    const reply = await gateway.run('get-user', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]], JSON.stringify(params))
  }
  assert.equal((await gateway.run('get-user', { id: '\u{1f600}'.repeat(128) })).code, 3000, '128 characters, not units')
})

test('get-user needs users:read', async (t) => {
  const gateway = await instanceFor(t)
  for (const [permissions, code] of [
    [['users:read'], 3000],
    [['users:*'], 3000],
    [['*:read'], 3000],
    [['users:write'], 1403],
    [['streams:*', 'secrets:read'], 1403],
    [[], 1403],
  ] as const) {
    const by = await makeKey(gateway, { permissions })
    assert.equal((await gateway.run('get-user', { id: 'alice' }, by)).code, code, permissions.join())
  }
})
