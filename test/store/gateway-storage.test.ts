import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type Database from 'better-sqlite3'
import { pino } from 'pino'
import { Closed, Text, Type } from '../../schemas/types.js'
import { ownCommand } from '../../src/command.js'
import { type Db, StorageError } from '../../src/store/db.js'
import { openSqlite } from '../../src/store/sqlite.js'
import { counted, counter, gate, instanceFor, sent, signed, wrapped } from '../src/probes.js'
import { until } from '../support/until.js'
import { counts } from './support.js'

/** Writes as many bytes as it is told; `swallow` answers "done" whatever the store says. */
const fill = ownCommand({
  name: 'fill',
  summary: 'Write many bytes',
  permission: 'fill:write',
  params: Closed({ id: Text(64, 'where'), bytes: Type.Integer(), swallow: Type.Boolean({ default: false }) }),
  result: Closed({}),
  codes: { FILLED: { code: 10001, message: 'Filled' } },
  async run({ id, bytes, swallow }, { store }) {
    const writing = store.records.set('fill', id, 'x'.repeat(bytes))
    await (swallow ? writing.catch(() => undefined) : writing)
    return ['FILLED', {}]
  },
})

/** An instance whose writing connection a test can limit. */
async function limited(t: TestContext) {
  const first = await instanceFor(t)
  const connections: Database.Database[] = []
  const instance = await instanceFor(t, {
    folder: first.folder,
    extra: [fill],
    wrap(db) {
      void db.close()
      return openSqlite(join(first.folder, 'countersign.db'), {
        configure: (connection) => connections.push(connection),
      })
    },
  })
  const pages = (count: number) => connections[0]?.pragma(`max_page_count = ${count}`)
  const used = () => Number(connections[0]?.pragma('page_count', { simple: true }))
  return { instance, by: first.owner, pages, used }
}

for (const swallow of [false, true]) {
  test(`out of space in the middle of a transaction: 1507 for all of it, no row of it remains${swallow ? ', though the command said done' : ''}, and afterwards the same messages run`, async (t) => {
    const { instance, by, pages, used } = await limited(t)
    const message = (id: string, bytes: number) =>
      signed(instance, 'fill', { id, bytes, swallow }, { by, idempotencyKey: `job-fill-${id}` })
    const bodies = Array.from({ length: 30 }, (_, index) => message(`r${index}`, index === 17 ? 500_000 : 10))
    assert.equal((await sent(instance, message('before', 10))).code, 10001)
    const before = await counts(instance.db)
    pages(used() + 20)
    const replies = await Promise.all(bodies.map((body) => sent(instance, body)))
    // Writes that take long share a transaction with few others.
    const done = replies.filter(({ code }) => code === 10001).length
    const failed = replies.filter(({ code }) => code === 1507).length
    assert.equal(replies[17]?.code, 1507)
    assert.deepEqual([done + failed, failed > 1], [30, true])
    assert.equal((await counts(instance.db))?.records, Number(before?.records) + done)
    pages(100_000)
    assert.equal(await instance.writable(), true)
    const again = await Promise.all(bodies.map((body) => sent(instance, body)))
    assert.deepEqual([...new Set(again.map(({ code }) => code))], [10001])
    assert.equal(again.filter(({ replayed }) => replayed).length, done)
    assert.equal((await counts(instance.db))?.records, 31)
  })
}

test('full to the last page: 1507, reads still served, and writable again afterwards', async (t) => {
  const { instance, by, pages } = await limited(t)
  pages(1)
  let refused = 0
  for (let i = 0; i < 50 && refused === 0; i++) {
    const { code } = await instance.call('fill', { id: `${i}`, bytes: 2_000 }, { by, idempotencyKey: `job-fill-${i}` })
    if (code === 1507) refused = i + 1
  }
  assert.ok(refused > 0)
  const reply = await instance.post(signed(instance, 'fill', { id: 'n', bytes: 9_000 }, { by }))
  assert.deepEqual([reply.status, JSON.parse(reply.body).code], [503, 1507])
  assert.equal((await instance.call('list-users', {}, { by })).code, 3031)
  pages(100_000)
  assert.equal(await instance.writable(), true)
  assert.equal(
    (await instance.call('fill', { id: 'n', bytes: 9_000 }, { by, idempotencyKey: 'job-fill-n' })).code,
    10001,
  )
})

