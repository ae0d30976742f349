import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Audit, type AuditEntry, chained, type Head, sqliteNode } from '../../src/store/audit.js'
import { AuditTrail } from '../../src/store/audit-trail.js'
import type { Queries, Value } from '../../src/store/db.js'
import { auditEntry, chainMac, migrated } from './support.js'

/** Rows as they are written, and the texts that were hashed. */
async function written(rows: readonly (readonly [node: string, entry: AuditEntry])[]): Promise<string[]> {
  const texts: string[] = []
  const queries: Pick<Queries, 'run'> = { run: async (_sql: string, _params?: readonly Value[]) => 1 }
  const mac = (text: string) => `hash-${texts.push(text)}`
  for (const [n, [node, entry]] of rows.entries()) {
    await new Audit(queries as Queries).appendAll(node, [entry], { seq: n, hash: `before-${n}` }, mac)
  }
  return texts
}

const first = auditEntry({ request_id: 'r0', target: 'alice', detail: '{"before":{"a":"\\""}}' })

test('whichever column changes from the row before, a row is hashed over the text of all of its own', async () => {
  const others: Partial<AuditEntry>[] = [
    { at_ms: 7 },
    { account: 8 },
    { principal: 'user:"bob"' },
    { key_id: null },
    { key_id: 'ck_other' },
    { address: '::1' },
    { dialect: 'uplynk' },
    { command: 'whoami' },
    { target: null },
    { target: 'b"o\\b\u2028' },
    { code: 1422 },
    { dry_run: 1 },
    { request_id: 'r1' },
    { detail: null },
  ]
  const rows = others.flatMap((change): [node: string, entry: AuditEntry][] => [
    ['one', first],
    ['one', { ...first, ...change }],
  ])
  rows.push(['one', first], ['the "other"', first])
  const expected = rows.map(([node, entry], n) => chained(node, n + 1, entry, `before-${n}`))
  assert.deepEqual(await written(rows), expected)
})

test('however many rows are written at once, each is there as it was given, in one chain that holds', async (t) => {
  const db = await migrated(t)
  let head: Head = { seq: 0, hash: '' }
  const given: AuditEntry[] = []
  for (const count of [1, 9, 10, 11, 0, 19, 20, 101]) {
    const entries = Array.from({ length: count }, (_, n) =>
      auditEntry({
        request_id: `r-${count}-${n}`,
        at_ms: 1_795_962_966_097 + given.length + n,
        target: n % 3 ? `u"${n}` : null,
        key_id: n % 4 ? `ck_${n}` : null,
        code: 1_000 + n,
        dry_run: n % 2,
        detail: n % 5 ? null : `{"n":${n}}`,
      }),
    )
    const before = head
    head = await db.transaction((session) => new Audit(session).appendAll(sqliteNode, entries, before, chainMac))
    given.push(...entries)
    assert.equal(head.seq, given.length)
  }
  const rows = await db.all<AuditEntry & { hash: string }>('select * from audit order by seq')
  const names = Object.keys(given[0] ?? {}) as (keyof AuditEntry)[]
  // PostgreSQL answers large numbers as text.
  const plain = (row: AuditEntry) => names.map((name) => (row[name] === null ? null : String(row[name])))
  assert.deepEqual(rows.map(plain), given.map(plain))
  assert.equal(rows.at(-1)?.hash, head.hash)
  const { broken, rows: held } = await new AuditTrail(db, chainMac).verify()
  assert.deepEqual([broken, held], [undefined, given.length])
})
