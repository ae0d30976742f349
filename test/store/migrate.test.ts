import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { NewerSchema } from '../../src/store/compatible.js'
import { type Db, StorageError } from '../../src/store/db.js'
import { migrate } from '../../src/store/migrate.js'
import { migrationFiles } from '../../src/store/migration-files.js'
import { wrapped } from '../src/probes.js'
import { removeFolder } from '../support/server.js'
import { databaseFile, migrations, open } from './support.js'

/** A folder of migrations that goes with the test. */
function folderOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-migrations-'))
  t.after(() => removeFolder(folder))
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql)
  return folder
}

const applied = async (db: Db) =>
  (await db.all<{ id: string }>('select id from migrations order by id')).map(({ id }) => id)
const tables = async (db: Db) =>
  (await db.all<{ name: string }>(`select name from sqlite_master where type = 'table' order by name`)).map(
    ({ name }) => name,
  )

test('migrations are applied in order of their numbers, each once, and other files are left alone', async (t) => {
  const db = open(t)
  const folder = folderOf(t, {
    '0002-b.sql': `insert into things values ('b');\n-- why; not a statement\ninsert into things values ('c;d');\n`,
    '0001-a.sql': 'create table things (id text not null primary key);',
    'notes.txt': 'not SQL',
    '3-short.sql': 'not SQL either',
  })
  await migrate(db, folder, 7)
  await migrate(db, folder, 8)
  assert.deepEqual(await applied(db), ['0001-a.sql', '0002-b.sql'])
  assert.deepEqual(await db.all('select id from things order by id'), [{ id: 'b' }, { id: 'c;d' }])
  assert.deepEqual(await db.all('select distinct applied_at from migrations'), [{ applied_at: 7 }])
})

test('no two migrations have the same number', () => {
  const numbers = migrationFiles(migrations).map((file) => file.slice(0, 4))
  assert.deepEqual(numbers, [...new Set(numbers)])
})

test('a further migration is applied to a database that has the earlier ones', async (t) => {
  const db = open(t)
  const folder = folderOf(t, { '0001-a.sql': 'create table a (id text);' })
  await migrate(db, folder, 1)
  writeFileSync(join(folder, '0002-b.sql'), 'create table b (id text);')
  await migrate(db, folder, 2)
  assert.deepEqual(await tables(db), ['a', 'b', 'migrations'])
})

test('a migration that fails in the middle leaves nothing of itself, and can be applied once mended', async (t) => {
  const db = open(t)
  const folder = folderOf(t, {
    '0001-a.sql': 'create table a (id text);',
    '0002-b.sql': `create table b (id text);\ninsert into a values ('x');\nnonsense;\n`,
  })
  await assert.rejects(migrate(db, folder, 1), /nonsense/)
  assert.deepEqual(
    [await applied(db), await tables(db), await db.all('select * from a')],
    [['0001-a.sql'], ['a', 'migrations'], []],
  )
  writeFileSync(join(folder, '0002-b.sql'), 'create table b (id text);')
  await migrate(db, folder, 1)
  assert.deepEqual(await tables(db), ['a', 'b', 'migrations'])
})

test('a database of a newer version is refused and left as it is, whatever else is missing', async (t) => {
  const db = open(t)
  const newer = folderOf(t, { '0001-a.sql': 'create table a (id text);', '0009-z.sql': 'create table z (id text);' })
  await migrate(db, newer, 1)
  const older = folderOf(t, { '0001-a.sql': 'create table a (id text);', '0002-b.sql': 'create table b (id text);' })
  await assert.rejects(
    migrate(db, older, 2),
    (error) => error instanceof NewerSchema && /0009-z\.sql/.test(error.message),
  )
  assert.deepEqual(
    [await applied(db), await tables(db)],
    [
      ['0001-a.sql', '0009-z.sql'],
      ['a', 'migrations', 'z'],
    ],
  )
})

test('two that migrate one file at once, step by step, apply each migration once', async (t) => {
  const file = databaseFile(t)
  const folder = folderOf(t, {
    '0001-a.sql': 'create table a (id text not null);',
    '0002-b.sql': `insert into a values ('x');`,
    '0003-c.sql': `insert into a values ('y');`,
  })
  // A turn of the event loop before every query, so that the two interleave.
  const halting = () => {
    const db = open(t, file)
    return wrapped(db, {
      all: (sql, params) => turn().then(() => db.all(sql, params)),
      transaction: (work) => turn().then(() => db.transaction(work)),
    })
  }
  const [one, two] = [halting(), halting()]
  await Promise.all([migrate(one, folder, 1), migrate(two, folder, 2)])
  assert.deepEqual(await one.all('select id from a order by id'), [{ id: 'x' }, { id: 'y' }])
  assert.deepEqual(await applied(two), ['0001-a.sql', '0002-b.sql', '0003-c.sql'])
})

test('a failure of the storage while the applied migrations are read is not taken for an empty database', async (t) => {
  const db = open(t)
  const copy = folderOf(t, {})
  cpSync(migrations, copy, { recursive: true })
  await migrate(db, copy, 1)
  const unreadable = wrapped(db, { all: () => Promise.reject(new StorageError('fault', 'the disk is gone')) })
  await assert.rejects(migrate(unreadable, copy, 1), /the disk is gone/)
})