interface Faults {
  commit: 'before' | 'after' | undefined
  repair: boolean
}

/** An instance whose next commit fails as told, and whose log can be awaited. */
async function faulty(t: TestContext) {
  const faults: Faults = { commit: undefined, repair: false }
  const works = gate()
  const logger = pino(
    { level: 'warn' },
    { write: (line: string) => void (line.includes('works again') && works.open()) },
  )
  const probe = counter()
  const wrap = (db: Db) =>
    wrapped(db, {
      async transaction(work) {
        const { commit } = faults
        faults.commit = undefined
        const failure = new StorageError('fault', 'the commit failed')
        const value = await db.transaction(async (session) => {
          const done = await work(session)
          if (commit === 'before') throw failure
          return done
        })
        if (commit === 'after') throw failure
        return value
      },
      repair: () => (faults.repair ? Promise.reject(new Error('the disk is gone')) : db.repair()),
    })
  const instance = await instanceFor(t, { extra: [probe.command], logger, wrap })
  const bodies = Array.from({ length: 20 }, (_, index) =>
    signed(instance, 'count', { id: 'n' }, index % 2 ? {} : { idempotencyKey: `job-count-${index}` }),
  ).filter((body, index, all) => all.indexOf(body) === index)
  return { instance, probe, faults, works: works.passed, bodies }
}

test('a commit that failed without taking place: 1507 for all, then the same messages run once', async (t) => {
  const { instance, faults, bodies } = await faulty(t)
  faults.commit = 'before'
  const failed = await Promise.all(bodies.map((body) => sent(instance, body)))
  assert.deepEqual([[...new Set(failed.map(({ code }) => code))], await counted(instance.db, 'n')], [[1507], 0])
  const again = await Promise.all(bodies.map((body) => sent(instance, body)))
  assert.deepEqual([...new Set(again.map(({ code, replayed }) => `${code} ${replayed}`))], ['10001 undefined'])
  assert.equal(await counted(instance.db, 'n'), bodies.length)
})

test('a commit that failed after taking place: the true outcomes for all, and resent messages do nothing more', async (t) => {
  const { instance, faults, bodies } = await faulty(t)
  faults.commit = 'after'
  const first = await Promise.all(bodies.map((body) => sent(instance, body)))
  assert.deepEqual([...new Set(first.map(({ code, replayed }) => `${code} ${replayed}`))], ['10001 undefined'])
  const again = await Promise.all(bodies.map((body) => sent(instance, body)))
  assert.deepEqual([...new Set(again.map(({ code }) => code))].sort(), [10001, 1409])
  assert.equal(await counted(instance.db, 'n'), bodies.length)
})

test('while the storage is broken: writes 1507, not writable, reads served; healthy once it can be repaired', async (t) => {
  const { instance, faults, works, bodies } = await faulty(t)
  const [body = ''] = bodies
  faults.commit = 'before'
  faults.repair = true
  assert.equal((await sent(instance, body)).code, 1507)
  assert.equal((await sent(instance, body)).code, 1507)
  assert.deepEqual([await instance.writable(), (await instance.call('list-users')).code], [false, 3031])
  const kept = setTimeout(() => undefined, 10_000)
  faults.repair = false
  await works
  clearTimeout(kept)
  // A probe that failed is believed for a quarter of a second.
  await until('the storage is writable again', () => instance.writable())
  assert.equal((await sent(instance, body)).code, 10001)
  assert.equal(await counted(instance.db, 'n'), 1)
})

test('authorities that a failed transaction touched are read anew', async (t) => {
  const { instance, faults } = await faulty(t)
  const vendor = { apiKey: 'vendor', secret: 'a-secret-that-a-vendor-gave-out' }
  const importing = () =>
    instance.call(
      'keys/import',
      { key: vendor.apiKey, secret: vendor.secret, account: 1 },
      { idempotencyKey: 'import-1' },
    )
  faults.commit = 'before'
  assert.equal((await importing()).code, 1507)
  assert.equal((await instance.call('whoami', {}, { by: vendor })).code, 1401)
  assert.equal((await importing()).code, 6151)
  assert.equal((await instance.call('whoami', {}, { by: vendor })).code, 9011)
})
