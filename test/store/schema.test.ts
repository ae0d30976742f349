import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/instance.js'
import { migrated } from './support.js'

const snapshot = join(root, 'test/store/schema.snapshot.sql')
const refresh = 'UPDATE_SNAPSHOTS=1 node scripts/test.mjs store/schema'

test('the migrations make the schema of the snapshot', async (t) => {
  const db = await migrated(t)
  const rows = await db.all<{ sql: string }>(
    `select sql from sqlite_master where sql is not null order by type desc, name`,
  )
  const head = `-- Generated from the migrations. Refresh it with: ${refresh}\n\n`
  const schema = head + rows.map(({ sql }) => `${sql};\n`).join('\n')
  if (process.env.UPDATE_SNAPSHOTS) writeFileSync(snapshot, schema)
  assert.equal(schema, readFileSync(snapshot, 'utf8'), `the schema has changed; if that is meant: ${refresh}`)
})

const files = (folder: string) => readdirSync(join(root, folder)).map((name) => join(folder, name))
const sources = [...files('src/store'), ...files('migrations')]

test('no SQL says what lets an engine roll back, or check later, on its own', () => {
  const banned = /\bdeferrable\b|\bdefer_foreign_keys\b|\bor\s+rollback\b|\braise\s*\(\s*rollback\b/i
  assert.ok(sources.some((file) => file.endsWith('.sql')) && sources.some((file) => file.endsWith('ledger.ts')))
  assert.deepEqual(
    sources.filter((file) => banned.test(readFileSync(join(root, file), 'utf8'))),
    [],
  )
})

test('migrations keep to the SQL that both engines share', () => {
  const alone = /\b(autoincrement|without\s+rowid|strict|blob|serial|now\s*\(|for\s+update|jsonb?|datetime|pragma)\b/i
  const statements = (file: string) => readFileSync(join(root, file), 'utf8').replace(/--.*$/gm, '')
  assert.deepEqual(
    files('migrations').filter((file) => alone.test(statements(file))),
    [],
  )
})

test('every table has a primary key, and no integer primary key that SQLite would number anew', async (t) => {
  const db = await migrated(t)
  const tables = await db.all<{ name: string }>(`select name from sqlite_master where type = 'table'`)
  for (const { name } of tables) {
    const columns = await db.all<{ type: string; pk: number }>('select type, pk from pragma_table_info($1)', [name])
    const keys = columns.filter(({ pk }) => pk > 0)
    assert.ok(keys.length > 0, `${name} has no primary key`)
    assert.ok(
      keys.length > 1 || keys[0]?.type.toLowerCase() !== 'integer',
      `${name}: an integer primary key is the rowid`,
    )
  }
})
