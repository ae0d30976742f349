import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lockAccount } from '../../src/store/account-lock.js'
import type { Entry } from '../../src/store/ledger.js'
import { migrate } from '../../src/store/migrate.js'
import { noPostgres } from '../support/postgres.js'
import { entry, ledgerOn, migrated, migrations, openSchema, put } from './support.js'

test('a write waits for no more than two batches of another account, however many of them came before', async (t) => {
  const ledger = ledgerOn(await migrated(t))
  const order: string[] = []
  const of = (account: number, name: string, weight: number): Entry<string> => ({
    ...entry(name, async (queries) => {
      order.push(name)
      await put(name)(queries)
    }),
    account,
    weight,
  })
  const batches = Array.from({ length: 30 }, (_, n) => ledger.submit(of(1, `batch ${n}`, 100)))
  await Promise.all([...batches, ledger.submit(of(2, 'single', 1))])
  assert.equal(order.length, 31)
  assert.ok(order.indexOf('single') <= 2, order.join(', '))
})

test('a transaction takes no more commands than the engine allows, those that batches carry included', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  let inOne = 0
  let most = 0
  const carrying = (name: string): Entry<string> => ({
    ...entry(name, async (queries) => {
      if (inOne === 0) setImmediate(() => (inOne = 0))
      inOne += 100
      most = Math.max(most, inOne)
      await put(name)(queries)
    }),
    account: 1,
    weight: 100,
  })
  if (!db.exclusive) return
  await Promise.all(Array.from({ length: 12 }, (_, n) => ledger.submit(carrying(`b${n}`))))
  assert.ok(most <= db.maxBatch, `${most} in one turn of the event loop`)
})

test('of the writes that may wait one account has a quarter', async (t) => {
  const ledger = ledgerOn(await migrated(t))
  const nothing = (name: string, account: number) => ({ ...entry(name, async () => undefined), account })
  const submitted = Array.from({ length: 2_100 }, (_, n) => ledger.submit(nothing(`one ${n}`, 1)))
  const other = ledger.submit(nothing('two', 2))
  const refused = (await Promise.allSettled(submitted)).filter(({ status }) => status === 'rejected')
  assert.ok(refused.length >= 52, `${refused.length}`)
  assert.equal(await other, 'ran')
})

test('an account whose writes wait for a lock leaves lanes to the others, and shares no transaction with them', {
  skip: noPostgres,
}, async (t) => {
  const db = await openSchema(t)
  await migrate(db, migrations, 1)
  for (const account of [1, 2]) {
    const sql = `insert into accounts (account, name, enable, version, created_at) values ($1, $2, 1, 0, 1) on conflict do nothing`
    await db.transaction((session) => session.run(sql, [account, `account ${account}`]))
  }
  const ledger = ledgerOn(db)
  const locking = (account: number, name: string): Entry<string> => ({
    ...entry(name, (queries) => lockAccount(queries, account)),
    account,
  })
  let release: () => void = () => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let held: () => void = () => undefined
  const holds = new Promise<void>((resolve) => {
    held = resolve
  })
  const holding = db.transaction(async (session) => {
    await lockAccount(session, 1)
    held()
    await released
  })
  await holds
  const answered: string[] = []
  const submit = (account: number, name: string) =>
    ledger.submit(locking(account, name)).then(
      () => void answered.push(name),
      () => void answered.push(`${name} was refused`),
    )
  await submit(2, 'before')
  const flood = Array.from({ length: 100 }, (_, n) => submit(1, `flood ${n}`))
  await Promise.all(Array.from({ length: 5 }, (_, n) => submit(2, `honest ${n}`)))
  await submit(2, 'after')
  assert.deepEqual(answered, ['before', 'honest 0', 'honest 1', 'honest 2', 'honest 3', 'honest 4', 'after'])
  release()
  await holding
  await Promise.all(flood)
  await ledger.close()
})
