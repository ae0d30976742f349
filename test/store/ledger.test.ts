import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Queries } from '../../src/store/db.js'
import { type Nested, PendingRun } from '../../src/store/handle.js'
import { BelowFloor } from '../../src/store/ledger.js'
import { Meta } from '../../src/store/meta.js'
import { wrapped } from '../src/probes.js'
import { sqliteOnly } from '../support/postgres.js'
import { counts, entry, ledgerOn, migrated, put, puts } from './support.js'

test('writes of one turn share a transaction, each with its own effect, claim and audit row', sqliteOnly, async (t) => {
  let transactions = 0
  const db = await migrated(t)
  const counting = wrapped(db, {
    transaction: (work) => {
      transactions++
      return db.transaction(work)
    },
  })
  const ledger = ledgerOn(counting)
  const ids = Array.from({ length: 100 }, (_, index) => `e${index}`)
  const values = await Promise.all(ids.map((id) => ledger.submit(entry(id, put(id)))))
  assert.deepEqual([transactions, new Set(values)], [1, new Set(['ran'])])
  assert.deepEqual(await counts(db), { records: 100, claims: 100, audit: 100 })
})

test('no transaction holds more entries than the engine allows', sqliteOnly, async (t) => {
  const sizes: number[] = []
  const db = await migrated(t)
  const small = wrapped(db, {
    maxBatch: 7,
    transaction: async (work) => {
      const before = (await counts(db))?.claims ?? 0
      const value = await db.transaction(work)
      sizes.push(((await counts(db))?.claims ?? 0) - before)
      return value
    },
  })
  const ledger = ledgerOn(small)
  await Promise.all(Array.from({ length: 20 }, (_, index) => ledger.submit(entry(`e${index}`, put(`e${index}`)))))
  assert.deepEqual(sizes, [7, 7, 6])
})

test('an identity seen in the same transaction is answered as seen, without a second effect', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  const values = await Promise.all([ledger.submit(entry('e', put('a'))), ledger.submit(entry('e', put('b')))])
  assert.deepEqual([values, await puts(db)], [['ran', 'seen'], ['a']])
  assert.deepEqual(await counts(db), { records: 1, claims: 1, audit: 1 })
})

test('an entry that is not kept leaves its claim and audit row, and no effect', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  await Promise.all([ledger.submit(entry('e', put('a'), false)), ledger.submit(entry('f', put('b')))])
  assert.deepEqual(await puts(db), ['b'])
  assert.deepEqual(await counts(db), { records: 1, claims: 2, audit: 2 })
})

const after = (count: () => void, effect: (queries: Queries) => Promise<unknown>) => (queries: Queries) => {
  count()
  return effect(queries)
}

const spoilers: readonly (readonly [what: string, spoiler: (run: () => void) => ReturnType<typeof entry>])[] = [
  ['says no', (run) => entry('no', after(run, put('no')), false)],
  [
    'throws',
    (run) =>
      entry('no', async (queries) => {
        run()
        await put('no')(queries)
        throw new Error('a bug')
      }),
  ],
]
for (const [what, spoiler] of spoilers) {
  test(`an entry that writes and then ${what} runs once, and nothing else of its transaction is lost or doubled`, async (t) => {
    const db = await migrated(t)
    const ledger = ledgerOn(db)
    const runs = { spoiler: 0, later: 0 }
    const all = [
      ledger.submit(spoiler(() => runs.spoiler++)),
      ledger.submit(entry('a', put('a'))),
      ledger.submit(entry('b', put('b'))),
    ]
    const results = await Promise.allSettled(all)
    assert.deepEqual(
      results.map(({ status }) => status),
      [what === 'throws' ? 'rejected' : 'fulfilled', 'fulfilled', 'fulfilled'],
    )
    // The next ones take savepoints from the start: whoever is refused again and again makes nobody run twice.
    const later = entry(
      'c',
      after(() => runs.later++, put('c')),
    )
    const again = { ...spoiler(() => runs.spoiler++), identity: 'e again' }
    await Promise.allSettled([ledger.submit(later), ledger.submit(again)])
    assert.deepEqual(runs, { spoiler: 2, later: 1 })
    assert.deepEqual(await puts(db), ['a', 'b', 'c'])
  })
}

