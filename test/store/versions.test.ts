import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { compatibleSince, NewerSchema } from '../../src/store/compatible.js'
import type { Db } from '../../src/store/db.js'
import { migrate, OlderGateways, waitingIn } from '../../src/store/migrate.js'
import { migrationsOf } from '../../src/store/migration-files.js'
import { openPostgres } from '../../src/store/postgres.js'
import { openSqlite } from '../../src/store/sqlite.js'
import { wrapped } from '../src/probes.js'
import { migrations } from '../support/instance.js'
import { emptySchema, noPostgres } from '../support/postgres.js'
import { removeFolder } from '../support/server.js'
import { until } from '../support/until.js'
import { databaseFile } from './support.js'

/** What each file of a program does. */
type Files = Readonly<Record<string, string>>

const base: Files = {
  '0001-a.sql': 'create table meta (name text not null primary key, value text not null);',
  '0032-b.sql': '-- expand since 0032\ncreate table b (id text);',
}
/** The version after it: it adds a table, and later takes one away. */
const second: Files = {
  ...base,
  '0033-c.sql': '-- expand since 0032\ncreate table c (id text);',
  '0034-d.sql': '-- contract\ndrop table b;',
}
const third: Files = { ...second, '0035-e.sql': '-- expand since 0034\ncreate table e (id text);' }

function folderOf(t: TestContext, files: Files): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-versions-'))
  t.after(() => removeFolder(folder))
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql)
  return folder
}

const listOf = async (db: Db) =>
  (await db.all<{ id: string }>('select id from migrations order by id')).map(({ id }) => id)

/** Opens the same empty database as often as it is called. */
type Opener = () => Db

function onFile(t: TestContext): Opener {
  const file = databaseFile(t)
  return () => closed(t, openSqlite(file))
}

async function onSchema(t: TestContext): Promise<Opener> {
  const { url, drop } = await emptySchema()
  t.after(drop)
  return () => closed(t, openPostgres(url))
}

function closed(t: TestContext, db: Db): Db {
  t.after(() => db.close())
  return db
}

/** A program that has joined, as one that serves does. */
async function joined(open: Opener, schema: number): Promise<Db> {
  const db = open()
  db.listen(() => undefined, schema)
  await db.joined()
  return db
}

const engines: readonly [name: string, opener: (t: TestContext) => Opener | Promise<Opener>, skip: string | false][] = [
  ['SQLite', onFile, false],
  ['PostgreSQL', onSchema, noPostgres ?? false],
]

for (const [name, opener, skip] of engines) {
  const on = async (t: TestContext) => (await opener(t))()

  test(`${name}: an older program works beside a newer one, and leaves its migrations alone`, { skip }, async (t) => {
    const db = await on(t)
    const older = folderOf(t, base)
    await migrate(db, older, 1)
    assert.deepEqual(await migrate(db, folderOf(t, second), 2), ['0033-c.sql'])
    assert.deepEqual(await migrate(db, older, 3), [])
    assert.deepEqual(await listOf(db), ['0001-a.sql', '0032-b.sql', '0033-c.sql'])
    assert.equal(await compatibleSince(db), 32)
  })

  test(`${name}: a contract waits until the upgrade is finished, and no older program is served then`, {
    skip,
  }, async (t) => {
    const db = await on(t)
    const [older, newer] = [folderOf(t, base), folderOf(t, second)]
    await migrate(db, older, 1)
    await migrate(db, newer, 2)
    assert.deepEqual([await migrate(db, newer, 3), await waitingIn(db, newer)], [[], ['0034-d.sql']])
    assert.deepEqual(await migrate(db, newer, 4, { finish: true }), ['0034-d.sql'])
    assert.deepEqual([await waitingIn(db, newer), await compatibleSince(db)], [[], 34])
    await assert.rejects(migrate(db, older, 5), (error) => error instanceof NewerSchema && /0034-d/.test(error.message))
    assert.deepEqual(await migrate(db, newer, 6), [])
  })

  test(`${name}: the version after finishes what waits, since its own migrations come behind it`, {
    skip,
  }, async (t) => {
    const db = await on(t)
    await migrate(db, folderOf(t, base), 1)
    const newer = folderOf(t, second)
    await migrate(db, newer, 2)
    assert.deepEqual(await migrate(db, folderOf(t, third), 3), ['0034-d.sql', '0035-e.sql'])
    assert.equal(await compatibleSince(db), 34)
    assert.deepEqual(await migrate(db, newer, 4), [])
  })

  test(`${name}: nothing waits in a database that was empty`, { skip }, async (t) => {
    const db = await on(t)
    assert.deepEqual(await migrate(db, folderOf(t, second), 1), Object.keys(second))
    assert.equal(await compatibleSince(db), 34)
  })

  test(`${name}: a program that lacks a migration from among those it knows is refused beside a newer one`, {
    skip,
  }, async (t) => {
    const db = await on(t)
    await migrate(db, folderOf(t, third), 1, { finish: true })
    const other = folderOf(t, { ...third, '0030-x.sql': 'create table x (id text);', '0036-y.sql': '-- contract\n' })
    await migrate(db, folderOf(t, { ...third, '0037-z.sql': '-- expand since 0034\ncreate table z (id text);' }), 2)
    await assert.rejects(migrate(db, other, 3), NewerSchema)
    assert.deepEqual(await listOf(db), [...Object.keys(third), '0037-z.sql'])
  })

  test(`${name}: an upgrade that was cut short after it was recorded refuses older programs, and goes on`, {
    skip,
  }, async (t) => {
    const db = await on(t)
    const older = folderOf(t, base)
    await migrate(db, older, 1)
    const broken = folderOf(t, { ...base, '0033-c.sql': '-- expand since 0033\nnonsense;' })
    await assert.rejects(migrate(db, broken, 2))
    await assert.rejects(migrate(db, older, 3), NewerSchema)
    writeFileSync(join(broken, '0033-c.sql'), '-- expand since 0033\ncreate table c (id text);')
    assert.deepEqual(await migrate(db, broken, 4), ['0033-c.sql'])
  })

  test(`${name}: two nodes of a new version that start at once apply each migration once`, { skip }, async (t) => {
    const open = await opener(t)
    const [one, two] = [open(), open()]
    await migrate(one, folderOf(t, base), 1)
    const newer = folderOf(t, { ...second, '0035-e.sql': `-- expand since 0034\ninsert into c values ('once');` })
    const done = await Promise.all([one, two].map((db) => migrate(db, newer, 2)))
    assert.deepEqual(done.flat().sort(), ['0033-c.sql', '0034-d.sql', '0035-e.sql'])
    assert.equal((await one.all('select id from c')).length, 1)
  })
}

