import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Closed, Nothing, Type } from '../../schemas/types.js'
import { Authorities } from '../../src/authority.js'
import { ownCommand, Refusal } from '../../src/command.js'
import { Accounts } from '../../src/store/accounts.js'
import { Keys } from '../../src/store/keys.js'
import { openSqlite } from '../../src/store/sqlite.js'
import { elsewhere, makeKey, makeUser } from '../support/keys.js'
import { counted, counter, fifthStep, gate, instanceFor, wrapped } from './probes.js'

const administrator = { type: 1 }

const losses: readonly { readonly what: string; readonly user: object; readonly code: number }[] = [
  { what: 'disabled', user: { enable: false }, code: 1407 },
  { what: 'ended', user: { expire: 1 }, code: 1407 },
  { what: 'made an observer', user: { type: 2 }, code: 1403 },
  { what: 'removed', user: { remove: true }, code: 1401 },
]
for (const { what, user, code } of losses) {
  test(`a command already admitted answers ${code} when its panel user is ${what} earlier in the same transaction`, async (t) => {
    let transactions = 0
    const probe = counter()
    const instance = await instanceFor(t, {
      extra: [probe.command],
      wrap: (db) =>
        wrapped(db, {
          transaction: (work) => {
            transactions++
            return db.transaction(work)
          },
        }),
    })
    await makeUser(instance, 'anna', administrator)
    const by = await makeUser(instance, 'bert', administrator)
    assert.equal((await instance.call('count', { id: 'n' }, { by })).code, 10001)
    // Behind the other in the queue, but in the same turn of the event loop.
    probe.beforePrepared = async () => {
      for (let i = 0; i < 100; i++) await null
    }
    transactions = 0
    const [change, late] = await Promise.all([
      instance.call('set-user', { id: 'bert', user }),
      instance.call('count', { id: 'n' }, { by, timestamp: instance.seconds() + 1 }),
    ])
    assert.deepEqual([transactions, change.code % 2, late.code], [1, 1, code])
    assert.equal(await counted(instance.db, 'n'), 1)
  })
}

const changes: readonly { readonly what: string; readonly sql: string; readonly code: number }[] = [
  { what: 'its panel user is disabled', sql: `update users set enable = 0 where id = 'bert'`, code: 1407 },
  { what: 'its account is disabled', sql: 'update accounts set enable = 0 where account = 1', code: 1407 },
  { what: 'the key is revoked', sql: 'update keys set revoked_at = 1 where key_id = $1', code: 1407 },
  { what: 'the key is disabled', sql: 'update keys set enable = 0 where key_id = $1', code: 1407 },
  { what: 'the key has ended', sql: 'update keys set expires_at = 1 where key_id = $1', code: 1407 },
  { what: 'the key is deleted', sql: 'delete from keys where key_id = $1', code: 1401 },
  {
    what: 'the key may come from elsewhere only',
    sql: `update keys set addresses = '["10.0.0.1"]' where key_id = $1`,
    code: 1406,
  },
  { what: 'the key lost its permissions', sql: `update keys set permissions = '[]' where key_id = $1`, code: 1403 },
]
for (const { what, sql, code } of changes) {
  test(`another process's change is seen by the next request, caches included: ${what} (${code})`, async (t) => {
    const instance = await instanceFor(t, { extra: [counter().command] })
    const by = await makeUser(instance, 'bert', administrator)
    assert.equal((await instance.call('list-users', {}, { by })).code, 3031)
    assert.equal((await instance.call('count', { id: 'n' }, { by })).code, 10001)
    await elsewhere(instance, sql, sql.includes('$1') ? [by.apiKey] : [])
    const timestamp = instance.seconds() + 1
    assert.equal((await instance.call('list-users', {}, { by })).code, code)
    assert.equal((await instance.call('count', { id: 'n' }, { by, timestamp })).code, code)
    assert.equal(await counted(instance.db, 'n'), 1)
  })
}

test('two instances on one folder see one another: a key made, a user disabled and enabled, an account made', async (t) => {
  const one = await instanceFor(t)
  const two = await instanceFor(t, { folder: one.folder })
  await makeUser(one, 'anna', administrator)
  const by = await makeUser(one, 'bert', administrator)
  const codes = []
  const vendor = { apiKey: 'vendor', secret: 'a-secret-that-a-vendor-gave-out' }
  codes.push((await two.call('whoami', {}, { by })).code, (await two.call('whoami', {}, { by: vendor })).code)
  await one.call('keys/import', { key: vendor.apiKey, secret: vendor.secret, account: 1 })
  // An instance looks once in a turn of the event loop, and here both share their turns.
  await new Promise((resolve) => setImmediate(resolve))
  codes.push((await two.call('whoami', {}, { by: vendor })).code)
  await one.call('set-user', { id: 'bert', user: { enable: false } }, { idempotencyKey: 'disable-bert' })
  codes.push((await two.call('whoami', {}, { by })).code)
  await two.call('set-user', { id: 'bert', user: { enable: true } }, { by: vendor, idempotencyKey: 'enable-bert' })
  codes.push((await one.call('whoami', {}, { by })).code)
  assert.deepEqual(codes, [9011, 1401, 9011, 1407, 9011])
})

