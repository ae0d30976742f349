import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Db, StorageError } from '../../src/store/db.js'
import { Notes } from '../../src/store/notes.js'
import { openSqlite } from '../../src/store/sqlite.js'
import { wrapped } from '../src/probes.js'
import { auditEntry, counts, databaseFile, entry, ledgerOn, migrated, put, puts } from './support.js'

const fault = () => new StorageError('fault', 'the commit failed')
const unknown = (error: unknown) => error instanceof StorageError && error.kind === 'fault'

/** A database whose next commits fail as told: before they took place, or after it. */
function failing(db: Db, fails: ('before' | 'after')[], methods: Partial<Db> = {}): Db {
  return wrapped(db, {
    async transaction(work) {
      let how: 'before' | 'after' | undefined
      const value = await db.transaction(async (session) => {
        const done = await work(session)
        how = fails.shift()
        if (how === 'before') throw fault()
        return done
      })
      if (how === 'after') throw fault()
      return value
    },
    ...methods,
  })
}

test('a commit that failed and did not take place: everybody is told unknown, and a resend runs', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(failing(db, ['before']))
  const results = await Promise.allSettled(['a', 'b', 'c'].map((id) => ledger.submit(entry(id, put(id)))))
  for (const result of results) assert.ok(result.status === 'rejected' && unknown(result.reason))
  assert.deepEqual(await counts(db), { records: 0, claims: 0, audit: 0 })
  assert.equal(await ledger.submit(entry('a', put('a'))), 'ran')
  assert.deepEqual(await puts(db), ['a'])
})

test('a commit that failed and took place all the same: everybody found in the file is answered', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(failing(db, ['after']))
  const [kept, refused, threw, unclaimed] = await Promise.allSettled([
    ledger.submit(entry('a', put('a'))),
    ledger.submit(entry('b', put('b'), false)),
    ledger.submit(entry('c', () => Promise.reject(new Error('a bug')))),
    ledger.submit({ ...entry('d', put('d')), identity: undefined }),
  ])
  assert.deepEqual(
    [kept, refused],
    [
      { status: 'fulfilled', value: 'ran' },
      { status: 'fulfilled', value: 'ran' },
    ],
  )
  assert.equal(threw.status, 'rejected')
  assert.ok(unclaimed.status === 'rejected' && unknown(unclaimed.reason), 'nobody can tell whether it was kept')
  assert.equal(await ledger.submit(entry('a', put('again'))), 'seen')
})

test('an outcome that another process made of the same identity meanwhile is not given out as this one’s', async (t) => {
  const file = databaseFile(t)
  const db = await migrated(t, file)
  const other = ledgerOn(await migrated(t, file))
  const repair = async () => {
    await other.submit(entry('a', put('by the other')))
    await db.repair()
  }
  const ledger = ledgerOn(failing(db, ['before'], { repair }))
  await assert.rejects(ledger.submit(entry('a', put('by this one'))), unknown)
  assert.equal(await ledger.submit(entry('a', put('again'))), 'seen')
  assert.deepEqual(await puts(db), ['by the other'])
})

test('while the storage cannot be repaired writes are refused at once, and it is not writable; then all is well again', async (t) => {
  const db = await migrated(t)
  let gone = true
  const repair = () => (gone ? Promise.reject(new Error('the disk is gone')) : db.repair())
  const ledger = ledgerOn(failing(db, ['before'], { repair }))
  const works = ledger.told(/works again/)
  await assert.rejects(ledger.submit(entry('a', put('a'))), unknown)
  await assert.rejects(ledger.submit(entry('b', put('b'))), unknown)
  await assert.rejects(
    ledger.chore(async () => undefined),
    unknown,
  )
  assert.equal(await ledger.writable(1), false)
  gone = false
  await works
  assert.equal(await ledger.writable(1), true)
  assert.deepEqual([await ledger.submit(entry('a', put('a'))), await puts(db)], ['ran', ['a']])
  assert.deepEqual(ledger.troubles, [
    'a transaction failed: nothing of it was acknowledged',
    'the storage could not be repaired: writes are refused until it can',
    'the storage works again',
  ])
})

test('what waited behind a transaction that broke the storage is refused, not lost', async (t) => {
  const db = await migrated(t)
  const repair = () => Promise.reject(new Error('the disk is gone'))
  const ledger = ledgerOn(failing(db, ['before'], { repair, maxBatch: 2 }))
  const chore = assert.rejects(
    ledger.chore(async () => undefined),
    unknown,
  )
  const writes = ['a', 'b', 'c', 'd', 'e'].map((id) => assert.rejects(ledger.submit(entry(id, put(id))), unknown))
  await Promise.all([chore, ...writes])
  assert.deepEqual(await puts(db), [])
  await ledger.close()
})

