import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resealRows } from '../../src/store/reseal.js'
import { wrapped } from '../src/probes.js'
import { migrated } from './support.js'

const rows = 25_000
/** The first, the last, those at the edges of ten thousand, and more than fit into one transaction. */
const sealedAt = new Set([
  0,
  9_999,
  10_000,
  19_999,
  20_000,
  rows - 1,
  ...Array.from({ length: 600 }, (_, n) => 12_000 + n),
])

test('a change of the master key finds every sealed row among many that are not, and looks through a bounded number at a time', async (t) => {
  const db = await migrated(t)
  const columns = 'account, principal, command, timestamp, mac, params_mac, code, created_at, part'
  const insert = `insert into claims (request_id, identity_digest, outcome, sealed, ${columns})
    values ($1, $1, $2, $3, 1, '', '', 1, '', '', 1, 1, 0)`
  await db.transaction(async (session) => {
    for (let n = 0; n < rows; n++) {
      const isSealed = sealedAt.has(n)
      await session.run(insert, [`r${String(n).padStart(6, '0')}`, isSealed ? 'old' : 'plain', Number(isSealed)])
    }
  })
  let transactions = 0
  const counted = wrapped(db, {
    transaction(work) {
      transactions++
      return db.transaction(work)
    },
  })
  const reseal = { seal: (sealed: string) => (sealed === 'old' ? 'new' : undefined), tag: () => undefined }
  assert.deepEqual(await resealRows(counted, reseal, () => undefined), { rows: sealedAt.size, damaged: [] })
  // One for each other table, then 25,000 rows in stretches of 10,000, of which the second has two full pieces.
  assert.equal(transactions, 5 + 1 + 3 + 1)
  const left = await db.all(`select 1 from claims where outcome = 'old' or (sealed = 0) <> (outcome = 'plain')`)
  assert.deepEqual(left, [])
})

test('a fault of the storage is no damaged row', async (t) => {
  const db = await migrated(t)
  await db.transaction((session) =>
    session.run(`insert into users (account, id, enable, type, comment, token, ip, expire, conlimit, created_at, updated_at)
      values (1, 'alice', 1, 3, '', 'old', '', 0, 0, 1, 1)`),
  )
  const failing = wrapped(db, {
    transaction: (work) =>
      db.transaction((session) => work(Object.assign(session, { run: () => Promise.reject(new Error('disk full')) }))),
  })
  await assert.rejects(
    resealRows(failing, { seal: () => 'new', tag: () => undefined }, () => undefined),
    /disk full/,
  )
})
