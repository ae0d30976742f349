import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { Audit, type AuditEntry, sqliteNode } from '../../src/store/audit.js'
import { verifyChain } from '../../src/store/audit-chain.js'
import { AuditTrail } from '../../src/store/audit-trail.js'
import type { Db } from '../../src/store/db.js'
import { Notes } from '../../src/store/notes.js'
import { auditEntry, chainMac, migrated } from './support.js'

const noted = (request_id: string, given: Partial<AuditEntry> = {}) =>
  auditEntry({ request_id, command: 'ping', code: 9001, at_ms: 60_000, ...given })

const macOf = (name: string) => createHash('sha256').update(name).digest('hex')

/** Writes what is noted as the ledger does; `failing` rolls the transaction back at its end. */
async function write(db: Db, notes: Notes, { now = 60, all = false, failing = false } = {}): Promise<void> {
  const { written } = await db.transaction(async (session) => {
    const head = await new Audit(session).head(sqliteNode)
    const result = await notes.write(session, sqliteNode, head, chainMac, now, { all })
    if (failing) throw new Error('the transaction fails')
    return result
  })
  written()
}

const requests = async (db: Db): Promise<string[]> =>
  (await db.all<{ request_id: string }>('select request_id from audit order by seq')).map((row) => row.request_id)
const refusals = (db: Db) => db.all<object>('select key_id, code, minute, account, count from refusals order by code')
const uses = (db: Db) => db.all<object>('select * from key_use order by key_id')

test('a transaction that fails leaves every note for the next one, which writes each once', async (t) => {
  const db = await migrated(t)
  const notes = new Notes()
  notes.row(noted('r1'), macOf('mac-1'))
  notes.row(noted('r2'), macOf('mac-2'))
  notes.count('ck_1', 1, 1402, 60_000)
  notes.used('ck_1', 60, '127.0.0.1')
  for (let failed = 0; failed < 2; failed++) {
    await assert.rejects(write(db, notes, { failing: true }), /the transaction fails/)
    assert.deepEqual([await requests(db), await refusals(db), await uses(db)], [[], [], []])
    assert.ok(notes.due(60))
  }
  await write(db, notes)
  await write(db, notes)
  assert.deepEqual(await requests(db), ['r1', 'r2'])
  assert.deepEqual(await refusals(db), [{ key_id: 'ck_1', code: 1402, minute: 1, account: 1, count: 1 }])
  assert.deepEqual(await uses(db), [{ key_id: 'ck_1', last_used_at: 60, last_address: '127.0.0.1' }])
  assert.equal(notes.due(60, true), false)
  assert.equal((await new AuditTrail(db, chainMac).verify()).broken, undefined)
})

test('what is noted while a write is under way is in the next one', async (t) => {
  const db = await migrated(t)
  const notes = new Notes()
  notes.row(noted('r1'), macOf('mac-1'))
  notes.count('ck_1', 1, 1402, 60_000)
  notes.used('ck_1', 60, '127.0.0.1')
  const { written } = await db.transaction(async (session) => {
    const result = await notes.write(session, sqliteNode, { seq: 0, hash: '' }, chainMac, 60)
    notes.row(noted('r2'), macOf('mac-2'))
    notes.count('ck_1', 1, 1402, 60_001)
    notes.used('ck_1', 61, '10.0.0.1')
    return result
  })
  written()
  await write(db, notes, { all: true })
  assert.deepEqual(await requests(db), ['r1', 'r2'])
  assert.deepEqual(await refusals(db), [{ key_id: 'ck_1', code: 1402, minute: 1, account: 1, count: 2 }])
  assert.deepEqual(await uses(db), [{ key_id: 'ck_1', last_used_at: 61, last_address: '10.0.0.1' }])
})

test('one message that is sent ten thousand times adds one row, and is counted by code and minute', async (t) => {
  const db = await migrated(t)
  const notes = new Notes()
  for (let sent = 0; sent < 10_000; sent++)
    notes.row(noted(`r${sent}`, { at_ms: sent < 9_000 ? 60_000 : 120_000 }), macOf('mac'))
  await write(db, notes)
  assert.deepEqual(await requests(db), ['r0'])
  assert.deepEqual(await refusals(db), [
    { key_id: 'ck_1', code: 9001, minute: 1, account: 1, count: 8_999 },
    { key_id: 'ck_1', code: 9001, minute: 2, account: 1, count: 1_000 },
  ])
})

test('the uses of keys are written once a minute, without a transaction in between, and whatever the clock does', async (t) => {
  const db = await migrated(t)
  const notes = new Notes()
  const seen: number[] = []
  for (const now of [1_000, 1_030, 1_059, 1_060, 1_100, 500]) {
    notes.used('ck_1', now, '127.0.0.1')
    if (!notes.due(now)) continue
    await write(db, notes, { now })
    seen.push(now)
    assert.deepEqual(await uses(db), [{ key_id: 'ck_1', last_used_at: now, last_address: '127.0.0.1' }])
  }
  assert.deepEqual(seen, [1_000, 1_060, 500])
})

test('when the use of a key is written does not depend on when that of another was', async (t) => {
  const db = await migrated(t)
  const notes = new Notes()
  for (const [keyId, now] of [
    ['ck_1', 1_000],
    ['ck_2', 1_030],
  ] as const) {
    notes.used(keyId, now, '127.0.0.1')
    await write(db, notes, { now })
    assert.deepEqual((await uses(db)).at(-1), { key_id: keyId, last_used_at: now, last_address: '127.0.0.1' })
  }
})

