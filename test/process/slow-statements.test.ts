import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { openDatabase } from '../../src/data.js'
import { openPostgres } from '../../src/store/postgres.js'
import { root } from '../support/instance.js'
import { emptyDatabase, noPostgres } from '../support/postgres.js'
import { removeFolder, runCli, startServer } from '../support/server.js'

/** Milliseconds that a statement may take: next to none, as ten seconds are on tables of tens of millions of rows. */
const limit = 3

async function placeFor(t: TestContext) {
  const place = await emptyDatabase()
  t.after(place.drop)
  const tight = new URL(place.url)
  tight.searchParams.set('statement_timeout', String(limit))
  return { url: place.url, tight: tight.href }
}

async function asked(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  for (const sql of statements) await client.query(sql)
  await client.end()
}

/** Rows that a gateway would make in days, which no promise rests on. */
const many = [
  `insert into claims (request_id, identity_digest, account, principal, command, timestamp, mac, params_mac, code, outcome,
     sealed, created_at, part)
   select '0' || lpad(cast(n as text), 12, '0'), 'digest ' || n, 1, 'owner:1', 'ping', 1, '', '', 1, null, 0, 1, 0
   from generate_series(1, 60000) as n`,
  `insert into refusals (key_id, code, minute, account, count)
   select 'ck_' || n, 1402, 1, 1, 1 from generate_series(1, 60000) as n`,
]

const manyTokens = `
  insert into access_tokens (token_id, token_hash, account, principal_kind, principal_id, permissions, addresses, expires_at,
    created_by, created_at)
  select 't' || n, 'hash ' || n, 1, 'owner', '1', '[]', '[]', n % 1000, '', 1 from generate_series(1, 60000) as n`

test('no verb beside the gateways is ended by the limit that a statement of a gateway has', {
  skip: noPostgres ?? false,
}, async (t) => {
  const { url, tight } = await placeFor(t)
  const server = await startServer({ env: { COUNTERSIGN_DATABASE_URL: url } })
  t.after(() => removeFolder(server.folder))
  const user = { type: 3, token: 'to be sealed again' }
  for (let n = 0; n < 4; n++) await server.call('set-user', { id: `u${n}`, user })
  await server.stop()
  await asked(url, ...many)
  const env = { COUNTERSIGN_DATABASE_URL: tight, COUNTERSIGN_PORT: '0' }
  const data = ['--data', server.folder]
  const serving = openPostgres(tight)
  t.after(() => serving.close())
  await assert.rejects(serving.all('select count(*) from claims, refusals'), /statement timeout/)
  for (const verb of [['doctor'], ['audit', 'verify'], ['audit', 'cut', '--keep-days', '0'], ['rekey'], ['restore']]) {
    const { status, stderr } = await runCli([...verb, ...data], { env })
    assert.equal(status, 0, `${verb.join(' ')}: ${stderr}`)
  }
  const unmigrate = [`delete from migrations where id like '0031%'`, 'drop index access_tokens_by_end']
  await asked(url, manyTokens, ...unmigrate)
  const migrated = await runCli(['migrate', ...data], { env })
  assert.equal(migrated.status, 0, migrated.stderr)
  await asked(url, ...unmigrate)
  // As a gateway does it at its start.
  const around = { now: Date.now, migrations: join(root, 'migrations') }
  const opened = await openDatabase({ data: server.folder, databaseUrl: tight }, around)
  await opened.close()
})

test('a copy to PostgreSQL is made, begun again and checked, however long a statement over a whole table takes', {
  skip: noPostgres ?? false,
}, async (t) => {
  const { url, tight } = await placeFor(t)
  const server = await startServer()
  t.after(() => removeFolder(server.folder))
  await server.call('set-user', { id: 'alice', user: { type: 3 } })
  await server.stop()
  const file = join(server.folder, 'countersign.db')
  const args = ['migrate', '--from', `sqlite:${file}`, '--to', tight]
  assert.equal((await runCli(args)).status, 0)
  // As it is when the copy of a large file was cut short.
  await asked(url, ...many, `update meta set value = 'copying' where name = 'migration'`)
  const again = await runCli(args)
  assert.equal(again.status, 0, again.stderr)
  assert.ok(JSON.parse(again.stdout).rows > 0)
})
