import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountedReads } from '../../src/counted-reads.js'
import { BatchPace, LongReads, type ReadPace } from '../../src/pace.js'
import { Refusal } from '../../src/refusal.js'
import type { Queries } from '../../src/store/db.js'

const patience = 10_000

/** A read that rests so many times, and writes down each. */
async function reading(pace: ReadPace, name: string, rests: number, log: string[]): Promise<void> {
  try {
    for (let rest = 0; rest < rests; rest++) {
      await pace.rest()
      log.push(name)
    }
  } finally {
    pace.over()
  }
}

test('many long reads of one account keep another one waiting for one turn each', async () => {
  const turns = new LongReads()
  const log: string[] = []
  const crowd = Array.from({ length: 30 }, () => reading(turns.begin(1, patience), 'crowd', 10, log))
  const lone = reading(turns.begin(2, patience), 'lone', 10, log)
  await lone
  assert.ok(log.length <= 21, log.join(' '))
  await Promise.all(crowd)
})

test('of one account one long read goes on at a time', async () => {
  const turns = new LongReads()
  const log: string[] = []
  await Promise.all(['a', 'b', 'c'].map((name) => reading(turns.begin(1, patience), name, 3, log)))
  assert.equal(log.join(''), 'aaabbbccc')
})

test('more long reads of one account than may wait are 1503', async () => {
  const turns = new LongReads()
  const reads = Array.from({ length: 40 }, () => reading(turns.begin(1, patience), '', 1, []))
  const settled = await Promise.allSettled(reads)
  const refused = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  assert.equal(refused.length, 7)
  assert.ok(refused.every((reason) => reason instanceof Refusal && reason.code === 'OVERLOADED'))
})

test('the work itself stops at the time limit', async () => {
  const pace = new LongReads().begin(1, 1)
  const ended = performance.now() + 2
  while (performance.now() < ended);
  assert.throws(() => pace.isDue(), new Refusal('TIMED_OUT'))
})

test('a read stops when nobody waits for its answer any more, even where it rests', async () => {
  let gone = false
  const reads = new LongReads()
  const pace = reads.begin(1, patience, () => gone)
  pace.requireWanted()
  const resting = pace.rest()
  gone = true
  await assert.rejects(resting, new Refusal('TIMED_OUT'))
  assert.throws(() => pace.isDue(), new Refusal('TIMED_OUT'))
})

test('the reads of one batch may do only so much', () => {
  const pace = new BatchPace()
  assert.equal(pace.isDue(4_000), false)
  assert.throws(() => pace.isDue(), /send it by itself/)
})

test('what the reads of a batch read counts by its rows and its length, and ends before more is read', async () => {
  let asked = 0
  const rows = Array.from({ length: 100 }, () => ({ text: 'x'.repeat(10_000), number: 1 }))
  const answer = <T>(value: unknown): Promise<T> => {
    asked++
    return Promise.resolve(value as T)
  }
  const queries: Queries = {
    all: () => answer(rows),
    get: () => answer(rows[0]),
    run: () => answer(0),
    piece: () => answer({ rows, more: false }),
  }
  const counted = new CountedReads(queries, new BatchPace())
  // Each 100 rows of 10,000 characters are 1,101 units.
  await counted.all('')
  await counted.piece('', [], 100)
  await counted.get('')
  await counted.all('')
  await assert.rejects(counted.piece('', [], 100), /send it by itself/)
  assert.equal(asked, 5)
  for (const more of [() => counted.all(''), () => counted.get(''), () => counted.piece('', [], 1)]) {
    await assert.rejects(more(), /send it by itself/)
  }
  assert.equal(asked, 5)
  await counted.run('')
  assert.equal(asked, 6)
})
