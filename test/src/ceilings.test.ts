import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { root } from '../support/instance.js'
import { makeKey, makeUser } from '../support/keys.js'
import { byPassword, setUser } from '../support/logins.js'

const held = async (gateway: CommandInstance, by: Credentials): Promise<readonly string[]> =>
  (await gateway.run('whoami', {}, by)).result.permissions

async function subowner(gateway: CommandInstance, by: Credentials, username = 'dave') {
  const { code, result } = await gateway.run('subowners/create', { username, password: 'x' }, by)
  assert.equal(code, 4001)
  const key = { apiKey: result.key_id, secret: result.api_key }
  return { id: result.id, key }
}

test('a subowner that is promoted keeps the key that a weaker caller made as it was, until it is given a new one', async (t) => {
  const gateway = await instanceFor(t)
  const maker = await makeKey(gateway, { permissions: ['subowners:*'] })
  const { id, key } = await subowner(gateway, maker)
  assert.equal((await gateway.run('subowners/update', { id, permissions: ['api'] })).code, 4031)
  assert.deepEqual(await held(gateway, key), ['subowners:*'])
  assert.equal((await gateway.run('list-users', {}, key)).code, 1403)
  const renewed = (await gateway.run('subowners/update', { id, newkey: 1, grace: 60 })).result
  assert.deepEqual(await held(gateway, { apiKey: renewed.key_id, secret: renewed.api_key }), ['*'])
  assert.deepEqual(await held(gateway, key), ['subowners:*'])
})

test('a key rises with its subowner where its maker held as much', async (t) => {
  const gateway = await instanceFor(t)
  const { id, key } = await subowner(gateway, gateway.owner)
  assert.equal((await gateway.run('whoami', {}, key)).code, 1403)
  await gateway.run('subowners/update', { id, permissions: ['api'] })
  assert.deepEqual(await held(gateway, key), ['*'])
})

test('a secret that was shown to a weaker caller never allows more than that one held', async (t) => {
  for (const cmd of ['subowners/get', 'subowners/list']) {
    const gateway = await instanceFor(t)
    const { id, key } = await subowner(gateway, gateway.owner)
    const viewer = await makeKey(gateway, { permissions: ['subowners:read', 'secrets:read'] })
    const shown = await gateway.run(cmd, cmd === 'subowners/get' ? { id } : {}, viewer)
    assert.ok(JSON.stringify(shown.result).includes(key.secret))
    await gateway.run('subowners/update', { id, permissions: ['api'] })
    assert.deepEqual(await held(gateway, key), ['subowners:read', 'secrets:read'], cmd)
  }
})

test('a batch that keeps nothing shows no secret whose ceiling it would lower', async (t) => {
  const gateway = await instanceFor(t)
  const { id, key } = await subowner(gateway, gateway.owner)
  const viewer = await makeKey(gateway, { permissions: ['subowners:*', 'secrets:read'] })
  const commands = [
    { cmd: 'subowners/get', id },
    { cmd: 'subowners/delete', id: 'nobody' },
  ]
  const reply = await gateway.run('batch', { commands }, viewer)
  assert.equal(reply.status, 'failure')
  assert.ok(!JSON.stringify(reply).includes(key.secret))
  assert.ok(JSON.stringify(await gateway.run('batch', { commands, atomic: false }, viewer)).includes(key.secret))
  await gateway.run('subowners/update', { id, permissions: ['api'] })
  assert.deepEqual(await held(gateway, key), ['subowners:*', 'secrets:read'])
})

test('regenerate gives a promoted user’s API access the raise, and the old secret keeps what it had during its grace time', async (t) => {
  const gateway = await instanceFor(t)
  await setUser(gateway, 'alice', { type: 3 })
  const maker = await makeKey(gateway, { permissions: ['users:write', 'users:read'] })
  const { api_id, secret } = (await gateway.run('api-access/enable', { id: 'alice' }, maker)).result
  await setUser(gateway, 'alice', { type: 1 })
  const old = { apiKey: api_id, secret }
  assert.deepEqual(await held(gateway, old), ['users:write', 'users:read'])
  const renewed = (await gateway.run('api-access/regenerate', { id: 'alice', grace: 600 })).result
  assert.deepEqual(await held(gateway, { apiKey: api_id, secret: renewed.secret }), ['*'])
  assert.deepEqual(await held(gateway, old), ['users:write', 'users:read'])
  // What changes meanwhile makes the gateway read the key again, also inside a transaction.
  const items = {
    commands: [{ cmd: 'set-user', id: 'alice', user: { comment: 'c' } }, { cmd: 'keys/list' }],
    atomic: false,
  }
  const { result } = await gateway.run('batch', items, old)
  assert.deepEqual(
    result.results.map((item: { code: number }) => item.code),
    [1403, 1403],
  )
})

