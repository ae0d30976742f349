import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { bindRows } from '../../src/store/bind-rows.js'
import { looseBinding, oldSecretBinding, secretBinding } from '../../src/store/bindings.js'
import type { Value } from '../../src/store/db.js'
import { decoyBinding, openSound, type SecretColumns } from '../../src/store/keys.js'
import { Meta } from '../../src/store/meta.js'
import { unsoundRows } from '../../src/store/unsound.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { edited as edit, makeKey } from '../support/keys.js'
import { byPassword, byToken, setUser } from '../support/logins.js'
import { until } from '../support/until.js'

/** Another node hears of a change a little later. */
const becomes = (ask: () => Promise<number>, code: number, what: string): Promise<void> =>
  until(`${what}: ${code}`, async () => (await ask()) === code)

/** Every column of a key that is not for people or counted by itself, with another value. */
const keyEdits: readonly (readonly [column: string, value: Value])[] = [
  ['account', 2],
  ['principal_kind', 'owner'],
  ['principal_id', 'bob'],
  ['lineage', 'other'],
  ['permissions', '["*","instance"]'],
  ['ceiling', '["*","instance"]'],
  ['addresses', '["127.0.0.1"]'],
  ['enable', 2],
  ['expires_at', null],
  ['revoked_at', 1],
  ['created_by', 'init'],
]

test('a key whose row was edited in the database, whichever column it is, is an unknown key', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('accounts/create', { account: 2, name: 'two' })
  await setUser(gateway, 'alice', { type: 2 })
  await setUser(gateway, 'bob', { type: 1 })
  const key = await makeKey(gateway, { user: 'alice', permissions: ['users:read'], ceiling: ['users:read'] })
  await gateway.run('keys/update', { key: key.apiKey, expires_at: gateway.seconds() + 1000 })
  const ping = async (by: Credentials = key) => (await gateway.run('ping', {}, by)).code
  assert.equal(await ping(), 9001)
  const row = await gateway.db.get<Record<string, Value>>('select * from keys where key_id = $1', [key.apiKey])
  for (const [column, value] of keyEdits) {
    await edit(gateway, `update keys set ${column} = $2 where key_id = $1`, [key.apiKey, value])
    await becomes(ping, 1401, column)
    // What the gateway itself writes to the row does not make it good.
    await gateway.run('keys/update', { key: key.apiKey, comment: 'c' })
    assert.notEqual((await gateway.run('keys/rotate', { key: key.apiKey })).code, 6131, column)
    assert.equal(await ping(), 1401, `${column}, and what the gateway writes`)
    const columns = Object.keys(row ?? {}).filter((name) => name !== 'key_id')
    await edit(
      gateway,
      `update keys set ${columns.map((name, at) => `${name} = $${at + 2}`).join(', ')} where key_id = $1`,
      [key.apiKey, ...columns.map((name) => row?.[name] ?? null)],
    )
    await becomes(ping, 9001, `${column} as it was`)
  }
})

test('an old secret outlives its grace time, or rises, by no edit', async (t) => {
  const gateway = await instanceFor(t)
  const key = await makeKey(gateway, { ceiling: ['users:read'] })
  await gateway.run('keys/rotate', { key: key.apiKey, grace: 100 })
  const ping = async () => (await gateway.run('ping', {}, key)).code
  assert.equal(await ping(), 9001)
  for (const [column, value] of [
    ['old_until', gateway.seconds() + 100_000],
    ['old_ceiling', '["*"]'],
  ] as const) {
    const before = await gateway.db.get<Record<string, Value>>('select * from keys where key_id = $1', [key.apiKey])
    await edit(gateway, `update keys set ${column} = $2 where key_id = $1`, [key.apiKey, value])
    await becomes(ping, 1401, column)
    await edit(gateway, `update keys set ${column} = $2 where key_id = $1`, [key.apiKey, before?.[column] ?? null])
    await becomes(ping, 9001, column)
  }
  await edit(gateway, 'update keys set secret = old_secret where key_id = $1', [key.apiKey])
  await becomes(ping, 1401, 'the secrets swapped')
})

const userEdits: readonly (readonly [column: string, value: Value])[] = [
  ['type', 1],
  ['enable', 2],
  ['expire', 0],
  ['ceiling', '["*","instance"]'],
  ['password_until', 99_999_999_999],
  ['scope', '{"slices":[],"servers":["edge-1"]}'],
  ['tag', null],
  ['tag', 'AAAAAAAAAAAAAAAAAAAAAA'],
]

test('a panel user whose row was edited neither logs in nor signs, and no command makes the row good', async (t) => {
  const gateway = await instanceFor(t)
  await setUser(gateway, 'alice', { type: 2, password: 'p', expire: gateway.seconds() + 1000 })
  await setUser(gateway, 'eve', { type: 2, password: 'q' })
  const key = await makeKey(gateway, { user: 'alice' })
  let logins = 0
  const login = async (password = 'p') => {
    // An address that guessed ten times is kept out.
    const address = { address: `10.0.${++logins}.1` }
    return (await byPassword(gateway, `alice:${password}`, { cmd: 'get-user', id: 'alice' }, address)).status
  }
  const ping = async () => (await gateway.run('ping', {}, key)).code
  const works = async () => [await login(), await ping()]
  assert.deepEqual(await works(), [200, 9001])
  const row = await gateway.db.get<Record<string, Value>>(`select * from users where id = 'alice'`)
  const eve = await gateway.db.get<Record<string, Value>>(`select * from users where id = 'eve'`)
  for (const [column, value] of [...userEdits, ['password', eve?.password ?? null] as const]) {
    await edit(gateway, `update users set ${column} = $1 where id = 'alice'`, [value])
    await becomes(ping, 1401, column)
    assert.equal(await login(column === 'password' ? 'q' : 'p'), 401, column)
    await gateway.run('toggle-user', { id: 'alice' })
    await gateway.run('toggle-user', { id: 'alice' })
    await setUser(gateway, 'alice', { conlimit: 3, expire: gateway.seconds() + 500 })
    assert.deepEqual(await works(), [401, 1401], `${column}, and what the gateway writes`)
    const columns = Object.keys(row ?? {})
    await edit(
      gateway,
      `update users set ${columns.map((name, at) => `${name} = $${at + 1}`).join(', ')} where id = 'alice'`,
      columns.map((name) => row?.[name] ?? null),
    )
    await becomes(ping, 9001, `${column} as it was`)
    assert.equal(await login(), 200, `${column} as it was`)
  }
})

