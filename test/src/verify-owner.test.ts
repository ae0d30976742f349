import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { Authorities } from '../../src/authority.js'
import { Keys } from '../../src/store/keys.js'
import { Owners, type UserName } from '../../src/store/owners.js'
import { ownerVerifier } from '../../src/verify-owner.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { elsewhere, makeAccount, makeKey } from '../support/keys.js'
import { callUplynk, formOf, msgOf, sendForm } from '../support/uplynk.js'

const list = async (gateway: CommandInstance, owner: string, { secret }: Credentials) =>
  (await callUplynk(gateway, 'subowners/list', {}, { owner, secret })).error

const ownerOf = async (gateway: CommandInstance, by = gateway.owner): Promise<string> =>
  (await gateway.run('whoami', {}, by)).result.principal.id

const create = async (gateway: CommandInstance, username: string, by = gateway.owner) => {
  const params = { username, password: 'lamepass', permissions: ['api'] }
  const { result } = await gateway.run('subowners/create', params, by)
  return { id: String(result.id), by: { apiKey: String(result.key_id), secret: String(result.api_key) } }
}

test('_owner is the id of a key or of a principal, and every enabled key of the principal may have signed', async (t) => {
  const gateway = await instanceFor(t)
  const id = await ownerOf(gateway)
  const keys = [gateway.owner, await makeKey(gateway), await makeKey(gateway), await makeKey(gateway)]
  const { id: subowner, by } = await create(gateway, 'ptvn.dave')
  for (const key of keys) {
    assert.equal(await list(gateway, id, key), 0)
    for (const named of keys) assert.equal(await list(gateway, named.apiKey, key), 0)
    assert.equal(await list(gateway, subowner, key), 1401)
  }
  assert.equal(await list(gateway, subowner, by), 0)
  assert.equal(await list(gateway, by.apiKey, by), 0)
  assert.equal(await list(gateway, id, by), 1401)
})

test('who signed is the key that signed, not the one that was named', async (t) => {
  const gateway = await instanceFor(t)
  const limited = await makeKey(gateway, { permissions: ['users:read'] })
  const name = { owner: gateway.owner.apiKey, secret: limited.secret }
  assert.equal((await callUplynk(gateway, 'subowners/list', {}, name)).error, 1403)
  const you = await callUplynk(gateway, 'whoami', { _cmd: 'whoami' }, name)
  assert.deepEqual([you.key_id, you.permissions], [limited.apiKey, ['users:read']])
})

const ends: readonly (readonly [what: string, set: string, code: number])[] = [
  ['turned off', 'enable = 0', 1401],
  ['revoked', 'revoked_at = 1', 1401],
  ['ended', 'expires_at = 1', 1401],
]
for (const [what, set, code] of ends) {
  test(`a key that is ${what} is none of its principal (${code}); where the message names it, it is told so (1407)`, async (t) => {
    const gateway = await instanceFor(t)
    const id = await ownerOf(gateway)
    const key = await makeKey(gateway)
    assert.equal(await list(gateway, id, key), 0)
    await elsewhere(gateway, `update keys set ${set} where key_id = $1`, [key.apiKey])
    assert.equal(await list(gateway, id, key), code)
    assert.equal(await list(gateway, gateway.owner.apiKey, key), code)
    assert.equal(await list(gateway, key.apiKey, key), 1407)
    assert.equal(await list(gateway, key.apiKey, gateway.owner), 0)
  })
}

test('keys that nobody may use any more leave room for those that are enabled', async (t) => {
  const gateway = await instanceFor(t)
  const { id, by } = await create(gateway, 'ptvn.dave')
  let last = by
  for (let n = 0; n < 7; n++) {
    const { result } = await gateway.run('subowners/update', { id, newkey: 1, grace: 0 })
    last = { apiKey: result.key_id, secret: result.api_key }
  }
  assert.deepEqual([await list(gateway, id, by), await list(gateway, id, last)], [1401, 0])
})

test('a principal that is turned off, and one of an account that is, is 1407', async (t) => {
  const gateway = await instanceFor(t)
  const { id, by } = await create(gateway, 'ptvn.dave')
  await elsewhere(gateway, 'update principals set enable = 0 where id = $1', [id])
  assert.equal(await list(gateway, id, by), 1407)
  await elsewhere(gateway, 'update principals set enable = 1 where id = $1', [id])
  assert.equal(await list(gateway, id, by), 0)
  await elsewhere(gateway, 'update accounts set enable = 0')
  assert.equal(await list(gateway, id, by), 1407)
})