// On PostgreSQL each of the two would have a transaction of its own.
test('an answer that rests on what was rolled back is not kept: its entry runs again', sqliteOnly, async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  let runs = 0
  const once = entry('once', async (queries) => {
    if (++runs > 1) throw new Error('only the first time')
    await put('x')(queries)
  })
  const looking = entry('looking', put('no'), false)
  const saw: (object | undefined)[] = []
  const looks = {
    ...looking,
    async run(queries: Queries, nested: Nested) {
      saw.push(await queries.get("select 1 as one from records where id = 'x'"))
      return looking.run(queries, nested)
    },
  }
  await Promise.allSettled([ledger.submit(once), ledger.submit(looks)])
  assert.equal(saw.at(-1), undefined, 'the answer that is given says that x is there, and it is not')
  assert.deepEqual(await puts(db), [])
})

const waits: readonly (readonly [what: string, wait: () => Promise<unknown>])[] = [
  ['a timer', () => delay(100)],
  ['a turn of the event loop', () => new Promise((resolve) => setImmediate(resolve))],
  ['a file', () => readFile(import.meta.filename)],
  ['what never comes', () => new Promise(() => undefined)],
]
for (const [what, wait] of waits) {
  test(`a run that awaits ${what} is rejected and taken back; the others of its transaction are kept`, async (t) => {
    const db = await migrated(t)
    const ledger = ledgerOn(db)
    const pending = entry('p', async (queries) => {
      await put('before')(queries)
      await wait()
      await put('after')(queries)
    })
    const [first, second, third] = await Promise.allSettled([
      ledger.submit(entry('e', put('a'))),
      ledger.submit(pending),
      ledger.submit(entry('f', put('b'))),
    ])
    assert.deepEqual([first.status, third.status], ['fulfilled', 'fulfilled'])
    assert.ok(second.status === 'rejected' && second.reason instanceof PendingRun)
    assert.deepEqual(await puts(db), ['a', 'b'])
    assert.deepEqual(await counts(db), { records: 2, claims: 2, audit: 2 })
    assert.equal(await ledger.submit(entry('p', put('again'))), 'ran')
  })
}

test('the handle of a command that has ended is dead: its late writes reach nobody’s savepoint', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  const kept: Queries[] = []
  let late: Promise<unknown> = Promise.resolve()
  const sneaky = entry('s', async (queries) => {
    kept.push(queries)
    late = assert.rejects(
      delay(100).then(() => put('late')(queries)),
      PendingRun,
    )
  })
  const holding = (id: string) =>
    entry(id, async (queries) => {
      for (const dead of kept) await assert.rejects(put(`by ${id}`)(dead), PendingRun)
      await put(id)(queries)
    })
  await Promise.all([ledger.submit(sneaky), ledger.submit(holding('a')), ledger.submit(holding('b'))])
  await late
  assert.deepEqual(await puts(db), ['a', 'b'])
})

test('awaiting the store any number of times is not pending', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  const busy = entry('e', async (queries) => {
    for (let i = 0; i < 2_000; i++) await queries.get('select $1 as one', [i])
    await Promise.all([put('a')(queries), put('b')(queries)])
  })
  assert.equal(await ledger.submit(busy), 'ran')
  assert.deepEqual(await puts(db), ['a', 'b'])
})

const throwing: readonly (readonly [what: string, fail: () => unknown])[] = [
  [
    'throws',
    () => {
      throw new TypeError('a bug')
    },
  ],
  ['rejects with what is no Error', () => Promise.reject('text')],
]
for (const [what, fail] of throwing) {
  test(`a run that ${what} is taken back alone`, async (t) => {
    const db = await migrated(t)
    const ledger = ledgerOn(db)
    const failing = entry('x', async (queries) => {
      await put('x')(queries)
      await fail()
    })
    const results = await Promise.allSettled([
      ledger.submit(entry('e', put('a'))),
      ledger.submit(failing),
      ledger.submit(entry('f', put('b'))),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(await puts(db), ['a', 'b'])
    assert.deepEqual(await counts(db), { records: 2, claims: 2, audit: 2 })
  })
}

test('a run that catches a broken constraint keeps the rest of what it did', sqliteOnly, async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  const catching = entry('e', async (queries) => {
    await put('a')(queries)
    await assert.rejects(put('a')(queries))
    await put('b')(queries)
  })
  assert.equal(await ledger.submit(catching), 'ran')
  assert.deepEqual(await puts(db), ['a', 'b'])
})

test('a claim that cannot be made takes the effect back', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  const taken = entry('e', async (queries) => {
    await put('a')(queries)
    await queries.run(`insert into claims values ('other', 'e', 1, 'p', 'c', 1, '', '', 1, null, 0, 1, 0)`)
  })
  await assert.rejects(ledger.submit(taken))
  assert.deepEqual([await puts(db), await counts(db)], [[], { records: 0, claims: 0, audit: 0 }])
})

