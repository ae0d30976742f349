import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Claims, digestOf } from '../../src/store/claims.js'
import type { Db } from '../../src/store/db.js'
import { migrate } from '../../src/store/migrate.js'
import { noPostgres } from '../support/postgres.js'
import { before, migrations, open, openSchema } from './support.js'

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
    await migrate(db, migrations, 2, (what) => steps.push(what))
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
}
