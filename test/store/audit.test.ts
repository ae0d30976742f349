import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { type AuditEntry, chained } from '../../src/store/audit.js'
import { counter, instanceFor, minting } from '../src/probes.js'
import type { TestInstance } from '../support/instance.js'
import { elsewhere } from '../support/keys.js'

type Row = AuditEntry & { readonly node: string; readonly seq: number; readonly hash: string }

const trail = (instance: TestInstance) => instance.db.all<Row>('select * from audit order by node, seq')

/** The first row whose hash or place does not hold, worked out from the audit key alone; undefined when all do. */
async function firstBroken(instance: TestInstance): Promise<number | undefined> {
  const key = instance.vault.derive('audit')
  let previous = { seq: 0, hash: '' }
  for (const row of await trail(instance)) {
    const hash = createHmac('sha256', key)
      .update(chained(row.node, row.seq, row, previous.hash))
      .digest('hex')
    if (row.seq !== previous.seq + 1 || row.hash !== hash) return row.seq
    previous = row
  }
  return undefined
}

const write = (instance: TestInstance, id: string, options: object = {}) =>
  instance.call('count', { id }, { idempotencyKey: `job-count-${id}`, ...options })

test('every committed write has exactly one audit row; reads and refusals join the next write, repeats have none', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command, minting] })
  const written = [
    await write(instance, 'a'),
    await instance.call('count', { id: 'b', refuse: true }),
    await instance.call('count', { id: 'c' }, { dryRun: true }),
    await instance.call('mint', { id: 'd' }),
    await instance.call('request-status', { of_idempotency_key: 'job-count-void', void: true }),
  ].map(({ request_id }) => request_id)
  const others = [
    await write(instance, 'a'),
    await instance.call('count', { id: 'b', refuse: true }),
    await instance.call('count', { id: 7 }),
    await instance.call('list-users'),
    await instance.call('ping'),
  ]
  assert.deepEqual(
    others.map(({ code }) => code),
    [10001, 1409, 1422, 3031, 9001],
  )
  const next = await write(instance, 'e')
  const noted = others.slice(2)
  assert.deepEqual(
    (await trail(instance)).map(({ request_id }) => request_id),
    [...written, ...[next, ...noted].map(({ request_id }) => request_id)],
  )
  assert.equal(await firstBroken(instance), undefined)
})

test('a row says who did what to what, when, from where and with which outcome', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const before = Date.now()
  const { request_id } = await write(instance, 'a')
  const [row] = await trail(instance)
  assert.ok(row && row.at_ms >= before && row.at_ms <= Date.now())
  const { account, key_id, address, dialect, command, target, code, dry_run } = row
  assert.deepEqual(
    { account, key_id, address, dialect, command, target, code, dry_run, request_id: row.request_id },
    {
      account: 1,
      key_id: instance.owner.apiKey,
      address: '127.0.0.1',
      dialect: 'native',
      command: 'count',
      target: 'a',
      code: 10001,
      dry_run: 0,
      request_id,
    },
  )
  assert.match(row.principal, /^owner:[0-9a-f]{32}$/)
})

test('50 writes at once make one unbroken chain', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  await Promise.all(Array.from({ length: 50 }, (_, index) => write(instance, `n${index}`)))
  const rows = await trail(instance)
  assert.deepEqual([rows.length, rows.at(-1)?.seq, await firstBroken(instance)], [50, 50, undefined])
})

const tampering: readonly (readonly [what: string, sql: string, broken: number])[] = [
  ['an edited outcome', 'update audit set code = 10000 where seq = 3', 3],
  ['an edited target', `update audit set target = 'x' where seq = 3`, 3],
  ['an edited time', 'update audit set at_ms = at_ms + 1 where seq = 3', 3],
  ['an edited principal', `update audit set principal = 'owner:x' where seq = 3`, 3],
  ['an edited detail', `update audit set detail = '' where seq = 3`, 3],
  ['a row taken out of the middle', 'delete from audit where seq = 3', 4],
  [
    'a row taken out and the rest moved up',
    'delete from audit where seq = 3; update audit set seq = seq - 1 where seq > 3',
    3,
  ],
  ['the first row taken away', 'delete from audit where seq = 1', 2],
  [
    'two rows exchanged',
    'update audit set seq = 7 - seq + 100 where seq in (3, 4); update audit set seq = seq - 100 where seq > 100',
    3,
  ],
]
for (const [what, sql, broken] of tampering) {
  test(`${what} breaks the chain at row ${broken}`, async (t) => {
    const instance = await instanceFor(t, { extra: [counter().command] })
    for (const id of ['a', 'b', 'c', 'd', 'e']) await write(instance, id)
    assert.equal(await firstBroken(instance), undefined)
    for (const statement of sql.split('; ')) await elsewhere(instance, statement)
    assert.equal(await firstBroken(instance), broken)
  })
}

test('a row of another course of events, put back in its place, breaks the chain at the next row', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  for (const id of ['a', 'b', 'c']) await write(instance, id)
  const columns =
    'node, seq, at_ms, account, principal, key_id, address, dialect, command, target, code, dry_run, request_id, detail, hash'
  await elsewhere(instance, `create table saved as select ${columns} from audit where seq = 3`)
  // What is cut off at the end is found only with a checkpoint kept elsewhere.
  await elsewhere(instance, 'delete from audit where seq = 3')
  for (const id of ['d', 'e']) await write(instance, id)
  assert.equal(await firstBroken(instance), undefined)
  await elsewhere(instance, 'delete from audit where seq = 3')
  await elsewhere(instance, `insert into audit (${columns}) select ${columns} from saved`)
  assert.equal(await firstBroken(instance), 4)
})

test('two instances on one file keep one unbroken chain', async (t) => {
  const { command } = counter()
  const one = await instanceFor(t, { extra: [command] })
  const two = await instanceFor(t, { extra: [command], folder: one.folder })
  const replies = await Promise.all(
    Array.from({ length: 60 }, (_, index) => write(index % 2 ? one : two, `n${index}`, { by: one.owner })),
  )
  assert.deepEqual([...new Set(replies.map(({ code }) => code))], [10001])
  const rows = await trail(one)
  assert.deepEqual(
    [rows.length, new Set(rows.map(({ node }) => node)).size, await firstBroken(one)],
    [60, 1, undefined],
  )
})

test('a transaction that was taken back leaves no gap in the chain', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  await write(instance, 'a')
  probe.afterEffect = () => {
    throw new Error('no')
  }
  assert.equal((await write(instance, 'b')).code, 1500)
  probe.afterEffect = () => undefined
  await write(instance, 'b')
  const rows = (await trail(instance)).map(({ seq, code }) => [seq, code])
  // What was refused has its row with the next write.
  const expected = [1, 10001, 2, 10001, 3, 1500]
  assert.deepEqual([rows.flat(), await firstBroken(instance)], [expected, undefined])
})

test('what the command line does is in the chain, under the operating system’s user', async (t) => {
  const instance = await instanceFor(t)
  const { done } = await instance.local('set-user', { id: 'alice', user: { type: 3 } }, { account: 1, uid: 1000 })
  const [row] = await trail(instance)
  assert.deepEqual(
    [done, row?.principal, row?.key_id, row?.dialect, row?.target],
    [true, 'local:1000', null, 'local', 'alice'],
  )
  assert.equal(await firstBroken(instance), undefined)
})
