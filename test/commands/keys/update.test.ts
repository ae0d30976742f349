import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CommandInstance, faultPaths, instanceFor } from '../../support/commands.js'
import { makeKey, makeUser } from '../../support/keys.js'

const listed = async (gateway: CommandInstance, key: string) =>
  (await gateway.run('keys/list')).result.keys.find((one: { key_id: string }) => one.key_id === key)

test('an update changes only what is given, and works at once', async (t) => {
  const gateway = await instanceFor(t)
  const by = await makeKey(gateway, { permissions: ['users:*'] })
  const before = await listed(gateway, by.apiKey)
  const end = gateway.seconds() + 60
  const changes: readonly (readonly [given: object, code: number])[] = [
    [{ comment: 'panel' }, 3031],
    [{ permissions: ['streams:*'] }, 1403],
    [{ permissions: ['users:read'] }, 3031],
    [{ ips: ['10.0.0.0/8'] }, 1406],
    [{ ips: [] }, 3031],
    [{ enable: false }, 1407],
    [{ enable: true, expires_at: end }, 3031],
    [{ expires_at: gateway.seconds() - 1 }, 1407],
    [{ expires_at: null }, 3031],
  ]
  let expected = before
  for (const [given, code] of changes) {
    const reply = await gateway.run('keys/update', { key: by.apiKey, ...given })
    assert.deepEqual([reply.code, reply.result], [6121, { key: by.apiKey }])
    assert.equal((await gateway.run('list-users', {}, by)).code, code, JSON.stringify(given))
    expected = { ...expected, ...given }
    const { last_used_at: _at, last_address: _from, ...now } = await listed(gateway, by.apiKey)
    const { last_used_at: _wasAt, last_address: _wasFrom, ...then } = expected
    assert.deepEqual(now, then, JSON.stringify(given))
  }
})

test('who updates holds everything that the key holds, and everything that it gets', async (t) => {
  const gateway = await instanceFor(t)
  const end = gateway.seconds() + 3600
  const by = await makeKey(gateway, { permissions: ['keys:*', 'users:*'], addresses: ['127.0.0.0/8'] })
  await gateway.run('keys/update', { key: by.apiKey, expires_at: end })
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const regular = await makeUser(gateway, 'regular', { type: 3 })
  const equal = (await makeKey(gateway, { permissions: ['users:*'] })).apiKey
  const more = (await makeKey(gateway, { permissions: ['users:*', 'streams:read'] })).apiKey
  const rows: readonly (readonly [code: number, key: string, given: object])[] = [
    [6121, equal, { comment: 'c' }],
    [1403, equal, { permissions: ['keys:read', 'users:*'] }],
    [6121, equal, { permissions: ['keys:read', 'users:*'], ips: ['127.0.0.1'], expires_at: end }],
    [6121, equal, { ips: ['127.0.0.1'], expires_at: end }],
    [6121, regular.apiKey, { comment: 'holds nothing' }],
    [1403, equal, { permissions: ['*'] }],
    [1403, equal, { permissions: ['streams:read'] }],
    [1403, equal, { ips: ['128.0.0.1'] }],
    [1403, equal, { ips: [] }],
    [1403, equal, { expires_at: end + 1 }],
    [1403, equal, { expires_at: null }],
    [1403, more, { comment: 'c' }],
    [1403, more, { enable: false }],
    [1403, more, { permissions: [] }],
    [1403, more, { ips: ['127.0.0.1'] }],
    [1403, admin.apiKey, { enable: false }],
    [1403, gateway.owner.apiKey, { comment: 'c' }],
    [1403, by.apiKey, { ips: [] }],
    [1403, by.apiKey, { expires_at: null }],
    [1403, by.apiKey, { permissions: ['*'] }],
    [6121, by.apiKey, { comment: 'own' }],
  ]
  for (const [code, key, given] of rows) {
    const before = await listed(gateway, key)
    const reply = await gateway.run('keys/update', { key, ...given }, by)
    assert.equal(reply.code, code, JSON.stringify([given, reply.message]))
    const { last_used_at: _now, last_address: _here, ...after } = await listed(gateway, key)
    const { last_used_at: _then, last_address: _there, ...was } = { ...before, ...(code === 6121 && given) }
    assert.deepEqual(after, was, JSON.stringify(given))
  }
})

test('the first owner’s instance cannot be given back once it was given up, nor be touched by others with *', async (t) => {
  const gateway = await instanceFor(t)
  const all = await makeKey(gateway)
  const { apiKey: key } = gateway.owner
  assert.equal((await gateway.run('keys/update', { key, comment: 'c' }, all)).code, 1403)
  assert.equal((await gateway.run('keys/update', { key, permissions: ['instance'] })).code, 1422)
  assert.equal((await gateway.run('keys/update', { key, permissions: ['*'] })).code, 6121)
  assert.equal((await gateway.run('accounts/list')).code, 1403)
})

test('a sixth live key is not made by turning one on again or giving it a longer life', async (t) => {
  const gateway = await instanceFor(t)
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const past = gateway.seconds() - 1
  for (const [ended, revived] of [
    [{ enable: false }, { enable: true }],
    [{ expires_at: past }, { expires_at: null }],
  ] as const) {
    const made: string[] = []
    for (let n = 0; n < 4; n++) made.push((await gateway.run('keys/create', {}, admin)).result.key_id)
    const [key] = made
    await gateway.run('keys/update', { key, ...ended })
    made.push((await gateway.run('keys/create', {}, admin)).result.key_id)
    const before = await listed(gateway, key ?? '')
    assert.equal((await gateway.run('keys/update', { key, ...revived })).code, 6122, JSON.stringify(revived))
    assert.deepEqual(await listed(gateway, key ?? ''), before)
    await gateway.run('keys/revoke', { key: made.pop() })
    assert.equal((await gateway.run('keys/update', { key, ...revived })).code, 6121, JSON.stringify(revived))
    for (const one of made) await gateway.run('keys/revoke', { key: one })
  }
})

test('a revoked key and one that is not there are 6120, and bad parameters 1422', async (t) => {
  const gateway = await instanceFor(t)
  const { apiKey: key } = await makeKey(gateway)
  const rows: readonly (readonly [given: object, path: string])[] = [
    [{}, ''],
    [{ ips: ['10.0.0.1/8'] }, '/ips'],
    [{ permissions: ['instance'] }, '/permissions/0'],
    [{ enable: 'yes' }, '/enable'],
    [{ secret: 'x' }, '/secret'],
    [{ lineage: 'x' }, '/lineage'],
  ]
  for (const [given, path] of rows) {
    const reply = await gateway.run('keys/update', { key, ...given })
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]], JSON.stringify(given))
  }
  await gateway.run('keys/revoke', { key })
  for (const gone of [key, 'ck_nobody', key.toUpperCase(), `${key} `]) {
    assert.equal((await gateway.run('keys/update', { key: gone, enable: true })).code, 6120, gone)
  }
})