const skip = { skip: noPostgres ?? false }

test('what an older gateway does not work with is not applied while one is connected', skip, async (t) => {
  const open = await onSchema(t)
  const db = open()
  await migrate(db, folderOf(t, base), 1)
  const older = await joined(open, 32)
  const newer = folderOf(t, second)
  assert.deepEqual(await migrate(db, newer, 2), ['0033-c.sql'])
  const current = await joined(open, 34)
  assert.deepEqual(await db.programs(), [32, 34])
  const refused = (error: unknown) => error instanceof OlderGateways && /schema 0032 are connected/.test(error.message)
  await assert.rejects(migrate(db, newer, 3, { finish: true }), refused)
  await assert.rejects(migrate(db, folderOf(t, third), 3), refused)
  // One that joins after it was looked who is there.
  const blind = wrapped(db, { programs: async () => [] })
  await assert.rejects(migrate(blind, newer, 3, { finish: true }), OlderGateways)
  assert.deepEqual([await waitingIn(db, newer), await compatibleSince(db)], [['0034-d.sql'], 32])
  await older.close()
  assert.deepEqual(await migrate(db, newer, 4, { finish: true }), ['0034-d.sql'])
  await current.close()
})

test('an older gateway cannot join while it is kept out', skip, async (t) => {
  const open = await onSchema(t)
  const db = open()
  await migrate(db, folderOf(t, base), 1)
  await db.transaction(async (session) => {
    assert.ok(await session.keepOut([1, 32]))
    const older = open()
    older.listen(() => undefined, 32)
    await assert.rejects(older.joined(), { kind: 'busy', message: /is upgrading the database/ })
    await joined(open, 34)
  })
  await joined(open, 32)
  await db.transaction(async (session) => assert.ok(!(await session.keepOut([32]))))
})

test('a gateway that loses its connection while it is kept out joins again afterwards', skip, async (t) => {
  const open = await onSchema(t)
  const db = open()
  await migrate(db, folderOf(t, base), 1)
  const lost = await joined(open, 32)
  const own = `select classid from pg_locks where pid = pg_backend_pid() and objsubid = 2`
  await db.transaction(async (session) => {
    assert.ok(await session.keepOut([31]))
    await session.all(
      `select pg_terminate_backend(pid) from pg_locks where objsubid = 2 and objid = 32 and classid in (${own})`,
    )
    await until('the connection is gone', () => session.keepOut([32]))
    await delay(300)
    assert.deepEqual(await db.programs(), [], 'what is kept out has not joined')
  })
  await until('it has joined again', async () => (await db.programs()).includes(32))
  await lost.close()
  assert.deepEqual(await db.programs(), [])
})

test(
  'a gateway of before versions were recorded is seen, and the first migration that records them waits for it',
  skip,
  async (t) => {
    const { url, drop } = await emptySchema()
    t.after(drop)
    const db = closed(t, openPostgres(url))
    await migrate(db, folderOf(t, { '0001-a.sql': base['0001-a.sql'] ?? '' }), 1)
    const listening = new URL(url)
    listening.searchParams.set('application_name', 'countersign listen')
    const { default: pg } = await import('pg')
    const old = new pg.Client(listening.href)
    await old.connect()
    await old.query('select 1')
    try {
      await assert.rejects(migrate(db, folderOf(t, base), 2), OlderGateways)
      assert.deepEqual(await listOf(db), ['0001-a.sql'])
    } finally {
      await old.end()
    }
  },
)

test('every migration since versions work side by side says which programs work with it', () => {
  const known = migrationsOf(migrations)
  const marked = known.filter(({ number }) => number > 31)
  assert.ok(marked.length > 0)
  for (const { file, number, since } of marked) {
    assert.ok(since >= 32 && since <= number, `${file}: since ${since}`)
  }
})