test('a deleted subowner is unknown (1401), and a secret of a rotated key signs until its grace time ends', async (t) => {
  const gateway = await instanceFor(t)
  const { id, by } = await create(gateway, 'ptvn.dave')
  const { result } = await gateway.run('keys/rotate', { key: by.apiKey, grace: 60 })
  const renewed = { apiKey: by.apiKey, secret: result.secret }
  assert.deepEqual([await list(gateway, id, by), await list(gateway, id, renewed)], [0, 0])
  gateway.clock.offset += 61
  assert.deepEqual([await list(gateway, id, by), await list(gateway, id, renewed)], [1401, 0])
  await gateway.run('subowners/delete', { id })
  assert.equal(await list(gateway, id, renewed), 1401)
})

test('a message of one account does nothing in another one', async (t) => {
  const gateway = await instanceFor(t)
  const two = await makeAccount(gateway, 2)
  const { id } = await create(gateway, 'ptvn.dave')
  const by = { owner: two.apiKey, secret: two.secret }
  for (const [command, error] of [
    ['subowners/get', 4010],
    ['subowners/delete', 4040],
  ] as const) {
    assert.equal((await callUplynk(gateway, command, { id }, by)).error, error)
  }
  assert.equal((await callUplynk(gateway, 'subowners/update', { id, newkey: 1 }, by)).error, 4030)
  assert.deepEqual((await callUplynk(gateway, 'subowners/list', {}, by)).subowners, [])
})

test('whoever is named, five keys are tried and the same queries are made', async (t) => {
  const gateway = await instanceFor(t)
  const { id, by } = await create(gateway, 'ptvn.dave')
  let loads = 0
  let queries = 0
  const counting = new Proxy(gateway.db, {
    get(db, name) {
      if (name === 'get' || name === 'all') queries++
      const value = Reflect.get(db, name)
      return typeof value === 'function' ? value.bind(db) : value
    },
  })
  const work = async (owner: string): Promise<readonly [loads: number, queries: number]> => {
    const authorities = new Authorities(async (keyId) => {
      loads++
      return new Keys(gateway.db, gateway.vault).load(keyId)
    })
    ;[loads, queries] = [0, 0]
    const keysOf = (named: string, user: UserName, at: number) => new Owners(counting).keysOf(named, user, at)
    const verifier = ownerVerifier(authorities, keysOf, 1)
    const user = { account: undefined, login: owner }
    const proof = { kind: 'owner', owner, user, signed: 'text', mac: randomBytes(32).toString('hex') } as const
    assert.equal(await verifier(proof, gateway.seconds(), '127.0.0.1'), undefined)
    return [loads, queries]
  }
  for (const owner of [id, by.apiKey, gateway.owner.apiKey, 'nobody', 'ck_nobody', '']) {
    assert.deepEqual(await work(owner), [5, 3], owner)
  }
})

test('1401s of the dialect are counted against the address', async (t) => {
  const gateway = await instanceFor(t, { limitFailures: 2 })
  const wrong = () => list(gateway, 'nobody', gateway.owner)
  const errors = [await wrong(), await wrong(), await wrong()]
  assert.deepEqual([errors, await list(gateway, gateway.owner.apiKey, gateway.owner)], [[1401, 1401, 1429], 1429])
})

test('get and delete of one id in one second have the same msg and sig, and both work', async (t) => {
  const gateway = await instanceFor(t)
  const { id } = await create(gateway, 'ptvn.dave')
  const { apiKey, secret } = gateway.owner
  const form = formOf(msgOf({ id, _owner: apiKey, _timestamp: gateway.seconds() }), secret)
  const errors = []
  for (const command of ['get', 'delete', 'get', 'delete'])
    errors.push((await sendForm(gateway, `subowners/${command}`, form)).error)
  assert.deepEqual(errors, [0, 0, 4010, 1409])
})

test('the bytes of a call that is bound to its command do nothing at any other path', async (t) => {
  const gateway = await instanceFor(t)
  const { id } = await create(gateway, 'ptvn.dave')
  const { apiKey, secret } = gateway.owner
  const members = { id, _cmd: 'get-user', _owner: apiKey, _timestamp: gateway.seconds() }
  const form = formOf(msgOf(members), secret)
  const tables = () => gateway.db.all('select s.id, k.key_id, k.expires_at from subowners s, keys k order by k.key_id')
  const before = await tables()
  for (const { name } of gateway.catalogue) {
    assert.equal((await sendForm(gateway, name, form)).error, name === 'get-user' ? 3000 : 1403, name)
  }
  assert.deepEqual(await tables(), before)
})
