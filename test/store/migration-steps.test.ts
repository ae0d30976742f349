import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Claims } from '../../src/store/claims.js'
import type { Db } from '../../src/store/db.js'
import { digestOf, sourceDigest } from '../../src/store/digest.js'
import { migrate } from '../../src/store/migrate.js'
import { Scopes } from '../../src/store/scopes.js'
import { StreamUsers } from '../../src/store/stream-users.js'
import { noPostgres } from '../support/postgres.js'
import { before, migrations, open, openSchema } from './support.js'

const untagged = { tag: () => '', isTagged: () => true }

const engines: readonly [name: string, open: (t: TestContext) => Db | Promise<Db>, skip: string | false][] = [
  ['SQLite', (t) => open(t), false],
  ['PostgreSQL', (t) => openSchema(t), noPostgres ?? false],
]

for (const [name, opened, skip] of engines) {
  test(`${name}: an upgrade to digests loses no claim, and finds each by its identity`, { skip }, async (t) => {
    const db = await opened(t)
    await migrate(db, before(t, '0021'), 1)
    const count = 2_500
    await db.transaction(async (session) => {
      for (let n = 0; n < count; n++) {
        await session.run(
          `insert into claims (request_id, identity, account, principal, command, timestamp, mac, params_mac, code, outcome, sealed, created_at)
           values ($1, $2, 1, 'owner:1', 'ping', $3, 'mac', 'params', 3021, $4, 0, 7)`,
          [`r${String(n).padStart(5, '0')}`, `k 1 ck_1 key-${n}`, 1_000 + n, n % 2 ? null : `{"n":${n}}`],
        )
      }
    })
    const steps: string[] = []
    await migrate(db, migrations, 2, { onStep: (what) => steps.push(what) })
    assert.ok(
      steps.some((step) => step.includes('2,500 rows')),
      steps.join(),
    )
    const claims = new Claims(db)
    for (let n = 0; n < count; n++) {
      assert.deepEqual(Object.assign({}, await claims.find(digestOf(`k 1 ck_1 key-${n}`))), {
        request_id: `r${String(n).padStart(5, '0')}`,
        identity_digest: digestOf(`k 1 ck_1 key-${n}`),
        account: 1,
        principal: 'owner:1',
        command: 'ping',
        timestamp: 1_000 + n,
        mac: 'mac',
        params_mac: 'params',
        code: 3021,
        outcome: n % 2 ? null : `{"n":${n}}`,
        sealed: 0,
        created_at: 7,
      })
    }
    assert.deepEqual({ ...(await db.get('select count(*) as n from claims')) }, { n: count })
    await assert.rejects(db.all('select * from claims_before'))
  })

  test(`${name}: an upgrade finds who was assigned a slice or a server`, { skip }, async (t) => {
    const db = await opened(t)
    await migrate(db, before(t, '0030'), 1)
    const count = 1_001
    await db.transaction(async (session) => {
      await session.run(`insert into accounts (account, name, enable, version, created_at) values (1, 'one', 1, 0, 1)`)
      for (let n = 0; n < count; n++) {
        const scope = n === 0 ? null : JSON.stringify({ slices: [`slice-${n}`, 'all'], servers: [`server-${n}`] })
        await session.run(
          `insert into users (account, id, enable, type, comment, ip, expire, conlimit, created_at, updated_at, scope)
           values (1, $1, 1, 3, '', '', 0, 0, 0, 0, $2)`,
          [`user-${n}`, scope],
        )
      }
    })
    await migrate(db, migrations, 2)
    const scopes = new Scopes(db, 1, untagged, () => undefined)
    const { total } = (await db.get<{ total: number }>('select count(*) as total from assigned')) ?? { total: 0 }
    assert.equal(total, 3 * (count - 1))
    assert.equal(
      await db.transaction((session) => new Scopes(session, 1, untagged, () => undefined).isAssigned('slices', 'all')),
      true,
    )
    assert.deepEqual(await scopes.of('user-7'), { slices: ['slice-7', 'all'], servers: ['server-7'] })
    assert.ok(
      await db.get(`select 1 from assigned where what = 'servers' and id = 'server-1000' and user_id = 'user-1000'`),
    )
  })

  test(`${name}: an upgrade keeps every stream user and sample, long names included where there can be some`, {
    skip,
  }, async (t) => {
    const db = await opened(t)
    await migrate(db, before(t, '0024'), 1)
    // As much as PostgreSQL took before.
    const long = (seed: string) => seed.repeat(name === 'SQLite' ? 255 : 100)
    const count = 1_500
    await db.transaction(async (session) => {
      await session.run(`insert into accounts (account, name, enable, version, created_at) values (1, 'one', 1, 0, 1)`)
      for (let n = 0; n < count; n++) {
        await session.run(
          `insert into stream_users (account, id, app, stream, publisher, pass, settings, created_at)
           values (1, $1, $2, $3, $4, null, '{}', 7)`,
          [n + 1, long('\u{20000}'), long('\u{20001}'), n === 0 ? '' : `${long('\u{20002}')}${n}`],
        )
        await session.run(
          `insert into samples (account, server, time, app, stream, id, connections, bytes_in, bytes_out, viewers, kept_from)
           values (1, 's', $1, $2, $3, '', 1, 2, 3, null, 5)`,
          [n % 9, long('\u{20000}'), `${long('\u{20001}')}${n}`],
        )
      }
    })
    await migrate(db, migrations, 2)
    const users = new StreamUsers(db, 1)
    const [app, stream] = [long('\u{20000}'), long('\u{20001}')]
    const added = { app, stream, pass: null, settings: {} }
    for (const user of [null, `${long('\u{20002}')}7`, `${long('\u{20002}')}${count - 1}`]) {
      await db.transaction(async (session) => {
        const there = new StreamUsers(session, 1)
        assert.equal(await there.insert({ ...added, user }, 1), undefined, 'it is there already')
        assert.equal(await there.remove({ app, stream, user }), true)
      })
    }
    assert.equal((await users.list({ app }, 1, 1)).total, count - 3)
    assert.deepEqual(
      { ...(await db.get('select count(*) as n, sum(bytes_out) as bytes from samples')) },
      { n: count, bytes: 3 * count },
    )
    const [{ source_digest: digest, ...row } = {} as { source_digest: string }] = await db.all<{
      source_digest: string
      app: string
      stream: string
      id: string
    }>('select source_digest, app, stream, id from samples order by time, stream limit 1')
    assert.equal(digest, sourceDigest(row as { app: string; stream: string; id: string }))
  })
}
