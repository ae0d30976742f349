import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { databaseFile } from '../../src/folder.js'
import type { Queries } from '../../src/store/db.js'
import { Meta } from '../../src/store/meta.js'
import { migrate } from '../../src/store/migrate.js'
import { openPostgres } from '../../src/store/postgres.js'
import { openSqlite } from '../../src/store/sqlite.js'
import { instanceFor } from '../support/commands.js'
import { root } from '../support/instance.js'
import { emptySchema, noPostgres, sqliteOnly } from '../support/postgres.js'
import { until } from '../support/until.js'

/** Puts the claims back as versions before migration 0021 kept them. */
async function asBefore(session: Queries, identity: string): Promise<void> {
  await session.run('alter table claims rename to claims_now')
  await session.run('drop index claims_by_part')
  await session.run(
    `create table claims (request_id text not null primary key, identity text not null unique, account bigint not null,
     principal text not null, command text not null, timestamp bigint not null, mac text not null, params_mac text not null,
     code integer not null, outcome text, sealed integer not null, created_at bigint not null)`,
  )
  await session.run(
    `insert into claims select request_id, $1, account, principal, command, timestamp, mac, params_mac, code, outcome,
     sealed, created_at from claims_now`,
    [identity],
  )
  await session.run('drop table claims_now')
  await session.run(`delete from migrations where id like '%-claims-by-%'`)
}

test(
  'what ran before an upgrade is answered after it from its outcome, under its key and by the same bytes',
  sqliteOnly,
  async (t) => {
    const instance = await instanceFor(t)
    await instance.call('set-user', { id: 'alice', user: { type: 3 } })
    await instance.db.transaction((session) => session.run('delete from claims'))
    const keyed = { idempotencyKey: 'job-81-step-3' }
    const first = await instance.call('toggle-user', { id: 'alice' }, keyed)
    await instance.db.transaction((session) => asBefore(session, `k 1 ${instance.owner.apiKey} job-81-step-3`))
    await migrate(instance.db, join(root, 'migrations'), 1)
    const again = await instance.call('toggle-user', { id: 'alice' }, { ...keyed, timestamp: instance.seconds() + 1 })
    assert.deepEqual([again.code, again.replayed, again.result], [3021, true, first.result])
    const state = await instance.call('request-status', { of_idempotency_key: 'job-81-step-3' })
    assert.equal(state.result.state, 'done')
    const users = await instance.db.all('select enable from users')
    assert.deepEqual(
      users.map((user) => ({ ...user })),
      [{ enable: 0 }],
    )
  },
)

test('a message without a key that ran before an upgrade is refused after it', sqliteOnly, async (t) => {
  const instance = await instanceFor(t)
  const timestamp = instance.seconds()
  const saved = await instance.call('set-user', { id: 'alice', user: { type: 3 } }, { timestamp })
  assert.equal(saved.code, 3011)
  const [claim] = await instance.db.all<{ mac: string }>('select mac from claims')
  await instance.db.transaction((session) => asBefore(session, `m ${timestamp} 1 set-user ${claim?.mac}`))
  await migrate(instance.db, join(root, 'migrations'), 1)
  assert.equal((await instance.call('set-user', { id: 'alice', user: { type: 3 } }, { timestamp })).code, 1409)
})

for (const [engine, skip] of [
  ['SQLite', false],
  ['PostgreSQL', noPostgres ?? false],
] as const) {
  test(`${engine}: a gateway that was upgraded past takes nothing any more, though nobody saw that it runs`, {
    skip,
  }, async (t) => {
    const place = engine === 'PostgreSQL' ? await emptySchema() : undefined
    const instance = await instanceFor(t, place && { place })
    assert.equal((await instance.call('set-user', { id: 'alice', user: { type: 3 } })).code, 3011)
    const other = place ? openPostgres(place.url) : openSqlite(databaseFile(instance.folder))
    try {
      await other.transaction((session) => new Meta(session).raiseCompatibleSince(9_000))
    } finally {
      await other.close()
    }
    assert.equal((await instance.call('toggle-user', { id: 'alice' })).code, 1503)
    await until('reads are refused', async () => (await instance.call('get-user', { id: 'alice' })).code === 1503)
    await until('it is not ready', async () => !(await instance.writable()))
    const users = await instance.db.all<{ enable: number }>('select enable from users')
    assert.deepEqual(
      users.map(({ enable }) => enable),
      [1],
    )
  })
}
