import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Audit, type AuditEntry, chained } from '../../src/store/audit.js'
import type { Queries, Value } from '../../src/store/db.js'
import { auditEntry } from './support.js'

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