test('a caller that is weaker than a key’s first maker gives it a secret that stays as weak as it is', async (t) => {
  const gateway = await instanceFor(t)
  await setUser(gateway, 'alice', { type: 3 })
  const maker = await makeKey(gateway, { permissions: ['users:write'] })
  const { api_id } = (await gateway.run('api-access/enable', { id: 'alice' })).result
  const { secret } = (await gateway.run('api-access/regenerate', { id: 'alice' }, maker)).result
  await setUser(gateway, 'alice', { type: 1 })
  assert.deepEqual(await held(gateway, { apiKey: api_id, secret }), ['users:write'])
})

test('api-access/enable after disable makes a secret that allows what its own maker holds', async (t) => {
  const gateway = await instanceFor(t)
  await setUser(gateway, 'alice', { type: 3 })
  const maker = await makeKey(gateway, { permissions: ['users:write'] })
  await gateway.run('api-access/enable', { id: 'alice' })
  await gateway.run('api-access/disable', { id: 'alice' })
  const { api_id, secret } = (await gateway.run('api-access/enable', { id: 'alice' }, maker)).result
  await setUser(gateway, 'alice', { type: 1 })
  assert.deepEqual(await held(gateway, { apiKey: api_id, secret }), ['users:write'])
})

test('slices that a user is assigned later do not reach a key whose maker could not read them', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('servers/set', { id: 'edge-1', name: 'Edge' })
  await setUser(gateway, 'alice', { type: 3 })
  const maker = await makeKey(gateway, { permissions: ['users:write'] })
  const { api_id, secret } = (await gateway.run('api-access/enable', { id: 'alice' }, maker)).result
  await gateway.run('slices/assign', { user: 'alice', servers: ['edge-1'] })
  assert.deepEqual(await held(gateway, { apiKey: api_id, secret }), [])
})

test('keys/update gives a key nothing that the maker of its secret did not hold; a new secret takes it', async (t) => {
  const gateway = await instanceFor(t)
  const maker = await makeKey(gateway, { permissions: ['keys:*'] })
  const { key_id: key, secret } = (await gateway.run('keys/create', {}, maker)).result
  const raise = { key, permissions: ['keys:*', 'users:read'] }
  const refused = await gateway.run('keys/update', raise)
  assert.deepEqual(
    [refused.code, refused.message],
    [1403, "The maker of this key's secret did not hold users:read: give the key a new secret first"],
  )
  const rotated = (await gateway.run('keys/rotate', { key, grace: 600 })).result
  assert.equal((await gateway.run('keys/update', raise)).code, 6121)
  assert.deepEqual(await held(gateway, { apiKey: key, secret: rotated.secret }), ['keys:*', 'users:read'])
  assert.deepEqual(await held(gateway, { apiKey: key, secret }), ['keys:*'])
})

test('a cascade finds what the keys of a removed user made, over generations and principals', async (t) => {
  const gateway = await instanceFor(t)
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const first = await subowner(gateway, admin)
  await gateway.run('subowners/update', { id: first.id, permissions: ['api'] })
  const second = await subowner(gateway, first.key, 'second')
  await gateway.run('subowners/update', { id: second.id, permissions: ['api'] })
  const made = (await gateway.run('keys/create', {}, second.key)).result
  const token = (await gateway.run('access-tokens/create', {}, second.key)).result
  await setUser(gateway, 'other-admin', { type: 1 })
  await setUser(gateway, 'admin', { remove: true })
  await gateway.run('subowners/delete', { id: first.id })
  assert.equal((await gateway.run('keys/revoke', { key: admin.apiKey })).code, 6140)
  const { code, result } = await gateway.run('keys/revoke', { key: admin.apiKey, cascade: true })
  assert.equal(code, 6141)
  assert.deepEqual([...result.revoked].sort(), [second.key.apiKey, made.key_id].sort())
  assert.deepEqual(result.tokens, [token.token_id])
  for (const by of [second.key, { apiKey: made.key_id, secret: made.secret }]) {
    assert.equal((await gateway.run('ping', {}, by)).code, 1407)
  }
})