test('many rows ask to be written at once, go a thousand a transaction, and beyond twenty thousand are counted', async (t) => {
  const db = await migrated(t)
  let asked = 0
  const notes = new Notes(() => asked++)
  for (let n = 0; n < 20_500; n++) notes.row(noted(`r${n}`), macOf(`mac-${n}`))
  assert.equal(asked, 20)
  for (let written = 1_000; notes.many; written += 1_000) {
    await write(db, notes)
    assert.equal((await requests(db)).length, written)
  }
  assert.equal((await requests(db)).length, 20_000)
  assert.deepEqual(await refusals(db), [{ key_id: 'ck_1', code: 9001, minute: 1, account: 1, count: 500 }])
  const trail = new AuditTrail(db, chainMac)
  assert.deepEqual((await verifyChain(trail.rows(), { cuts: [] }, chainMac)).heads.get(sqliteNode)?.seq, 20_000)
})

test('a transaction that lets others have their turn takes many rows, those that come meanwhile too, and ends when it is asked to', async (t) => {
  const db = await migrated(t)
  const notes = new Notes()
  let made = 0
  function make(rows: number): void {
    for (const end = made + rows; made < end; made++) notes.row(noted(`r${made}`), macOf(`mac-${made}`))
  }
  async function flush(others: () => Promise<boolean>): Promise<number> {
    const { written } = await db.transaction(async (session) =>
      notes.write(session, sqliteNode, await new Audit(session).head(sqliteNode), chainMac, 60, { others }),
    )
    written()
    return (await requests(db)).length
  }
  let turns = 0
  make(4_500)
  assert.equal(await flush(async () => ++turns < 3), 3_000)
  assert.equal(turns, 3)
  const late = async () => {
    turns++
    if (turns === 4) make(1_000)
    return true
  }
  make(700)
  assert.equal(await flush(late), 6_000)
  // What is no thousand waits for the next transaction: nobody reads well beside one that is open.
  assert.deepEqual([turns, await flush(late), turns], [5, 6_200, 5])
  assert.equal(new Set(await requests(db)).size, 6_200)
  const trail = new AuditTrail(db, chainMac)
  assert.deepEqual((await verifyChain(trail.rows(), { cuts: [] }, chainMac)).heads.get(sqliteNode)?.seq, 6_200)
})

test('many keys that are used for the first time are written a part at a time, each once, with its last use', async (t) => {
  const db = await migrated(t)
  const notes = new Notes()
  for (let n = 0; n < 1_200; n++) notes.used(`ck_${n}`, 1_000, '127.0.0.1')
  const counts: number[] = []
  for (let again = true; again; again = notes.due(1_000)) {
    await write(db, notes, { now: 1_000 })
    counts.push((await uses(db)).length)
    // Used again once it was written: a minute later.
    notes.used('ck_0', 1_000, '192.0.2.1')
  }
  assert.deepEqual(counts, [500, 1_000, 1_200])
  const first = async () => (await uses(db)).map((use) => Object(use)).find((use) => use.key_id === 'ck_0').last_address
  assert.equal(await first(), '127.0.0.1')
  assert.equal(notes.due(1_059), false)
  assert.equal(notes.due(1_060), true)
  await write(db, notes, { now: 1_060 })
  assert.equal(await first(), '192.0.2.1')
})

test('what holds a row is filled again once that is written, and not before: each row is there as it was noted', async (t) => {
  const db = await migrated(t)
  const notes = new Notes()
  const given: AuditEntry[] = []
  const note = (round: number, n: number) => {
    const entry = noted(`r-${round}-${n}`, {
      at_ms: 60_000 + n,
      account: 1 + (n % 2),
      principal: `user:${round}`,
      key_id: (n + round) % 3 ? `ck_${n}` : null,
      address: `192.0.2.${round}`,
      dialect: n % 2 ? 'native' : 'astra',
      command: (n + round) % 2 ? 'ping' : 'whoami',
      target: (n + round) % 4 ? `u${n}` : null,
      code: 9_001 + round,
      dry_run: round % 2,
      detail: (n + round) % 5 ? null : `{"round":${round}}`,
    })
    notes.row(entry, undefined)
    given.push({ ...entry })
    // What was given is its giver's.
    Object.assign(entry, { request_id: 'another', target: 'another' })
  }
  for (let round = 0; round < 4; round++) {
    for (let n = 0; n < 25; n++) note(round, n)
    await assert.rejects(write(db, notes, { failing: true }), /the transaction fails/)
    for (let n = 25; n < 40; n++) note(round, n)
    const { written } = await db.transaction(async (session) => {
      const head = await new Audit(session).head(sqliteNode)
      const result = await notes.write(session, sqliteNode, head, chainMac, 60)
      for (let n = 40; n < 50; n++) note(round, n)
      return result
    })
    written()
  }
  // One alone is filled again at once: nothing may be taken from it as it was.
  for (let n = 0; n < 4; n++) {
    await write(db, notes)
    note(4, n)
  }
  await write(db, notes)
  const names = Object.keys(given[0] ?? {}) as (keyof AuditEntry)[]
  const plain = (row: AuditEntry) => names.map((name) => (row[name] === null ? null : String(row[name])))
  assert.deepEqual((await db.all<AuditEntry>('select * from audit order by seq')).map(plain), given.map(plain))
  assert.equal((await new AuditTrail(db, chainMac).verify()).broken, undefined)
})
