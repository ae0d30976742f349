import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Db } from '../../src/store/db.js'
import { PageCache } from '../../src/store/page-cache.js'
import { openSqlite } from '../../src/store/sqlite.js'
import { testInstance } from '../support/instance.js'
import { sqliteOnly } from '../support/postgres.js'
import { databaseFile } from './support.js'

const smallest = 12_288

interface Kept {
  readonly sizes: number[]
  counted: number
}

function pageCache(rows: () => number): { cache: PageCache; kept: Kept } {
  const kept: Kept = { sizes: [], counted: 0 }
  const cache = new PageCache({
    rows() {
      kept.counted++
      return rows()
    },
    resize: (size) => kept.sizes.push(size),
  })
  return { cache, kept }
}

/** So many transactions, each after so many reads. */
function transactions(cache: PageCache, count: number, reads: number): void {
  for (let n = 0; n < count; n++) {
    for (let read = 0; read < reads; read++) cache.read()
    cache.fit()
    cache.committed()
  }
}

test('where nearly all that is asked for are reads of many rows, room is made for them, and taken back when there are writes', () => {
  const { cache, kept } = pageCache(() => 1_000_000)
  assert.equal(cache.size, smallest)
  transactions(cache, 500, 1_000)
  assert.deepEqual([kept.sizes, cache.size], [[74_788], 74_788])
  transactions(cache, 2_000, 1)
  assert.deepEqual([kept.sizes.slice(1), cache.size], [[smallest], smallest])
})

test('a burst of reads among writes, or of writes among reads, changes nothing', () => {
  const { cache, kept } = pageCache(() => 1_000_000)
  transactions(cache, 500, 40)
  transactions(cache, 20, 1_000)
  transactions(cache, 500, 40)
  assert.deepEqual(kept, { sizes: [], counted: 0 })
  transactions(cache, 500, 1_000)
  transactions(cache, 200, 10)
  transactions(cache, 500, 1_000)
  assert.equal(kept.sizes.length, 1)
})

test('where few rows are read, little more is kept, and they are not counted again and again', () => {
  const { cache, kept } = pageCache(() => 1_000)
  transactions(cache, 3_000, 1_000)
  assert.deepEqual(kept, { sizes: [smallest + 62], counted: 1 })
  transactions(cache, 2_000, 0)
  transactions(cache, 3_000, 1_000)
  assert.deepEqual(kept, { sizes: [smallest + 62, smallest, smallest + 62], counted: 1 })
})

test('rows that cannot be counted now are counted before the next transaction', () => {
  let broken = true
  const { cache, kept } = pageCache(() => {
    if (broken) throw new Error('cannot be read')
    return 16_000
  })
  for (let read = 0; read < 1_000_000; read++) cache.read()
  cache.committed()
  assert.throws(() => cache.fit(), /cannot be read/)
  assert.deepEqual([kept.sizes, cache.size], [[], smallest])
  broken = false
  cache.fit()
  assert.deepEqual(kept, { sizes: [smallest + 1_000], counted: 2 })
})

/** As many reads as raise the average of one transaction over the limit. */
async function readMuch(db: Db): Promise<void> {
  for (let n = 0; n < 70_000; n++) await db.get('select 1')
}

const commit = (db: Db) => db.transaction((session) => session.run('create table if not exists other (id integer)'))

/** KiB; the connection that writes does the reading while it writes nothing. */
const keptBy = async (db: Db) => -((await db.get<{ cache_size: number }>('pragma cache_size'))?.cache_size ?? 0)

test('the connection that writes follows, and the one that a repair opens in its place', async (t) => {
  const db = openSqlite(databaseFile(t), { readAtRandom: ['things'] })
  t.after(() => db.close())
  const rows = Array.from({ length: 3_200 }, (_, n) => `('${n}')`).join()
  await db.transaction(async (session) => {
    await session.run('create table things (id text not null primary key)')
    await session.run(`insert into things values ${rows}`)
  })
  await readMuch(db)
  await commit(db)
  assert.equal(await keptBy(db), smallest)
  await commit(db)
  assert.equal(await keptBy(db), smallest + 200)
  await db.repair()
  assert.equal(await keptBy(db), smallest + 200)
})

test('rows that cannot be counted stand in nobody’s way, and without tables nothing more is kept', async (t) => {
  for (const options of [{ readAtRandom: ['missing'] }, {}]) {
    const db = openSqlite(databaseFile(t), options)
    t.after(() => db.close())
    await commit(db)
    await readMuch(db)
    for (let n = 0; n < 3; n++) await commit(db)
    assert.equal(await keptBy(db), smallest)
  }
})

test('a gateway makes room for its users while it is asked for little but reads', sqliteOnly, async (t) => {
  const instance = await testInstance()
  t.after(() => instance.close())
  const { db } = instance
  const users = Array.from({ length: 160 }, (_, n) => ({ id: `u${n}`, user: { type: 3 } }))
  for (const params of users) assert.equal((await instance.call('set-user', params)).status, 'success')
  await readMuch(db)
  for (const enable of [false, true]) await instance.call('set-user', { id: 'u0', user: { enable } })
  assert.equal(await keptBy(db), smallest + 10)
})