test('a subowner whose permissions were edited signs nothing, and neither does a user that was given a row of principals', async (t) => {
  const gateway = await instanceFor(t)
  const made = (await gateway.run('subowners/create', { username: 'dave', password: 'x' })).result
  const key = { apiKey: made.key_id, secret: made.api_key }
  assert.equal((await gateway.run('ping', {}, key)).code, 1403)
  await edit(gateway, `update principals set permissions = '["*"]' where id = $1`, [made.id])
  await becomes(async () => (await gateway.run('ping', {}, key)).code, 1401, 'permissions')
  await gateway.run('subowners/update', { id: made.id, permissions: ['api'] })
  assert.equal((await gateway.run('ping', {}, key)).code, 1401)
  await setUser(gateway, 'alice', { type: 3 })
  const own = await makeKey(gateway, { user: 'alice' })
  await edit(
    gateway,
    `insert into principals (account, kind, id, permissions, enable, created_at) values (1, 'user', 'alice', '["*"]', 1, 1)`,
  )
  await becomes(async () => (await gateway.run('ping', {}, own)).code, 1401, 'a row of principals')
})

test('an access token whose row was edited is an unknown one', async (t) => {
  const gateway = await instanceFor(t)
  const { token, token_id } = (await gateway.run('access-tokens/create', { permissions: ['devices:read'] })).result
  const status = async () => (await byToken(gateway, token, 'GET /users/self/device-passwords.json')).status
  assert.equal(await status(), 200)
  const row = await gateway.db.get<Record<string, Value>>('select * from access_tokens where token_id = $1', [token_id])
  for (const [column, value] of [
    ['account', 2],
    ['principal_kind', 'user'],
    ['principal_id', 'other'],
    ['permissions', '["*"]'],
    ['addresses', '["0.0.0.0/0"]'],
    ['expires_at', gateway.seconds() + 1_000_000],
    ['created_by', 'other'],
    ['tag', null],
  ] as const) {
    if (column === 'account') await gateway.run('accounts/create', { account: 2, name: 'two' })
    await edit(gateway, `update access_tokens set ${column} = $2 where token_id = $1`, [token_id, value])
    assert.equal(await status(), 401, column)
    await edit(gateway, `update access_tokens set ${column} = $2 where token_id = $1`, [
      token_id,
      row?.[column] ?? null,
    ])
    assert.equal(await status(), 200, column)
  }
})

/** Puts a database back as versions before migration 0026 wrote it. */
async function loosened({ db, vault }: CommandInstance): Promise<void> {
  await db.transaction(async (session) => {
    for (const row of await session.all<SecretColumns>('select * from keys')) {
      const [newest, old] = openSound(vault, row) ?? []
      await session.run('update keys set secret = $2, old_secret = $3 where key_id = $1', [
        row.key_id,
        vault.seal(newest?.secret ?? '', looseBinding(row.key_id)),
        old ? vault.seal(old.secret, looseBinding(row.key_id)) : null,
      ])
    }
    for (const table of ['users', 'principals', 'access_tokens']) await session.run(`update ${table} set tag = null`)
    const meta = new Meta(session)
    const decoy = vault.open((await meta.get('decoy')) ?? '', decoyBinding)
    await meta.set('decoy', vault.seal(decoy, looseBinding('decoy')))
  })
}

test('the first start after an upgrade binds every row, and no edit has it done again', async (t) => {
  const gateway = await instanceFor(t)
  const key = await makeKey(gateway)
  const rotated = (await gateway.run('keys/rotate', { key: key.apiKey, grace: 100 })).result
  await setUser(gateway, 'alice', { type: 2, password: 'p' })
  await gateway.run('subowners/create', { username: 'dave', password: 'x' })
  await gateway.run('access-tokens/create')
  await loosened(gateway)
  const bind = () => gateway.db.transaction((session) => bindRows(session, gateway.vault, 'another decoy'))
  await bind()
  assert.deepEqual(await unsoundRows(gateway.db, gateway.vault), { keys: [], others: [] })
  for (const by of [key, { apiKey: key.apiKey, secret: rotated.secret }]) {
    assert.equal((await gateway.run('ping', {}, by)).code, 9001)
  }
  const row = await gateway.db.get<SecretColumns>('select * from keys where key_id = $1', [key.apiKey])
  assert.ok(row)
  gateway.vault.open(row.secret, secretBinding(row))
  gateway.vault.open(row.old_secret ?? '', oldSecretBinding(row))
  await edit(gateway, 'update users set type = 1, tag = null')
  await bind()
  await edit(gateway, `delete from meta where name = 'decoy'`)
  await bind()
  assert.deepEqual(await unsoundRows(gateway.db, gateway.vault), { keys: [], others: ['user 1/alice'] })
})
