import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Claims } from '../../src/store/claims.js'
import type { Db, Session } from '../../src/store/db.js'
import { digestOf } from '../../src/store/digest.js'
import { digestsPerFilter } from '../../src/store/digest-filter.js'
import { Meta } from '../../src/store/meta.js'
import { Partitions, type Place } from '../../src/store/partitions.js'
import { sqliteOnly } from '../support/postgres.js'
import { until } from '../support/until.js'
import { counts, databaseFile, entry, ledgerOn, migrated, put, puts } from './support.js'

const size = 3

/** Partitions that end with the test. */
function partitionsOf(t: TestContext, db: Db, claims = size): Partitions {
  const partitions = new Partitions(db, claims)
  t.after(() => partitions.close())
  return partitions
}

/** Makes a claim where the place says; the number of its partition. */
async function claim(session: Session, place: Place, digest: string): Promise<number> {
  const request_id = `r-${digest}`
  const made = {
    request_id,
    identity_digest: digest,
    account: 1,
    principal: 'p',
    command: 'c',
    timestamp: 1,
    mac: '',
    params_mac: '',
  }
  const rest = { code: 1, outcome: null, sealed: 0, created_at: 1 }
  assert.ok(await new Claims(session).insert({ ...made, ...rest }, place.partition))
  place.made()
  return place.partition
}

/** A transaction a claim. */
async function claimEach(db: Db, partitions: Partitions, digests: readonly string[]): Promise<Map<string, number>> {
  const held = new Map<string, number>()
  for (const digest of digests) {
    held.set(digest, await db.transaction(async (session) => claim(session, await partitions.enter(session), digest)))
  }
  return held
}

const digests = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => digestOf(`${from + n}`))
const strangers = Array.from({ length: 20 }, (_, n) => digestOf(`never ${n}`))
const place = (db: Db, partitions: Partitions) => db.transaction((session) => partitions.enter(session))

/** Until every partition that is closed has its filter: who asks for what was never there is then sent to the last one alone. */
const filtered = (db: Db, partitions: Partitions) =>
  until('every filter', async () => {
    const now = await place(db, partitions)
    return strangers.every((digest) => now.mayHold(digest).length === 1)
  })

test(
  'claims go into partitions of a size, and each is asked for where it lies, with filters and without',
  sqliteOnly,
  async (t) => {
    const db = await migrated(t)
    const partitions = partitionsOf(t, db)
    const held = await claimEach(db, partitions, digests(0, 20))
    assert.deepEqual([...held.values()], [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6])
    const asked = async (those: Partitions) => {
      const now = await place(db, those)
      for (const [digest, number] of held) assert.ok(now.mayHold(digest).includes(number), `${digest} in ${number}`)
      return [...held.keys()].reduce((sum, digest) => sum + now.mayHold(digest).length, 0)
    }
    await filtered(db, partitions)
    // The last one, and, for those of the other six, the one where they lie.
    assert.equal(await asked(partitions), 20 + 18)
    const anew = partitionsOf(t, db)
    assert.equal(await asked(anew), 20 * 7, 'before anything was read')
    await filtered(db, anew)
    assert.equal(await asked(anew), 20 + 18)
    // Two of the first partition are forgotten, and the third is not.
    await db.transaction((session) =>
      session.run(`delete from claims where identity_digest in ($1, $2)`, digests(0, 2)),
    )
    await anew.forgotten()
    assert.deepEqual((await place(db, anew)).mayHold(digestOf('2')), [6, 0])
  },
)

test('a partition of before there were any is read whole, however much it holds', sqliteOnly, async (t) => {
  const db = await migrated(t)
  const count = digestsPerFilter + 20_000
  await db.transaction(async (session) => {
    for (let n = 0; n < count; n++) {
      await session.run(`insert into claims values ($1, $2, 1, 'p', 'c', 1, '', '', 1, null, 0, 1, 0)`, [
        String(n),
        digestOf(`${n}`),
      ])
    }
  })
  const partitions = partitionsOf(t, db, digestsPerFilter)
  assert.equal((await place(db, partitions)).partition, 1)
  await filtered(db, partitions)
  const now = await place(db, partitions)
  for (let n = 0; n < count; n++) assert.deepEqual(now.mayHold(digestOf(`${n}`)), [1, 0])
  const wrong = digests(count, count + 20_000).filter((digest) => now.mayHold(digest).length > 1)
  assert.ok(wrong.length < 60, `${wrong.length} of 20,000`)
})

