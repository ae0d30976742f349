import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials, Envelope } from '../../clients/typescript/index.js'
import { Closed } from '../../schemas/types.js'
import { ownCommand } from '../../src/command.js'
import type { AuditEntry } from '../../src/store/audit.js'
import type { TestInstance } from '../support/instance.js'
import { makeKey, makeUser } from '../support/keys.js'
import { canary, counted, counter, instanceFor, minting, sent, signed, withheld } from './probes.js'

const key = 'job-81-step-3'
const count = (id: string, more = {}) => ({ cmd: 'count', id, ...more })
const mint = { cmd: 'mint', id: 'a' }
const send = (
  instance: TestInstance,
  commands: readonly object[],
  more: Partial<Envelope> & { by?: Credentials; atomic?: boolean } = {},
) => {
  const { atomic, ...envelope } = more
  return instance.call('batch', { commands, atomic }, envelope)
}
const claims = async ({ db }: TestInstance) =>
  db.all<{ command: string; code: number }>('select command, code from claims')

test('a batch is one claim with one outcome; resent, it is answered from it and runs nothing', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  const commands = [count('a'), count('b', { refuse: true }), count('a')]
  const envelope = { idempotencyKey: key, atomic: false }
  const first = await send(instance, commands, envelope)
  assert.deepEqual(
    first.result.results.map(({ code }: { code: number }) => code),
    [10001, 10000, 10001],
  )
  // A refused item may be taken back together with those before it, which run again.
  const { ran, prepared } = probe
  const twin = await send(instance, commands, { ...envelope, timestamp: instance.seconds() + 1 })
  assert.deepEqual([twin.code, twin.replayed, twin.result], [9031, true, first.result])
  assert.deepEqual(await claims(instance), [{ command: 'batch', code: 9031 }])
  assert.deepEqual([probe.ran, probe.prepared, prepared], [ran, 3, 3])
  assert.deepEqual([await counted(instance.db, 'a'), await counted(instance.db, 'b')], [2, 0])
  for (const other of [commands.slice(1), [...commands, { cmd: 'ping' }], [commands[0], commands[2], commands[1]]]) {
    assert.equal((await send(instance, other.map(Object), envelope)).code, 1410)
  }
  assert.equal((await send(instance, commands, { ...envelope, atomic: true })).code, 1410)
})

test('without an idempotency_key the same bytes again are 1409', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  const body = signed(instance, 'batch', { commands: [count('a')] })
  assert.deepEqual([(await sent(instance, body)).code, (await sent(instance, body)).code, probe.ran], [9031, 1409, 1])
})

test('50 equal batches at once run once', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  const body = signed(instance, 'batch', { commands: [count('a'), count('a')] }, { idempotencyKey: key })
  const replies = await Promise.all(Array.from({ length: 50 }, () => sent(instance, body)))
  assert.ok(replies.every(({ code }) => code === 9031))
  assert.deepEqual([replies.filter(({ replayed }) => !replayed).length, await counted(instance.db, 'a')], [1, 2])
})

test('a batch of which nothing was kept stays refused: it cannot happen later', async (t) => {
  const instance = await instanceFor(t)
  const commands = [{ cmd: 'toggle-user', id: 'alice' }]
  assert.equal((await send(instance, commands, { idempotencyKey: key })).code, 9030)
  await makeUser(instance, 'alice', { type: 3 })
  const again = await send(instance, commands, { idempotencyKey: key, timestamp: instance.seconds() + 1 })
  assert.deepEqual([again.code, again.replayed, again.result.results[0].code], [9030, true, 3020])
  assert.equal((await instance.call('get-user', { id: 'alice' })).result.enable, true)
})

test('secrets of items are withheld from the same bytes, shown to a fresh signature, and sealed meanwhile', async (t) => {
  const instance = await instanceFor(t, { extra: [minting] })
  const commands = [{ cmd: 'ping' }, mint, { cmd: 'keys/create' }]
  const body = signed(instance, 'batch', { commands }, { idempotencyKey: key })
  const [first, same] = [await sent(instance, body), await sent(instance, body)]
  const fresh = await send(instance, commands, { idempotencyKey: key, timestamp: instance.seconds() + 1 })
  assert.equal(first.result.results[1].result.token, canary('a-token'))
  assert.match(first.result.results[2].result.secret, /^cs_/)
  assert.deepEqual([same.replayed, same.result.results[1].result], [true, withheld('a')])
  assert.equal(same.result.results[2].result.secret, null)
  assert.equal(same.result.results[2].result.key_id, first.result.results[2].result.key_id)
  assert.deepEqual([fresh.replayed, fresh.result], [true, first.result])
  const [{ outcome }] = (await instance.db.all<{ outcome: string }>('select outcome from claims')) as [
    { outcome: string },
  ]
  assert.ok(!outcome.includes('canary') && !outcome.includes('cs_'))
  const { result } = await instance.call('request-status', { of_idempotency_key: key })
  assert.deepEqual([result.state, result.outcome.code], ['done', 9031])
  assert.ok(!JSON.stringify(result).includes('canary') && !JSON.stringify(result).includes('cs_'))
})

test('a fresh twin that may no longer run an item gets the outcome without its secrets', async (t) => {
  const instance = await instanceFor(t, { extra: [minting] })
  const by = await makeKey(instance)
  await send(instance, [mint], { by, idempotencyKey: key })
  await instance.call('keys/update', { key: by.apiKey, permissions: ['*:read'] })
  const twin = await send(instance, [mint], { by, idempotencyKey: key, timestamp: instance.seconds() + 1 })
  assert.deepEqual([twin.code, twin.replayed, twin.result.results[0].result], [9031, true, withheld('a')])
})

