import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { readCheckpoints } from '../../src/checkpoint.js'
import { Audit, type ChainMac } from '../../src/store/audit.js'
import { signCut, signSeam } from '../../src/store/audit-chain.js'
import { type Checkpoint, signCheckpoint } from '../../src/store/audit-checkpoint.js'
import { chainHeads } from '../../src/store/audit-heads.js'
import { AuditTrail } from '../../src/store/audit-trail.js'
import type { Db } from '../../src/store/db.js'
import { Meta } from '../../src/store/meta.js'
import { migrate } from '../../src/store/migrate.js'
import { noPostgres } from '../support/postgres.js'
import { auditEntry, migrations, open, openSchema } from './support.js'

const macOf =
  (key: string): ChainMac =>
  (text) =>
    createHmac('sha256', key).update(text).digest('hex')

const firstKey = macOf('the first audit key')
const secondKey: ChainMac = Object.assign(macOf('the second audit key'), { before: () => firstKey })

const engines: readonly (readonly [name: string, skip: string | false, open: (t: TestContext) => Promise<Db>])[] = [
  ['SQLite', false, async (t) => open(t)],
  ['PostgreSQL', noPostgres ?? false, (t) => openSchema(t)],
]

interface Chain {
  /** Rows that the checkpoint covers, how many of them were cut since, and how many follow. */
  readonly rows: number
  readonly cut: number
  readonly later: number
}

const nameOf = (index: number): string => (index === 0 ? 'node' : `node.${index + 1}`)

async function write(db: Db, node: string, rows: number, mac: ChainMac, tag = ''): Promise<void> {
  await db.transaction(async (session) => {
    const audit = new Audit(session)
    const entries = Array.from({ length: rows }, (_, n) =>
      auditEntry({ request_id: `${node}-${n}${tag}`, target: 'one' }),
    )
    await audit.appendAll(node, entries, await audit.head(node), mac)
  })
}

/** Removes rows as `audit cut` does. */
async function cutAt(db: Db, node: string, upTo: number, mac: ChainMac): Promise<void> {
  await db.transaction(async (session) => {
    const row = await session.get<{ hash: string }>('select hash from audit where node = $1 and seq = $2', [node, upTo])
    const cut = signCut({ node, seq: upTo, hash: row?.hash ?? '', at: 2 }, mac)
    await new Meta(session).set(`audit_cut:${node}`, JSON.stringify(cut))
    await session.run('delete from audit where node = $1 and seq <= $2', [node, upTo])
  })
}

/** Pins the end of every chain under the second key, as `rekey` does. */
async function changeKey(db: Db): Promise<void> {
  await db.transaction(async (session) => {
    for (const { node, seq, hash } of await chainHeads(session)) {
      const seam = signSeam({ node, seq, hash, at: 3, key: 'sealed' }, secondKey)
      await new Meta(session).set(`audit_seam:${node}:${String(seq).padStart(16, '0')}`, JSON.stringify(seam))
    }
  })
}

const changes = [
  ...['at_ms', 'account', 'code'].map((column) => `${column} = ${column} + 1`),
  ...['principal', 'key_id', 'address', 'dialect', 'command', 'target', 'request_id', 'hash'].map(
    (column) => `${column} = ${column} || 'x'`,
  ),
  'dry_run = 1 - dry_run',
  `detail = '{}'`,
]

type Tampering = 'change' | 'delete' | 'cut the tail' | 'cut the tail, and go on' | 'remove the chain'

const tamperings: readonly Tampering[] = [
  'change',
  'delete',
  'cut the tail',
  'cut the tail, and go on',
  'remove the chain',
]