test('a removed key that made nothing, or nothing that is left, is as one that never was', async (t) => {
  const gateway = await instanceFor(t)
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const { id } = await subowner(gateway, admin)
  await setUser(gateway, 'other-admin', { type: 1 })
  await setUser(gateway, 'admin', { remove: true })
  const left = () => gateway.db.all('select key_id from ended_keys')
  assert.equal((await left()).length, 1)
  await gateway.run('subowners/delete', { id })
  assert.deepEqual(await left(), [])
  assert.equal((await gateway.run('keys/revoke', { key: admin.apiKey, cascade: true })).code, 6140)
})

test('a user that is made anew under its name has nothing of the one before', async (t) => {
  const gateway = await instanceFor(t)
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  await gateway.run('api-access/enable', {}, admin)
  await setUser(gateway, 'other-admin', { type: 1 })
  await setUser(gateway, 'admin', { remove: true })
  await setUser(gateway, 'admin', { type: 1 })
  assert.equal((await gateway.run('ping', {}, admin)).code, 1401)
  assert.equal((await gateway.run('api-access/get', { id: 'admin' })).result.api_id, null)
})

test('a password lets in with no more than its giver held, until somebody stronger gives another one', async (t) => {
  const gateway = await instanceFor(t)
  const giver = await makeKey(gateway, { permissions: ['users:write'] })
  assert.equal((await gateway.run('set-user', { id: 'alice', user: { type: 3, password: 'p' } }, giver)).code, 3011)
  await setUser(gateway, 'alice', { type: 1 })
  const statusOf = async (login: string, cmd: string) =>
    (await byPassword(gateway, login, { cmd, id: 'alice', user: { comment: 'c' } })).status
  assert.equal((await byPassword(gateway, 'alice:p', { cmd: 'get-user', id: 'alice' })).status, 403)
  assert.equal(await statusOf('alice:p', 'set-user'), 403)
  await setUser(gateway, 'alice', { password: 'q' })
  assert.equal(await statusOf('alice:q', 'set-user'), 200)
})

test('a caller with an end gives a user that holds nothing a password that stays worth nothing', async (t) => {
  const gateway = await instanceFor(t)
  const { key_id, secret } = (await gateway.run('keys/create', { expires_at: gateway.seconds() + 60 })).result
  const by = { apiKey: key_id, secret }
  assert.equal((await gateway.run('set-user', { id: 'alice', user: { type: 3, password: 'p' } }, by)).code, 3011)
  await setUser(gateway, 'alice', { type: 1 })
  assert.equal((await byPassword(gateway, 'alice:p', { cmd: 'get-user', id: 'alice' })).status, 403)
})

test('a key that a caller with an end gave a secret lasts no longer than that caller, even if its user is given a later end', async (t) => {
  for (const cmd of ['keys/rotate', 'api-access/regenerate', 'api-access/enable']) {
    const gateway = await instanceFor(t)
    const now = gateway.seconds()
    const intruder = await makeUser(gateway, 'intruder', { type: 1, expire: now + 3_600 })
    await setUser(gateway, 'alice', { type: 3, expire: now + 1_800 })
    const { api_id: key } = (await gateway.run('api-access/enable', { id: 'alice' })).result
    if (cmd === 'api-access/enable') await gateway.run('api-access/disable', { id: 'alice' })
    const { result } = await gateway.run(cmd, cmd === 'keys/rotate' ? { key } : { id: 'alice' }, intruder)
    const shown = { apiKey: key, secret: result.secret }
    await setUser(gateway, 'alice', { type: 1, expire: 0 })
    assert.equal((await gateway.run('list-users', {}, shown)).code, 3031, cmd)
    gateway.clock.offset += 3_700
    assert.equal((await gateway.run('list-users', {}, intruder)).code, 1407)
    assert.equal((await gateway.run('list-users', {}, shown)).code, 1407, cmd)
    // Somebody without an end gives it a later one.
    const update = { key, expires_at: null }
    assert.equal((await gateway.run('keys/update', update)).code, 6121)
  }
})