test('what seen throws refuses that entry alone', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  await ledger.submit(entry('e', put('a')))
  const no = new Error('another command')
  const refused = { ...entry('e', put('b')), seen: () => Promise.reject(no) }
  const [first, second] = await Promise.allSettled([ledger.submit(refused), ledger.submit(entry('f', put('c')))])
  assert.deepEqual([first, second.status], [{ status: 'rejected', reason: no }, 'fulfilled'])
  assert.deepEqual(await puts(db), ['a', 'c'])
})

test('an entry at or below the floor is refused inside the transaction, one above it runs', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  await ledger.chore((session) => new Meta(session).raiseFloor(1_000))
  await assert.rejects(ledger.submit(entry('e', put('a'))), BelowFloor)
  assert.equal(await ledger.submit({ ...entry('e', put('a')), timestamp: 1_001 }), 'ran')
  assert.equal(await ledger.submit({ ...entry('f', put('b')), timestamp: undefined }), 'ran')
})

test('the floor never falls', async (t) => {
  const db = await migrated(t)
  const floors: number[] = []
  for (const to of [5, 3, 7, 0]) {
    await db.transaction((session) => new Meta(session).raiseFloor(to))
    floors.push(await new Meta(db).floor())
  }
  assert.deepEqual(floors, [5, 5, 7, 7])
})

test('forgetting and a write submitted at once: the claim and the floor change together', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  await ledger.submit(entry('old', put('a')))
  const [forgotten, again] = await Promise.allSettled([
    ledger.forget('zzz', 1_000, 300),
    ledger.submit(entry('old', put('b'))),
  ])
  assert.deepEqual(forgotten, { status: 'fulfilled', value: 1 })
  // Before the forgetting its claim is there, after it the floor: it never runs again.
  const refused = again.status === 'rejected' ? again.reason instanceof BelowFloor : again.value === 'seen'
  assert.ok(refused)
  assert.deepEqual([await puts(db), await new Meta(db).floor()], [['a'], 1_000])
})

test('a write that comes while much is forgotten is served between the transactions of that', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  await db.transaction((session) =>
    session.run(`
      with recursive n (i) as (select 1 union all select i + 1 from n where i < 5000)
      insert into claims select '0' || i, 'i' || i, 1, 'p', 'c', 1, '', '', 1, null, 0, 1, 0 from n`),
  )
  let forgotten: number | undefined
  const forgetting = ledger.forget('1', 1, 300).then((number) => {
    forgotten = number
  })
  await ledger.submit(entry('e', put('a')))
  assert.equal(forgotten, undefined)
  await forgetting
  assert.deepEqual([forgotten, await counts(db)], [5_000, { records: 1, claims: 1, audit: 1 }])
})

test('more writes than can wait are refused as busy, and those that wait are all answered', sqliteOnly, async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  const submitted = Array.from({ length: 8_200 }, (_, index) =>
    ledger.submit({ ...entry(`e${index}`, async () => undefined) }),
  )
  const results = await Promise.allSettled(submitted)
  const refused = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason.kind)
  assert.deepEqual(refused, Array(8).fill('busy'))
  assert.equal((await counts(db))?.claims, 8_192)
})

test('close ends after everything submitted was answered, and what comes later is refused', async (t) => {
  const db = await migrated(t)
  const ledger = ledgerOn(db)
  let answered = 0
  const submitted = Array.from({ length: 300 }, (_, index) =>
    ledger.submit(entry(`e${index}`, put(`e${index}`))).then(() => answered++),
  )
  await ledger.close()
  assert.equal(answered, 300)
  await assert.rejects(ledger.submit(entry('late', put('late'))), { kind: 'busy' })
  await Promise.all(submitted)
})
