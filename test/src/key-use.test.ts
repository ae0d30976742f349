import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { signMessage } from '../../clients/typescript/index.js'
import type { Db, Session } from '../../src/store/db.js'
import { type TestInstance, testInstance } from '../support/instance.js'
import { makeKey, makeUser } from '../support/keys.js'
import { counted, counter, gate, instanceFor } from './probes.js'

/** Counts the transactions of a database, and the statements that write down the use of a key. */
function counting(): { readonly wrap: (db: Db) => Db; transactions: number; uses: number } {
  const watched =
    (session: Session): Session['run'] =>
    (sql, params) => {
      if (sql.includes('key_use')) counts.uses++
      return session.run(sql, params)
    }
  const wrap = (db: Db): Db =>
    overridden(db, {
      transaction(work) {
        counts.transactions++
        return db.transaction((session) => work(overridden(session, { run: watched(session) })))
      },
    })
  const counts = { transactions: 0, uses: 0, wrap }
  return counts
}

/** The same object with some methods replaced. */
const overridden = <T extends object>(target: T, methods: Partial<T>): T =>
  new Proxy(target, {
    get: (_target, name) => {
      const value = Reflect.get(name in methods ? methods : target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

const useOf = async (instance: TestInstance, { apiKey }: Credentials) => {
  const { keys } = (await instance.call('keys/list', {}, { timestamp: instance.seconds() + 1 })).result
  const { last_used_at: at, last_address: from } = keys.find((key: { key_id: string }) => key.key_id === apiKey)
  return [at, from]
}

const ping = async (instance: TestInstance, by: Credentials, address: string) =>
  (await instance.post(signMessage('ping', {}, by, { timestamp: instance.seconds() }).body, { address })).code

test('the last use of a key is kept without a write for every request', async (t) => {
  const counts = counting()
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command], wrap: counts.wrap })
  const by = await makeKey(instance)
  const before = { ...counts }
  const started = performance.now()
  for (let n = 0; n < 300; n++) assert.equal(await ping(instance, by, '127.0.0.1'), 9001)
  const seconds = Math.ceil((performance.now() - started) / 1000)
  assert.ok(counts.transactions - before.transactions <= seconds + 1, `${counts.transactions} transactions`)
  for (let n = 0; n < 100; n++) await instance.call('count', { id: 'a' }, { by, idempotencyKey: `message-${n}` })
  assert.ok(counts.uses - before.uses <= 4, `${counts.uses} uses written`)
})

test('keys/list shows when a key was last used, and from where, after at most a minute', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  const by = await makeKey(instance)
  assert.deepEqual(await useOf(instance, by), [null, null])
  for (const address of ['192.0.2.7', '2001:db8::7']) {
    const now = instance.seconds()
    assert.equal(await ping(instance, by, address), 9001)
    instance.clock.offset += 61
    // Written with the next batch, whoever sends it.
    await instance.call('count', { id: 'a' })
    const [at, from] = await useOf(instance, by)
    assert.deepEqual([from, at >= now && at <= now + 1], [address, true])
  }
})

test('what was used just before the end is written at the end', async (t) => {
  const instance = await instanceFor(t)
  const by = await makeKey(instance)
  const beside = await testInstance({ folder: instance.folder })
  assert.equal(await ping(beside, by, '192.0.2.7'), 9001)
  assert.equal(await ping(beside, by, '192.0.2.8'), 9001)
  await beside.close()
  assert.equal((await useOf(instance, by))[1], '192.0.2.8')
})

test('a refused message is no use of a key', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  const kept = await makeKey(instance, { addresses: ['10.0.0.1'] })
  const revoked = await makeKey(instance)
  await instance.call('keys/revoke', { key: revoked.apiKey })
  assert.equal(await ping(instance, kept, '192.0.2.7'), 1406)
  assert.equal(await ping(instance, revoked, '192.0.2.7'), 1407)
  assert.equal(await ping(instance, { ...kept, secret: revoked.secret }, '10.0.0.1'), 1401)
  instance.clock.offset += 61
  await instance.call('count', { id: 'a' })
  for (const by of [kept, revoked]) assert.deepEqual(await useOf(instance, by), [null, null])
})

const changes: readonly (readonly [code: number, cmd: string, change: (key: string) => object])[] = [
  [1407, 'keys/revoke', (key) => ({ key })],
  [1407, 'keys/update', (key) => ({ key, enable: false })],
  [1407, 'keys/update', (key) => ({ key, expires_at: 1 })],
  [1406, 'keys/update', (key) => ({ key, ips: ['10.0.0.1'] })],
  [1403, 'keys/update', (key) => ({ key, permissions: ['*:read'] })],
  [1401, 'keys/rotate', (key) => ({ key, grace: 0 })],
  [10001, 'keys/rotate', (key) => ({ key })],
  [10001, 'keys/update', (key) => ({ key, comment: 'c' })],
  [1407, 'toggle-user', () => ({ id: 'signer' })],
  [1403, 'set-user', () => ({ id: 'signer', user: { type: 2 } })],
  [1401, 'set-user', () => ({ id: 'signer', user: { remove: true } })],
]

test('a change works at once, also for a command that was admitted before it, alone or in a batch', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  await makeUser(instance, 'spare', { type: 1 })
  for (const [index, [code, cmd, change]] of changes.entries()) {
    await instance.call('set-user', { id: 'signer', user: { remove: true } }, { idempotencyKey: `removal-${index}` })
    const by = await makeUser(instance, 'signer', { type: 1 })
    const id = `number-${index}`
    const { passed, open } = gate()
    const admitted = gate()
    probe.prepared = 0
    probe.beforePrepared = () => {
      if (probe.prepared === 2) admitted.open()
      return passed
    }
    const alone = instance.call('count', { id }, { by })
    const batch = instance.call('batch', { commands: [{ cmd: 'count', id }], atomic: false }, { by })
    await admitted.passed
    const changed = await instance.call(cmd, change(by.apiKey), { idempotencyKey: `change-${index}` })
    assert.equal(changed.status, 'success', JSON.stringify(changed))
    open()
    const [one, whole] = await Promise.all([alone, batch])
    assert.equal(one.code, code, `${cmd} ${JSON.stringify(change(''))}`)
    // A batch needs no permission of its own: only its item is refused.
    const item = code === 1403 ? whole.result.results[0].code : whole.code
    assert.equal(item, code === 10001 ? 9031 : code, JSON.stringify(whole))
    assert.equal(await counted(instance.db, id), code === 10001 ? 2 : 0)
  }
})