test(
  'a partition whose successor was taken back is not closed: what goes into it afterwards is found',
  sqliteOnly,
  async (t) => {
    const file = databaseFile(t)
    const [here, there] = [await migrated(t, file), await migrated(t, file)]
    const [mine, other] = [partitionsOf(t, here), partitionsOf(t, there, size + 1)]
    await claimEach(here, mine, digests(0, size))
    await assert.rejects(
      here.transaction(async (session) => {
        assert.equal((await mine.enter(session)).partition, 1)
        throw new Error('taken back')
      }),
      /taken back/,
    )
    // Time to read a filter over the first partition, if it were taken for closed.
    await new Promise((resolve) => setTimeout(resolve, 50))
    const late = await claimEach(there, other, digests(10, 13))
    assert.deepEqual([...late.values()], [0, 1, 1])
    const now = await place(here, mine)
    for (const [digest, number] of late) assert.ok(now.mayHold(digest).includes(number), `in ${number}`)
    await filtered(here, mine)
    for (const [digest, number] of late)
      assert.ok((await place(here, mine)).mayHold(digest).includes(number), `in ${number}`)
  },
)

test(
  'a partition is used once: when everything is forgotten the next claim does not go back to the first',
  sqliteOnly,
  async (t) => {
    const db = await migrated(t)
    const partitions = partitionsOf(t, db)
    await claimEach(db, partitions, digests(0, 8))
    await filtered(db, partitions)
    await db.transaction((session) => session.run('delete from claims'))
    await partitions.forgotten()
    assert.deepEqual((await place(db, partitions)).mayHold(digestOf('0')), [2])
    assert.deepEqual([...(await claimEach(db, partitionsOf(t, db), digests(20, 23))).values()], [2, 2, 2])
  },
)

test(
  'a resend is known in whatever partition its claim lies, to the same process, to another one, and to the next',
  sqliteOnly,
  async (t) => {
    const file = databaseFile(t)
    const ids = Array.from({ length: 30 }, (_, n) => `e${n}`)
    const [db, beside] = [await migrated(t, file), await migrated(t, file)]
    const [ledger, other] = [ledgerOn(db, size), ledgerOn(beside, size)]
    const answers = (by: typeof ledger) => Promise.all(ids.map((id) => by.submit(entry(id, put(id)))))
    for (const id of ids) {
      const both = await Promise.all([ledger.submit(entry(id, put(id))), other.submit(entry(id, put(id)))])
      assert.deepEqual(both.sort(), ['ran', 'seen'], id)
    }
    for (let round = 0; round < 3; round++) {
      for (const by of [ledger, other, ledgerOn(db, size)]) {
        assert.deepEqual(
          await answers(by),
          ids.map(() => 'seen'),
        )
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    assert.deepEqual([await puts(db), (await counts(db))?.claims], [ids.toSorted(), 30])
    assert.ok((await new Meta(db).partition()) >= 6)
  },
)

test(
  'one transaction with more claims than a partition holds, and with twins, keeps each once',
  sqliteOnly,
  async (t) => {
    const db = await migrated(t)
    const ledger = ledgerOn(db, size)
    const submit = (from: number, to: number) =>
      Promise.all(digests(from, to).map((id) => ledger.submit(entry(id, put(id)))))
    await submit(0, size)
    const twice = await Promise.all([submit(0, 40), submit(0, 40)])
    const ran = twice.flat().filter((answer) => answer === 'ran')
    assert.deepEqual([ran.length, (await counts(db))?.claims], [40 - size, 40])
  },
)

test('a gateway of before there were partitions, which still runs, can neither look a claim up nor make one', async (t) => {
  const db = await migrated(t)
  await db.transaction((session) =>
    assert.rejects(session.all('select request_id from claims where digest = $1', ['e'])),
  )
  const insert = `insert into claims (request_id, digest, account, principal, command, timestamp, mac, params_mac, code, outcome,
    sealed, created_at) values ('r', 'e', 1, 'p', 'c', 1, '', '', 1, null, 0, 1) on conflict do nothing`
  await assert.rejects(db.transaction((session) => session.run(insert)))
  assert.equal((await counts(db))?.claims, 0)
})

test('who does not know the partitions finds a claim in any of them', async (t) => {
  const db = await migrated(t)
  const held = new Map([0, 1, 3, 700].map((partition) => [digestOf(`in ${partition}`), partition]))
  for (const [digest, partition] of held) {
    const place = { partition, mayHold: () => [], made: () => undefined }
    await db.transaction((session) => claim(session, place, digest))
  }
  for (const digest of held.keys()) assert.equal((await new Claims(db).find(digest))?.request_id, `r-${digest}`)
  assert.equal(await new Claims(db).find(digestOf('nowhere')), undefined)
})