async function tamper(db: Db, how: Tampering, node: string, seq: number, change: string, mac: ChainMac): Promise<void> {
  const where: Record<Tampering, string> = {
    change: 'node = $1 and seq = $2',
    delete: 'node = $1 and seq = $2',
    'cut the tail': 'node = $1 and seq >= $2',
    'cut the tail, and go on': 'node = $1 and seq >= $2',
    'remove the chain': 'node = $1 and seq >= 0 * $2',
  }
  await db.transaction(async (session) => {
    const sql = how === 'change' ? `update audit set ${change}` : 'delete from audit'
    assert.ok((await session.run(`${sql} where ${where[how]}`, [node, seq])) > 0)
    if (how === 'remove the chain') {
      await session.run('delete from meta where name = $1', [`audit_cut:${node}`])
      await session.run('delete from meta where name like $1', [`audit_seam:${node}:%`])
    }
  })
  if (how === 'cut the tail, and go on') await write(db, node, 12, mac, 'again')
}

const chainsGiven = fc
  .array(fc.record({ rows: fc.nat(7), cut: fc.nat(6), later: fc.nat(3) }), { minLength: 1, maxLength: 5 })
  .map((chains): Chain[] => chains.map(({ rows, cut, later }) => ({ rows: rows + 1, cut: Math.min(cut, rows), later })))

const cases = fc.record({
  chains: chainsGiven,
  rekeyed: fc.boolean(),
  how: fc.constantFrom(...tamperings),
  change: fc.constantFrom(...changes),
  /** Which chain and row, among those that there are. */
  chain: fc.nat(),
  row: fc.nat(),
})

for (const [engine, skip, openDb] of engines) {
  test(`${engine}: one row that a checkpoint covers, any tail that begins there, or a whole chain: what was changed or removed is found`, {
    skip,
  }, async (t) => {
    const db = await openDb(t)
    await migrate(db, migrations, 1)
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(cases, async ({ chains, rekeyed, how, change, chain: which, row, ...rest }) => {
        await db.transaction(async (session) => {
          await session.run('delete from audit')
          await session.run(`delete from meta where name like 'audit_%'`)
        })
        for (const [index, { rows }] of chains.entries()) await write(db, nameOf(index), rows, firstKey)
        const first = new AuditTrail(db, firstKey)
        const checkpoint = first.sign(await first.heads(), 1)
        for (const [index, { cut }] of chains.entries()) if (cut > 0) await cutAt(db, nameOf(index), cut, firstKey)
        const mac = rekeyed ? secondKey : firstKey
        if (rekeyed) {
          for (const { node, seq, hash } of await new AuditTrail(db, firstKey).cuts()) {
            const again = JSON.stringify(signCut({ node, seq, hash, at: 2 }, secondKey))
            await db.transaction((session) => new Meta(session).set(`audit_cut:${node}`, again))
          }
          await changeKey(db)
        }
        for (const [index, { later }] of chains.entries()) await write(db, nameOf(index), later, mac)
        const trail = new AuditTrail(db, mac)
        const before = await trail.verify([checkpoint])
        assert.equal(before.broken?.why, undefined)
        assert.equal(await trail.disagrees(checkpoint), undefined)

        const index = which % chains.length
        const { rows, cut } = chains[index] ?? { rows: 1, cut: 0 }
        await tamper(db, how, nameOf(index), cut + 1 + (row % (rows - cut)), change, mac)
        seen.add(how)
        assert.ok((await trail.verify([checkpoint])).broken, JSON.stringify({ how, ...rest }))
        if (how !== 'change' && how !== 'delete') assert.ok(await trail.disagrees(checkpoint))
      }),
      { numRuns: engine === 'SQLite' ? 100 : 40 },
    )
    assert.equal(seen.size, tamperings.length)
  })
}

/** Two chains of three rows. */
async function twoChains(t: TestContext) {
  const db = open(t)
  await migrate(db, migrations, 1)
  for (const node of ['node', 'node.2']) await write(db, node, 3, firstKey)
  return { db, trail: new AuditTrail(db, firstKey) }
}

