import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Credentials } from '../../../clients/typescript/index.js'
import { type CommandInstance, faultPaths, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey, makeUser } from '../../support/keys.js'

const vendor = { apiKey: 'APX4GKLM0RKQLSP2', secret: 'canary-8fc8c48da81e6a2a06a9556379bf798a' }
const imported = { key: vendor.apiKey, secret: vendor.secret, account: 2 }

const stored = async (gateway: CommandInstance): Promise<number> => (await gateway.db.all('select 1 from keys')).length

test('an imported key signs at once, as the owner of its account, with * and without instance', async (t) => {
  const gateway = await instanceFor(t)
  await makeAccount(gateway, 2)
  assert.equal((await gateway.run('ping', {}, vendor)).code, 1401)
  const { code, result } = await gateway.run('keys/import', imported)
  assert.deepEqual([code, result], [6151, { key_id: vendor.apiKey, account: 2 }])
  const who = (await gateway.run('whoami', {}, vendor)).result
  assert.deepEqual([who.cdn, who.principal.kind, who.permissions], [2, 'owner', ['*']])
})

test('a key that exists, in whichever account, is not imported over', async (t) => {
  const gateway = await instanceFor(t)
  await makeAccount(gateway, 2)
  await makeAccount(gateway, 3)
  await gateway.run('keys/import', imported)
  const other = 'another-secret-of-24-characters'
  for (const params of [imported, { ...imported, secret: other }, { ...imported, secret: other, account: 3 }]) {
    const reply = await gateway.run('keys/import', params)
    assert.deepEqual([reply.code, reply.status], [6150, 'failure'])
  }
  assert.equal((await gateway.run('whoami', {}, vendor)).result.cdn, 2)
})

test('an account that does not exist is 6154, which nothing undoes: an import that was refused never happens later', async (t) => {
  const gateway = await instanceFor(t)
  const send = () => gateway.call('keys/import', imported, { idempotencyKey: 'import-into-2' })
  assert.equal((await send()).code, 6154)
  await makeAccount(gateway, 2)
  const again = await send()
  assert.deepEqual([again.code, again.replayed], [6154, true])
  assert.equal((await gateway.run('ping', {}, vendor)).code, 1401)
})

test('an owner gets no sixth live key by import; one that ended makes room', async (t) => {
  const gateway = await instanceFor(t)
  const first = await makeAccount(gateway, 2)
  const add = (key: string, account = 2) => gateway.run('keys/import', { ...imported, key, account })
  for (const key of ['k-2', 'k-3', 'k-4', 'k-5']) assert.equal((await add(key)).code, 6151)
  const sixth = await add('k-6')
  assert.deepEqual([sixth.code, sixth.status], [6152, 'failure'])
  assert.equal((await add('k-5')).code, 6150)
  assert.equal((await gateway.run('ping', {}, { apiKey: 'k-6', secret: vendor.secret })).code, 1401)
  assert.equal((await add('k-other', 1)).code, 6151)
  await gateway.run('keys/revoke', { key: 'k-2' }, first)
  assert.equal((await add('k-6')).code, 6151)
})

test('an account does not learn the id of the key that imported one into it', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  await gateway.run('keys/import', imported)
  const own = { ...imported, key: 'OWNKEY', account: 1 }
  await gateway.run('keys/import', own)
  const createdBy = async (key: string, by: Credentials) => {
    const { keys } = (await gateway.run('keys/list', {}, by)).result
    return keys.find(({ key_id }: { key_id: string }) => key_id === key).created_by
  }
  assert.equal(await createdBy(imported.key, other), 'an instance key')
  assert.equal(await createdBy(own.key, gateway.owner), gateway.owner.apiKey)
})

test('a key that is bound to addresses, or ends, imports none that is not', async (t) => {
  for (const limit of [{ ips: ['127.0.0.0/8'] }, { expires_at: 4_000_000_000 }]) {
    const gateway = await instanceFor(t)
    await gateway.run('keys/update', { key: gateway.owner.apiKey, ...limit })
    assert.equal((await gateway.run('keys/import', { ...imported, account: 1 })).code, 1403)
  }
})

test('the secret is its UTF-8 text, never decoded, and stands sealed', async (t) => {
  const gateway = await instanceFor(t)
  const secrets = [
    'dyWViZwTqm/etPT4SB0sTdfz2msh3D9u+iihl4dG',
    ' canary with spaces, 30 chars ',
    'canary-\u{1f600}-äöü-'.repeat(3),
  ]
  for (const [index, secret] of secrets.entries()) {
    await gateway.run('keys/import', { key: `k-${index}`, secret, account: '1' })
    assert.equal((await gateway.run('ping', {}, { apiKey: `k-${index}`, secret })).code, 9001, secret)
    for (const file of readdirSync(gateway.folder)) {
      assert.ok(!readFileSync(join(gateway.folder, file)).includes(secret), file)
    }
  }
})

test('keys/import refuses ids of its own kind, weak secrets, and what is no id', async (t) => {
  const gateway = await instanceFor(t)
  const before = await stored(gateway)
  const ok = { ...imported, account: 1 }
  const rows: readonly (readonly [params: object, ...paths: string[]])[] = [
    [{}, '/account', '/key', '/secret'],
    [{ ...ok, key: 'ck_4711' }, '/key'],
    [{ ...ok, key: 'cs_4711' }, '/key'],
    [{ ...ok, key: 'init' }, '/key'],
    [{ ...ok, key: 'local:0' }, '/key'],
    [{ ...ok, key: 'user:alice' }, '/key'],
    [{ ...ok, key: '' }, '/key'],
    [{ ...ok, key: 'a b' }, '/key'],
    [{ ...ok, key: 'a\u0000b' }, '/key'],
    [{ ...ok, key: 'a\n' }, '/key'],
    [{ ...ok, key: 'schl\u00fcssel' }, '/key'],
    [{ ...ok, key: 'x'.repeat(129) }, '/key'],
    [{ ...ok, key: 158 }, '/key'],
    [{ ...ok, secret: 'x'.repeat(23) }, '/secret'],
    [{ ...ok, secret: 'x'.repeat(1025) }, '/secret'],
    [{ ...ok, secret: `${'x'.repeat(24)}\u0000` }, '/secret'],
    [{ ...ok, secret: null }, '/secret'],
    [{ ...ok, account: 0 }, '/account'],
    [{ ...ok, account: -1 }, '/account'],
    [{ ...ok, account: '1.0' }, '/account'],
    [{ ...ok, account: 'one' }, '/account'],
    [{ ...ok, permissions: ['instance'] }, '/permissions'],
    [{ ...ok, principal: 'root' }, '/principal'],
  ]
  for (const [params, ...paths] of rows) {
    const reply = await gateway.run('keys/import', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, paths], JSON.stringify(params))
    assert.ok(!JSON.stringify(reply).includes(vendor.secret))
  }
  assert.equal(await stored(gateway), before)
})

test('keys/import needs instance, which * does not include', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const admin = await makeUser(gateway, 'root', { type: 1 }, ['*', 'instance'])
  for (const by of [await makeKey(gateway), other, admin]) {
    assert.equal((await gateway.run('keys/import', imported, by)).code, 1403)
  }
})