for (const [what, chore] of [
  ['forgetting', (ledger: ReturnType<typeof ledgerOn>) => ledger.forget('zzz', 1, 300)],
  ['asking whether it is writable', (ledger: ReturnType<typeof ledgerOn>) => ledger.writable(1)],
] as const) {
  test(`a fault met while ${what} does not close the gateway to writes for good`, async (t) => {
    const db = await migrated(t)
    const fails: 'before'[] = []
    const ledger = ledgerOn(failing(db, fails))
    await db.transaction((session) =>
      session.run(`insert into claims values ('old', 'old', 1, 'p', 'c', 1, '', '', 1, null, 0, 1, 0)`),
    )
    fails.push('before')
    await chore(ledger).catch(() => undefined)
    assert.equal(fails.length, 0, 'the fault was met')
    assert.equal(await ledger.submit(entry('a', put('a'))), 'ran')
    assert.equal(await ledger.writable(1), true)
  })
}

test('what cannot be looked up after a repair is unknown, and later writes are served', async (t) => {
  const db = await migrated(t)
  let unreadable = false
  const ledger = ledgerOn(
    failing(db, ['after'], {
      async repair() {
        await db.repair()
        unreadable = true
      },
      get: (sql, params) => (unreadable ? Promise.reject(fault()) : db.get(sql, params)),
    }),
  )
  const results = await Promise.allSettled(['a', 'b'].map((id) => ledger.submit(entry(id, put(id)))))
  for (const result of results) assert.ok(result.status === 'rejected' && unknown(result.reason))
  unreadable = false
  assert.deepEqual(
    [await ledger.submit(entry('a', put('again'))), await ledger.submit(entry('c', put('c')))],
    ['seen', 'ran'],
  )
})

test('a fault in the middle of a batch keeps and acknowledges nothing of it, though its command caught it', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(
    wrapped(db, {
      transaction: (work) =>
        db.transaction((session) => {
          let met: StorageError | undefined
          return work({
            immediate: session.immediate,
            get written() {
              return session.written
            },
            get open() {
              return session.open
            },
            get fault() {
              return met
            },
            all: (sql, params) => session.all(sql, params),
            get: (sql, params) => session.get(sql, params),
            piece: (sql, params, most) => session.piece(sql, params, most),
            run(sql, params) {
              if (params?.[0] !== 'bad') return session.run(sql, params)
              met = fault()
              return Promise.reject(met)
            },
            savepoint: () => session.savepoint(),
            undo: () => session.undo(),
            keep: () => session.keep(),
            lock: (names) => session.lock(names),
            keepOut: (schemas) => session.keepOut(schemas),
            tell: (what) => session.tell(what),
          })
        }),
    }),
  )
  const catching = entry('b', (queries) => put('bad')(queries).catch(() => undefined))
  const entries = [entry('a', put('a')), catching, entry('c', put('c'))]
  const results = await Promise.allSettled(entries.map((one) => ledger.submit(one)))
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  assert.deepEqual(await counts(db), { records: 0, claims: 0, audit: 0 })
  assert.equal(await ledger.submit(entry('a', put('a'))), 'ran')
})

test('when another process keeps the lock, the batch is refused as busy, the storage is not held for broken', async (t) => {
  const file = databaseFile(t)
  const db = await migrated(t, file, { patience: 30 })
  const ledger = ledgerOn(db)
  const other = openSqlite(file)
  t.after(() => other.close())
  let release: () => void = () => undefined
  const holding = other.transaction(() => new Promise<void>((resolve) => (release = resolve)))
  await assert.rejects(ledger.submit(entry('a', put('a'))), { kind: 'busy' })
  release()
  await holding
  assert.equal(await ledger.submit(entry('a', put('a'))), 'ran')
  assert.deepEqual(ledger.troubles, [])
})

test('while the storage hangs no chores gather: what is noted waits for one transaction, and more than a few chores are refused', async (t) => {
  const db = await migrated(t)
  let begun = 0
  let release: () => void = () => undefined
  const hang = new Promise<void>((resolve) => {
    release = resolve
  })
  const hanging = wrapped(db, {
    async transaction(work) {
      begun++
      await hang
      return db.transaction(work)
    },
  })
  const notes = new Notes()
  const ledger = ledgerOn(hanging, undefined, notes)
  notes.row(auditEntry(), undefined)
  const flushed = Array.from({ length: 600 }, () => ledger.flush())
  const chores = Array.from({ length: 600 }, () => ledger.chore(async () => 'done').catch((error) => error.kind))
  const refused = Promise.all(chores)
  release()
  const answers = await refused
  await Promise.all(flushed)
  const done = answers.filter((answer) => answer === 'done').length
  assert.ok(done > 0 && done < 20, `${done} chores waited`)
  assert.deepEqual(new Set(answers), new Set(['done', 'busy']))
  assert.equal(begun, done + 1)
  notes.row(auditEntry(), undefined)
  await ledger.flush()
  assert.deepEqual(await counts(db), { records: 0, claims: 0, audit: 2 })
})
