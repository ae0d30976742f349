import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isGeneratedId, isGeneratedSecret } from '../../../src/generate.js'
import { badNames, faultPaths, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey, makeUser } from '../../support/keys.js'

const dave = { username: 'ptvn.dave', password: 'lamepass' }

test('subowners/create answers id, username, permissions and the secret, also as the one key there is', async (t) => {
  const gateway = await instanceFor(t)
  const { code, result } = await gateway.run('subowners/create', { ...dave, permissions: ['slice'] })
  const { id, key_id: keyId, api_key: secret } = result
  assert.equal(code, 4001)
  assert.match(id, /^[0-9a-f]{32}$/)
  assert.ok(isGeneratedId(keyId) && isGeneratedSecret(secret))
  const keys = { key_id: keyId, api_key: secret, all_api_keys: { [secret]: { enabled: true } } }
  assert.deepEqual(result, { username: 'ptvn.dave', permissions: ['slice'], ...keys, id })
})

test('a username is taken once in an account (4000), and free in another one', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  assert.equal((await gateway.run('subowners/create', dave)).code, 4001)
  assert.equal((await gateway.run('subowners/create', { ...dave, password: 'another' })).code, 4000)
  assert.equal((await gateway.run('subowners/create', dave, other)).code, 4001)
  assert.equal((await gateway.run('subowners/create', { ...dave, username: 'ptvn.Dave' })).code, 4001)
})

test('the password is kept as a scrypt hash, and never shown', async (t) => {
  const gateway = await instanceFor(t)
  const { result } = await gateway.run('subowners/create', dave)
  assert.ok(!JSON.stringify(result).includes('lamepass'))
  const row = await gateway.db.get<{ password: string }>('select password from subowners')
  assert.match(row?.password ?? '', /^scrypt\$32768\$8\$1\$/)
  const audited = await gateway.db.all<{ detail: string | null }>('select detail from audit')
  assert.ok(!JSON.stringify(audited).includes('lamepass') && !JSON.stringify(audited).includes(result.api_key))
})

test('subowners/create refuses an e-mail address as username, other bad names, an empty password and unknown permissions', async (t) => {
  const gateway = await instanceFor(t)
  for (const username of ['dave@example.org', '@', ...badNames.map(([, name]) => name)]) {
    const reply = await gateway.run('subowners/create', { ...dave, username })
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, ['/username']], JSON.stringify(username))
  }
  const rows: readonly (readonly [params: object, path: string])[] = [
    [{ username: 'x' }, '/password'],
    [{ password: 'x' }, '/username'],
    [{ ...dave, password: '' }, '/password'],
    [{ ...dave, permissions: ['admin'] }, '/permissions/0'],
    [{ ...dave, permissions: 'api' }, '/permissions'],
    [{ ...dave, permissions: ['*'] }, '/permissions/0'],
    [{ ...dave, id: 'mine' }, '/id'],
  ]
  for (const [params, path] of rows) {
    const reply = await gateway.run('subowners/create', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]], JSON.stringify(params))
  }
})

test('a subowner with api may do everything in the account, also create further ones; never what needs instance', async (t) => {
  const gateway = await instanceFor(t)
  const { result } = await gateway.run('subowners/create', { ...dave, permissions: ['slice', 'api', 'api'] })
  assert.deepEqual(result.permissions, ['slice', 'api'])
  const by = { apiKey: result.key_id, secret: result.api_key }
  const you = (await gateway.run('whoami', {}, by)).result
  assert.deepEqual([you.principal, you.permissions], [{ kind: 'subowner', id: result.id }, ['*']])
  const further = await gateway.run('subowners/create', { ...dave, username: 'ptvn.eve', permissions: ['api'] }, by)
  assert.equal(further.code, 4001)
  assert.equal((await gateway.run('accounts/list', {}, by)).code, 1403)
})

test('a subowner without api is refused everything that there is (1403)', async (t) => {
  const gateway = await instanceFor(t)
  const samples: Readonly<Record<string, object>> = { batch: { commands: [{ cmd: 'ping' }] } }
  for (const permissions of [undefined, [], ['slice']]) {
    const { result } = await gateway.run('subowners/create', { ...dave, username: `p.${permissions}`, permissions })
    const by = { apiKey: result.key_id, secret: result.api_key }
    for (const { name } of gateway.catalogue) {
      assert.equal((await gateway.run(name, samples[name] ?? {}, by)).code, 1403, name)
    }
    assert.equal((await gateway.run('no-such-command', {}, by)).code, 1404)
  }
})

test('who creates a subowner with api holds *; who does not may make one that may do nothing', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [permissions: readonly string[], api: number, slice: number])[] = [
    [['*'], 4001, 4001],
    [['subowners:*', 'users:*', 'keys:*', 'streams:*', '*:read'], 1403, 4001],
    [['subowners:write'], 1403, 4001],
    [['subowners:read'], 1403, 1403],
    [['*:read'], 1403, 1403],
  ]
  for (const [permissions, api, slice] of rows) {
    const by = await makeKey(gateway, { permissions })
    const create = async (wanted: string[]) =>
      (await gateway.run('subowners/create', { ...dave, username: `${by.apiKey}-${wanted}`, permissions: wanted }, by))
        .code
    assert.deepEqual([await create(['api']), await create(['slice'])], [api, slice], String(permissions))
  }
})

test('what a limited key creates works nowhere else and no longer than it does', async (t) => {
  const gateway = await instanceFor(t)
  const expire = gateway.seconds() + 600
  const user = await makeUser(gateway, 'admin', { type: 1, expire })
  const inside = await makeKey(gateway, { addresses: ['127.0.0.0/8'] })
  const made = async (by: typeof user, username: string) => {
    const { result } = await gateway.run('subowners/create', { ...dave, username, permissions: ['api'] }, by)
    const { keys } = (await gateway.run('keys/list')).result
    return keys.find((key: { key_id: string }) => key.key_id === result.key_id)
  }
  assert.equal((await made(user, 'a')).expires_at, expire)
  assert.deepEqual((await made(inside, 'b')).ips, ['127.0.0.0/8'])
})

test('a dry run makes nothing and shows no secret', async (t) => {
  const gateway = await instanceFor(t)
  const { code, result } = await gateway.call('subowners/create', dave, { dryRun: true })
  assert.deepEqual([code, result.api_key, result.all_api_keys], [4001, null, null])
  for (const table of ['subowners', 'keys', 'principals']) {
    const row = await gateway.db.get<{ rows: number }>(`select count(*) as rows from ${table}`)
    assert.equal(row?.rows, table === 'subowners' ? 0 : 1, table)
  }
})