test('a checkpoint of an earlier version, of one chain, still holds and still finds a tail that was cut off', async (t) => {
  const { db, trail } = await twoChains(t)
  const head = (await trail.heads())[1]
  assert.ok(head)
  const { node, seq, hash } = head
  const old = { node, seq, hash, at: 7, mac: firstKey(JSON.stringify(['checkpoint', node, seq, hash, 7])) }
  for (const line of [JSON.stringify(old), JSON.stringify({ level: 30, audit_head: old, msg: 'head' })]) {
    const [read] = readCheckpoints(line)
    assert.ok(read)
    assert.equal((await trail.verify([read])).broken, undefined)
    assert.equal(await trail.disagrees(read), undefined)
  }
  await tamper(db, 'remove the chain', 'node.2', 1, '', firstKey)
  assert.match(
    (await trail.verify(readCheckpoints(JSON.stringify(old)))).broken?.why ?? '',
    /chain node.2 has no rows.*saw row 3/,
  )
})

test('a head that was left out of a checkpoint, or put into it, makes the checkpoint one that nobody signed', async (t) => {
  const { trail } = await twoChains(t)
  const heads = await trail.heads()
  const whole = trail.sign(heads, 1)
  const altered: readonly Checkpoint[] = [
    { ...whole, heads: whole.heads.slice(1) },
    { ...whole, heads: whole.heads.toReversed() },
    { ...whole, heads: [...whole.heads, { node: 'node.3', seq: 1, hash: 'f' }] },
    { ...whole, heads: [] },
  ]
  assert.equal((await trail.verify([whole])).broken, undefined)
  for (const one of altered) {
    assert.match((await trail.verify([one])).broken?.why ?? '', /not one that this instance signed/)
    assert.match((await trail.disagrees(one)) ?? '', /not one that this instance signed/)
  }
})

test('a row that was exchanged between two checkpoints is found, whichever of them agrees with the trail', async (t) => {
  const { db, trail } = await twoChains(t)
  const before = trail.sign(await trail.heads(), 1)
  await tamper(db, 'cut the tail', 'node.2', 2, '', firstKey)
  await db.transaction(async (session) => {
    const audit = new Audit(session)
    const others = [1, 2].map((n) => auditEntry({ request_id: `other-${n}` }))
    await audit.appendAll('node.2', others, await audit.head('node.2'), firstKey)
  })
  const after = trail.sign(await trail.heads(), 2)
  assert.equal((await trail.verify([after])).broken, undefined)
  for (const both of [
    [before, after],
    [after, before],
  ]) {
    assert.match((await trail.verify(both)).broken?.why ?? '', /saw different rows 3/)
  }
})

test('a cut leaves the last row of its chain: a chain that has only its cut was cut off', async (t) => {
  const { db, trail } = await twoChains(t)
  await cutAt(db, 'node.2', 2, firstKey)
  assert.equal((await trail.verify()).broken, undefined)
  await db.transaction((session) => session.run(`delete from audit where node = 'node.2'`))
  assert.match((await trail.verify()).broken?.why ?? '', /no row is left after the cut at row 2/)
})

test('what is no checkpoint is not read as one', () => {
  const whole = signCheckpoint([{ node: 'node', seq: 1, hash: 'f' }], 1, firstKey)
  assert.deepEqual(readCheckpoints(JSON.stringify(whole)), [whole])
  const rows = [
    '{"hash"',
    '{"hash":1}',
    JSON.stringify({ ...whole, at: 'x' }),
    JSON.stringify({ ...whole, mac: 1 }),
    JSON.stringify({ ...whole, heads: [...whole.heads, { node: 'node', seq: 1.5, hash: 'f' }] }),
    JSON.stringify({ ...whole, heads: ['hash'] }),
    JSON.stringify({ ...whole, heads: [null, { hash: 1 }] }),
    JSON.stringify({ hash: 'f', heads: [] }),
  ]
  for (const line of rows) assert.deepEqual(readCheckpoints(line), [], line)
})