test('a dry run of a batch tells what would happen, keeps nothing and claims nothing', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command, minting] })
  const commands = [count('a', { by: 5 }), count('a', { by: 7 }), mint, { cmd: 'keys/create' }]
  const dry = await send(instance, commands, { dryRun: true, idempotencyKey: key })
  const results = dry.result.results.map(({ result }: { result: unknown }) => result)
  assert.deepEqual([dry.code, dry.dry_run, results.slice(0, 3)], [9031, true, [{ sum: 5 }, { sum: 12 }, withheld('a')]])
  assert.equal(results[3].secret, null)
  assert.deepEqual([await counted(instance.db, 'a'), await claims(instance)], [0, []])
  const failing = await send(instance, [...commands, count('a', { refuse: true })], { dryRun: true })
  assert.deepEqual([failing.code, failing.result.results[0].code], [9030, 9030])
  assert.equal((await send(instance, commands, { idempotencyKey: key })).replayed, undefined)
  assert.equal((await auditOf(instance)).filter((row) => row.dry_run === 1).length, 5 + 6)
})

test('rate limits count items', async (t) => {
  const instance = await instanceFor(t, { limitKey: 10, elapsed: () => 0 })
  const pings = (length: number) => Array.from({ length }, () => ({ cmd: 'ping' }))
  const rows: readonly (readonly [sizes: readonly number[], codes: readonly number[]])[] = [
    [
      [5, 5],
      [9031, 9031],
    ],
    [
      [6, 5],
      [9031, 1429],
    ],
    [
      [11, 1],
      [9031, 1429],
    ],
    [
      [10, 1],
      [9031, 1429],
    ],
  ]
  for (const [sizes, codes] of rows) {
    const by = await makeKey(instance)
    const replies = await Promise.all(
      sizes.map((size, index) => send(instance, pings(size), { by, idempotencyKey: `${key}-${index}` })),
    )
    assert.deepEqual(
      replies.map(({ code }) => code),
      codes,
      JSON.stringify(sizes),
    )
  }
})

test('a bug in an item is 1500 for the whole batch: nothing is kept, nothing is told, and it may be sent again', async (t) => {
  const probe = counter()
  let broken = true
  const failing = ownCommand({
    name: 'fail',
    summary: 'Throw',
    permission: 'counters:write',
    params: Closed({}),
    result: Closed({}),
    codes: { FAILED_NOT: { code: 10005, message: 'Did not fail' } },
    async run(_params, { store }) {
      await store.records.add('count', 'b', 1)
      if (broken) throw new Error(canary('internals'))
      return ['FAILED_NOT']
    },
  })
  const instance = await instanceFor(t, { extra: [probe.command, failing] })
  const commands = [count('a'), { cmd: 'fail' }, count('a')]
  for (const atomic of [true, false]) {
    const [reply, beside] = await Promise.all([
      send(instance, commands, { atomic, idempotencyKey: key }),
      instance.call('count', { id: 'c' }, { idempotencyKey: `beside-${atomic}` }),
    ])
    assert.deepEqual([reply.code, reply.result, beside.code], [1500, undefined, 10001])
    assert.ok(!JSON.stringify(reply).includes('canary'))
  }
  assert.deepEqual(
    [await counted(instance.db, 'a'), await counted(instance.db, 'b'), await counted(instance.db, 'c')],
    [0, 0, 2],
  )
  broken = false
  assert.equal((await send(instance, commands, { idempotencyKey: key })).code, 9031)
  assert.deepEqual([await counted(instance.db, 'a'), await counted(instance.db, 'b')], [2, 1])
})

test('the audit trail has a row for the batch and one for every item, and none says done of what was not kept', async (t) => {
  const instance = await instanceFor(t)
  const by = await makeKey(instance, { permissions: ['users:*', 'keys:*'] })
  await makeUser(instance, 'alice', { type: 3 })
  const commands = [
    { cmd: 'toggle-user', id: 'alice' },
    { cmd: 'keys/update', key: by.apiKey, comment: 'mine' },
    { cmd: 'toggle-user', id: 'nobody' },
    { cmd: 'sevu.revoke', key: 'ticket' },
    { cmd: 'nothing' },
    { cmd: 'list-users' },
  ]
  const single = await send(instance, commands, { by, atomic: false })
  const rows = async (id: string) =>
    (await auditOf(instance)).filter((row) => row.request_id === id).map((row) => [row.command, row.target, row.code])
  assert.deepEqual(await rows(single.request_id), [
    ['batch', null, 9031],
    ['toggle-user', 'alice', 3021],
    ['keys/update', by.apiKey, 6121],
    ['toggle-user', 'nobody', 3020],
    ['sevu.revoke', null, 1403],
    ['nothing', null, 1404],
    ['list-users', null, 3031],
  ])
  const [changed] = (await auditOf(instance)).filter(({ command }) => command === 'keys/update')
  assert.equal(JSON.parse(changed?.detail ?? '').after.comment, 'mine')
  const whole = await send(instance, commands, { by })
  assert.deepEqual(await rows(whole.request_id), [
    ['batch', null, 9030],
    ['toggle-user', 'alice', 9030],
    ['keys/update', by.apiKey, 9030],
    ['toggle-user', 'nobody', 3020],
    ['sevu.revoke', null, 9030],
    ['nothing', null, 9030],
    ['list-users', null, 9030],
  ])
  assert.equal((await instance.call('audit/verify')).code, 9111)
})

const auditOf = ({ db }: TestInstance) => db.all<AuditEntry>('select * from audit order by seq')