test('a user with an end gives its own key a new secret, which lasts as long as the user, also when that is given a later end', async (t) => {
  const gateway = await instanceFor(t)
  const now = gateway.seconds()
  const alice = await makeUser(gateway, 'alice', { type: 1, expire: now + 3_600 })
  const other = await makeKey(gateway, { user: 'alice' })
  for (const { apiKey } of [alice, other]) {
    const { result } = await gateway.run('keys/rotate', { key: apiKey, grace: 0 }, { ...alice })
    if (apiKey === alice.apiKey) Object.assign(alice, { secret: result.secret })
    else Object.assign(other, { secret: result.secret })
  }
  await setUser(gateway, 'alice', { expire: 0 })
  gateway.clock.offset += 3_700
  for (const by of [alice, other]) assert.equal((await gateway.run('list-users', {}, by)).code, 3031)
})

test('a password lasts no longer than the caller with an end that gave it, even if its user is given a later end; another password does', async (t) => {
  const gateway = await instanceFor(t)
  const now = gateway.seconds()
  const { key_id, secret } = (await gateway.run('keys/create', { expires_at: now + 3_600 })).result
  const by = { apiKey: key_id, secret }
  const user = { type: 1, expire: now + 1_800, password: 'p' }
  assert.equal((await gateway.run('set-user', { id: 'alice', user }, by)).code, 3011)
  const statusOf = async (login: string) => (await byPassword(gateway, login, { cmd: 'get-user', id: 'alice' })).status
  assert.equal(await statusOf('alice:p'), 200)
  await setUser(gateway, 'alice', { expire: 0 })
  assert.equal(await statusOf('alice:p'), 200)
  gateway.clock.offset += 3_700
  assert.equal(await statusOf('alice:p'), 401)
  await setUser(gateway, 'alice', { password: 'q' })
  assert.equal(await statusOf('alice:q'), 200)
  // With the password of a user that has an end it gives itself another one, which lasts as long as the user.
  await setUser(gateway, 'alice', { expire: gateway.seconds() + 60 })
  const change = { cmd: 'set-user', id: 'alice', user: { password: 'r' } }
  assert.equal((await byPassword(gateway, 'alice:q', change)).status, 200)
  await setUser(gateway, 'alice', { expire: 0 })
  gateway.clock.offset += 120
  assert.equal(await statusOf('alice:r'), 200)
})

test('the upgrade takes what principals hold by then for what makers held', async (t) => {
  const gateway = await instanceFor(t)
  const keys = [
    await makeKey(gateway),
    await makeUser(gateway, 'one', { type: 1, password: 'p' }),
    await makeUser(gateway, 'two', { type: 2 }),
    await makeUser(gateway, 'three', { type: 3 }),
    (await subowner(gateway, gateway.owner)).key,
  ]
  const text = readFileSync(join(root, 'migrations/0025-ceilings.sql'), 'utf8')
  const updates = text.split(';').filter((statement) => /^\s*update /m.test(statement))
  await gateway.db.transaction(async (session) => {
    await session.run(`update keys set ceiling = '[]'`)
    await session.run('update users set ceiling = null')
    for (const statement of updates) await session.run(statement.replace(/^\s*--.*$/gm, ''))
  })
  const rows = await gateway.db.all<{ key_id: string; ceiling: string }>('select key_id, ceiling from keys')
  const ceilings = new Map(rows.map(({ key_id, ceiling }) => [key_id, ceiling]))
  assert.deepEqual(
    keys.map(({ apiKey }) => ceilings.get(apiKey)),
    ['["*","instance"]', '["*"]', '["*:read"]', '[]', '[]'],
  )
  const users = await gateway.db.all<{ id: string; ceiling: string | null }>(
    'select id, ceiling from users order by id',
  )
  assert.deepEqual(
    users.map(({ id, ceiling }) => [id, ceiling]),
    [
      ['one', '["*"]'],
      ['three', null],
      ['two', null],
    ],
  )
})
