import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Db } from '../../src/store/db.js'
import { testInstance } from '../support/instance.js'
import { sqliteOnly } from '../support/postgres.js'
import { wrapped } from './probes.js'

/** Counts the transactions of a database, what is read of it, and what of that while a transaction is open. */
function counting(): { readonly wrap: (db: Db) => Db; transactions: number; reads: number; beside: number } {
  let open = 0
  const wrap = (db: Db): Db =>
    wrapped(db, {
      get(sql, params) {
        counts.reads++
        if (open > 0) counts.beside++
        return db.get(sql, params)
      },
      async transaction(work) {
        counts.transactions++
        open++
        try {
          return await db.transaction(work)
        } finally {
          open--
        }
      },
    })
  const counts = { transactions: 0, reads: 0, beside: 0, wrap }
  return counts
}

test(
  'rows of reads are written between reads: next to nothing is read while their transaction is open',
  sqliteOnly,
  async (t) => {
    const counts = counting()
    const instance = await testInstance({ wrap: counts.wrap })
    t.after(() => instance.close())
    await instance.call('set-user', { id: 'alice', user: { type: 3 } })
    const before = { ...counts }
    for (let turn = 0; turn < 40; turn++) {
      // Each a message of its own: what is repeated is only counted.
      const answers = await Promise.all(
        Array.from({ length: 130 }, (_, n) =>
          instance.call('get-user', { id: 'alice' }, { idempotencyKey: `read-${turn}-${n}` }),
        ),
      )
      assert.ok(answers.every(({ code }) => code === 3001))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const [reads, beside] = [counts.reads - before.reads, counts.beside - before.beside]
    assert.ok(counts.transactions - before.transactions >= 4)
    assert.ok(reads >= 5_000 && beside <= 50, `${beside} of ${reads} reads`)
  },
)
