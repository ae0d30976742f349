import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { migrate } from '../../src/store/migrate.js'
import { openPostgres } from '../../src/store/postgres.js'
import { emptySchema, noPostgres } from '../support/postgres.js'
import { contract } from './contract.js'
import { entry, ledgerOn, migrations, openSchema, put, puts } from './support.js'

if (noPostgres === undefined) contract('PostgreSQL', (t) => openSchema(t))

const skip = { skip: noPostgres ?? false }

/** A way to the server that breaks, once, when a commit passes it: on the way there, or its answer on the way back. */
async function breakable(t: TestContext, target: string) {
  const to = new URL(target)
  const [port, host] = [Number(to.port || 5432), to.hostname]
  const broken: { next: 'commit' | 'answer' | undefined } = { next: undefined }
  const proxy = createServer((client) => {
    const server = connect(port, host)
    const end = () => {
      client.destroy()
      server.destroy()
    }
    const pass = (from: typeof client, on: typeof client, what: 'commit' | 'answer', mark: string) =>
      from.on('data', (chunk) => {
        if (broken.next === what && chunk.toString('latin1').includes(mark)) {
          broken.next = undefined
          return end()
        }
        on.write(chunk)
      })
    pass(client, server, 'commit', 'commit\0')
    pass(server, client, 'answer', 'COMMIT\0')
    for (const socket of [client, server]) socket.on('error', end).on('close', end)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.after(() => void proxy.close())
  const address = proxy.address()
  to.port = String(typeof address === 'object' && address ? address.port : 0)
  return { url: to.href, broken }
}

async function behind(t: TestContext) {
  const { url, drop } = await emptySchema()
  const way = await breakable(t, url)
  const db = openPostgres(way.url)
  t.after(async () => {
    await db.close()
    await drop()
  })
  await migrate(db, migrations, 1)
  await db.transaction((session) => session.run(`insert into accounts values (1, 'one', 1, 0, 1)`))
  return { db, ledger: ledgerOn(db), broken: way.broken }
}

test('a commit whose answer is lost took place, and is answered as done', skip, async (t) => {
  const { db, ledger, broken } = await behind(t)
  broken.next = 'answer'
  assert.equal(await ledger.submit(entry('e', put('a'))), 'ran')
  assert.equal(broken.next, undefined)
  assert.equal(await ledger.submit(entry('e', put('b'))), 'seen')
  assert.deepEqual(await puts(db), ['a'])
})

test(
  'a commit that never arrived did not take place, is not acknowledged, and the same message runs afterwards',
  skip,
  async (t) => {
    const { db, ledger, broken } = await behind(t)
    broken.next = 'commit'
    await assert.rejects(ledger.submit(entry('e', put('a'))), { kind: 'fault' })
    assert.deepEqual(await puts(db), [])
    assert.equal(await ledger.submit(entry('e', put('b'))), 'ran')
    assert.deepEqual(await puts(db), ['b'])
  },
)

test('two processes migrate an empty database at once: both come up', skip, async (t) => {
  const { url, drop } = await emptySchema()
  const both = [openPostgres(url), openPostgres(url)]
  t.after(async () => {
    await Promise.all(both.map((db) => db.close()))
    await drop()
  })
  const applied = await Promise.all(both.map((db) => migrate(db, migrations, 1)))
  assert.equal(new Set(applied.flat()).size, applied.flat().length)
})

test(
  'a table or its type that another process makes in the same moment is there when it is looked for again',
  skip,
  async (t) => {
    const db = await openSchema(t)
    await db.transaction((session) => session.run('create table words (word text not null)'))
    for (const meanwhile of ['create table words (word text)', 'create type words as enum ()']) {
      // What `if not exists` comes upon when the other's commit falls between its look and its deed.
      const race = [meanwhile, 'create table if not exists words (word text)']
      await db.transaction((session) => session.run(race.shift() ?? ''))
      assert.deepEqual(race, [])
    }
    await assert.rejects(
      db.transaction((session) => session.run('create table words (word text)')),
      { code: '42P07' },
    )
  },
)

test('text is ordered and compared by its bytes', skip, async (t) => {
  const db = await openSchema(t)
  await db.transaction(async (session) => {
    await session.run('create table words (word text not null primary key)')
    for (const word of ['b', 'B', 'a_', 'a:', 'é', 'Z']) await session.run('insert into words values ($1)', [word])
  })
  const words = await db.all<{ word: string }>('select word from words order by word')
  assert.deepEqual(
    words.map(({ word }) => word),
    ['B', 'Z', 'a:', 'a_', 'b', 'é'],
  )
})

test('transactions that wait for one another in a circle are all done in the end', skip, async (t) => {
  const db = await openSchema(t)
  await migrate(db, migrations, 1)
  await db.transaction(async (session) => {
    await session.run(`insert into accounts values (1, 'one', 1, 0, 1)`)
    for (const id of ['a', 'b']) await put(id, '0')(session)
  })
  const add = 'update records set value = cast(cast(value as bigint) + 1 as text) where id = $1'
  const crossing = ([first, second]: readonly string[]) =>
    db.transaction(async (session) => {
      await session.run(add, [first ?? ''])
      await session.get('select pg_sleep(0.1)')
      await session.run(add, [second ?? ''])
    })
  await Promise.all([crossing(['a', 'b']), crossing(['b', 'a'])])
  const rows = await db.all<{ value: string }>('select value from records')
  assert.deepEqual(
    rows.map(({ value }) => value),
    ['2', '2'],
  )
})

test('a statement that was prepared before the schema changed works afterwards', skip, async (t) => {
  const db = await openSchema(t)
  await migrate(db, migrations, 1)
  const all = () => db.all('select * from accounts')
  const before = await all()
  await db.transaction((session) => session.run('alter table accounts add column further bigint'))
  await all().catch(() => undefined)
  assert.equal((await all()).length, before.length)
})
