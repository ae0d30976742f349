import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { namesNoLongerBare } from '../../src/store/bare-names.js'
import type { Db } from '../../src/store/db.js'
import { migrate } from '../../src/store/migrate.js'
import { noPostgres } from '../support/postgres.js'
import { before, migrations, open, openSchema } from './support.js'

const day = 86_400
const upgraded = 1_000 * day

type User = readonly [account: number, id: string, password: string | null, createdAt: number]

async function addUsers(db: Db, users: readonly User[]): Promise<void> {
  await db.transaction(async (session) => {
    for (const account of new Set(users.map(([account]) => account))) {
      await session.run(
        `insert into accounts (account, name, enable, version, created_at) values ($1, '', 1, 0, 1) on conflict do nothing`,
        [account],
      )
    }
    for (const [account, id, password, createdAt] of users) {
      await session.run(
        `insert into users (account, id, enable, type, password, comment, ip, expire, conlimit, created_at, updated_at)
         values ($1, $2, 1, 1, $3, '', '', 0, 0, $4, $4)`,
        [account, id, password, createdAt],
      )
    }
  })
}

async function addKey(db: Db, account: number, login: string): Promise<void> {
  await db.transaction((session) =>
    session.run(
      `insert into keys (key_id, account, principal_kind, principal_id, lineage, permissions, addresses, secret, enable, created_by, comment, created_at)
       values ($1, $2, 'user', $3, '', '[]', '[]', '', 1, '', '', 1)`,
      [`ck_${account}_${login}`, account, login],
    ),
  )
}

const engines: readonly [name: string, open: (t: TestContext) => Db | Promise<Db>, skip: string | false][] = [
  ['SQLite', (t) => open(t), false],
  ['PostgreSQL', (t) => openSchema(t), noPostgres ?? false],
]

for (const [name, opened, skip] of engines) {
  test(`${name}: an upgrade tells which users a bare name no longer means, for 90 days`, { skip }, async (t) => {
    const db = await opened(t)
    await migrate(db, before(t, '0027'), upgraded)
    await addUsers(db, [
      [1, 'alice', 'hash', 10],
      [1, 'both', 'hash', 10],
      [2, 'both', 'hash', 10],
      [2, 'bob', 'hash', 10],
      [2, 'keyed', null, 20],
      [2, 'neither', null, 10],
    ])
    await addKey(db, 2, 'keyed')
    await migrate(db, migrations, upgraded)
    await addUsers(db, [[3, 'later', 'hash', 30]])
    const all = { defaultAccount: 1, passwords: true, owners: true }
    const names = async (naming = all, now = upgraded) => (await namesNoLongerBare(db, naming, now))?.names
    assert.deepEqual(await names(), ['2/bob', '2/keyed'])
    assert.deepEqual(await names({ ...all, owners: false }), ['2/bob'])
    assert.deepEqual(await names({ ...all, passwords: false }), ['2/keyed'])
    assert.deepEqual(await names({ ...all, defaultAccount: 2 }), ['1/alice'])
    assert.equal(await names({ ...all, passwords: false, owners: false }), undefined)
    assert.deepEqual(await names(all, upgraded + 90 * day), ['2/bob', '2/keyed'])
    assert.equal(await names(all, upgraded + 90 * day + 1), undefined)
  })
}

test('a database that was made by this version names nobody', async (t) => {
  const db = open(t)
  await migrate(db, migrations, 1)
  await addUsers(db, [[2, 'bob', 'hash', 10]])
  assert.equal(await namesNoLongerBare(db, { defaultAccount: 1, passwords: true, owners: true }, 100), undefined)
})