test('an authority that was loaded while a change committed is not trusted as current', async (t) => {
  const instance = await instanceFor(t)
  const { passed, open } = gate()
  const authorities = new Authorities(async (keyId) => {
    const record = await new Keys(instance.db, instance.vault).load(keyId)
    await passed
    return record
  })
  const loading = authorities.load(instance.owner.apiKey)
  authorities.drop(`key:${instance.owner.apiKey}`)
  open()
  assert.equal((await loading).stale, true)
})

const look = ownCommand({
  name: 'look',
  summary: 'Answer who asks',
  permission: 'counters:read',
  params: Nothing,
  result: Closed({ account: Type.Integer() }),
  codes: { SEEN: { code: 10005, message: 'Seen' } },
  run: async (_params, { caller }) => ['SEEN', { account: caller.account }],
})

const refusedWith = (code: string) => (error: unknown) => error instanceof Refusal && error.code === code

test('a read already admitted is refused when its key was disabled meanwhile', async (t) => {
  const instance = await instanceFor(t)
  const by = await makeKey(instance)
  const { executor, authorities, call } = fifthStep(instance, [look])
  const authority = await authorities.load(by.apiKey)
  await elsewhere(instance, 'update keys set enable = 0 where key_id = $1', [by.apiKey])
  authorities.drop(`key:${by.apiKey}`)
  await assert.rejects(executor.execute(call(look, {}, authority)), refusedWith('KEY_INACTIVE'))
})

test('a command already admitted is 1401 when the secret that signed it is none of the key’s any more', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  const { apiKey, secret } = await makeKey(instance, { apiKey: 'vendor' })
  const other = openSqlite(join(instance.folder, 'countersign.db'))
  t.after(() => other.close())
  probe.beforePrepared = async () => {
    const owner = (await new Accounts(other, () => undefined).owner(1)) ?? ''
    const made = {
      account: 1,
      permissions: ['*'],
      ceiling: ['*'],
      createdBy: '',
      comment: '',
      principal: { kind: 'owner', id: owner },
    }
    await other.transaction(async (session) => {
      await session.run('delete from keys where key_id = $1', [apiKey])
      await new Keys(session, instance.vault).insert({ ...made, keyId: apiKey, secret: 'another secret' }, 1)
    })
  }
  const reply = await instance.call('count', { id: 'n' }, { by: { apiKey, secret } })
  assert.deepEqual([reply.code, probe.ran, await counted(instance.db, 'n')], [1401, 0, 0])
})

for (const { what, sql } of [
  { what: 'another account', sql: 'update keys set account = 2 where key_id = $1' },
  { what: 'another lineage', sql: `update keys set lineage = 'other' where key_id = $1` },
]) {
  test(`a command already admitted is 1401 when its key has come back in ${what}`, async (t) => {
    const instance = await instanceFor(t)
    await instance.call('accounts/create', { account: 2 })
    const by = await makeUser(instance, 'bert', administrator)
    await elsewhere(
      instance,
      `insert into users (account, id, enable, type, comment, ip, expire, conlimit, created_at, updated_at)
       select 2, id, enable, type, comment, ip, expire, conlimit, 1, 1 from users`,
    )
    const probe = counter()
    const { executor, authorities, call } = fifthStep(instance, [probe.command])
    const authority = await authorities.load(by.apiKey)
    await elsewhere(instance, sql, [by.apiKey])
    await assert.rejects(executor.execute(call(probe.command, { id: 'n' }, authority)), refusedWith('UNAUTHENTICATED'))
    assert.deepEqual([await counted(instance.db, 'n', 1), await counted(instance.db, 'n', 2)], [0, 0])
  })
}

test('the key of a removed panel user is deleted with it (1401), and does not work for the next one of that name', async (t) => {
  const instance = await instanceFor(t)
  await makeUser(instance, 'anna', administrator)
  const by = await makeUser(instance, 'bert', administrator)
  await instance.call('set-user', { id: 'bert', user: { remove: true } })
  assert.equal((await instance.call('whoami', {}, { by })).code, 1401)
  await instance.call('set-user', { id: 'bert', user: administrator })
  assert.equal((await instance.call('whoami', {}, { by })).code, 1401)
})
