import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../../commands/index.js'
import { instanceFor } from '../support/commands.js'
import { leastHold } from '../support/holds.js'
import { fillKeys, fillRows, fillSlices, fillStreams, fillTrail } from '../support/largest.js'

/** Milliseconds: a busy machine takes some of them. */
const floor = 50

const questions: readonly (readonly [cmd: string, params: (now: number) => object])[] = [
  ['stats/realtime', () => ({ group_by: 'slice' })],
  ['stats/indepth', (now) => ({ from: now - 600, to: now, group_by: 'slice' })],
]

test('slices of globs that nearly match are told without holding the event loop', async (t) => {
  const gateway = await instanceFor(t)
  await fillSlices(gateway, 100)
  await fillStreams(gateway, 300)
  for (const [cmd, params] of questions) {
    const { value, longest } = await leastHold(() => gateway.call(cmd, params(gateway.seconds())), floor)
    assert.ok(value.code % 2 === 1 || value.code === 1504, JSON.stringify(value))
    assert.ok(longest < floor, `${cmd} held it for ${longest} ms`)
  }
})

/** The widest questions of every read, and of writes that only tell; one that is new joins them. The state is a tenth of what its limits allow, or less. */
const reads: Readonly<Record<string, (now: number) => readonly object[]>> = {
  ping: () => [{}],
  whoami: () => [{}],
  commands: () => [{}],
  'request-status': () => [{ of_idempotency_key: 'trail-1-of-many' }],
  'get-user': () => [{ id: 'user-1' }],
  'list-users': () => [{}, { q: 'x y z' }, { page: 90, pagesize: 100 }],
  'sevu.liststreamusers': () => [{}, { app: 'nobody' }, { stream: 'stream-9000' }],
  'sevu.status': () => [{ key: 'ticket.none' }],
  'subowners/get': () => [{ id: 'none' }],
  'subowners/list': () => [{}],
  'device-passwords/list': () => [{}],
  'device-passwords/check': () => [{ user_name: 'none', password: 'none' }],
  'access-tokens/list': () => [{}],
  'keys/list': () => [{}],
  'api-access/get': () => [{ id: 'user-1' }],
  'servers/list': () => [{}],
  'slices/list': () => [{}],
  'stats/realtime': () => [{}, { group_by: 'stream' }, { group_by: 'slice' }, { slice: 'slice-1' }],
  'stats/indepth': (now) =>
    [{}, { bucket: '1m' }, { bucket: '1h' }, { bucket: '1d' }].flatMap((bucket) =>
      [{}, { group_by: 'stream' }, { group_by: 'slice' }].map((by) => ({ from: now - 600, to: now, ...bucket, ...by })),
    ),
  'stats/daily': (now) => [{ date: new Date(now * 1000).toISOString().slice(0, 10) }],
  'accounts/list': () => [{}],
  'audit/list': () => [{}, { of_command: 'none' }, { target: 'user-1' }],
  'audit/verify': () => [{}],
}

test('no read of the largest state holds the event loop for longer than 50 times a ping', async (t) => {
  const gateway = await instanceFor(t)
  await fillStreams(gateway, 500)
  await fillRows(gateway, 10_000)
  await fillSlices(gateway, 20)
  await fillTrail(gateway, 20)
  const most = Math.max(floor, 50 * (await medianOf(() => gateway.call('ping'))))
  const names = commands.filter((command) => command.reads).map(({ name }) => name)
  assert.deepEqual(
    names.filter((name) => !(name in reads)),
    [],
  )
  for (const [cmd, questions] of Object.entries(reads)) {
    for (const params of questions(gateway.seconds())) {
      const { value, longest } = await leastHold(() => gateway.call(cmd, params), most)
      assert.ok(value.code !== 1500, JSON.stringify([cmd, params, value]))
      assert.ok(longest < most, `${cmd} ${JSON.stringify(params)} held it for ${longest} ms`)
    }
  }
})

test('a cascade takes time by how many keys it ends, not by their square', async (t) => {
  const gateway = await instanceFor(t)
  const { result } = await gateway.call('keys/create', {})
  const cascade = async () => {
    const revoked = () => gateway.call('keys/revoke', { key: result.key_id, cascade: true }, { dryRun: true })
    const { value, longest } = await leastHold(revoked, floor)
    return { total: value.result.revoked_total, longest }
  }
  const madeByIt = (first: number) => (number: number) => ({
    key_id: `made-${first + number}`,
    created_by: result.key_id,
    principal_kind: 'subowner',
    principal_id: `subowner-${first + number}`,
  })
  await fillKeys(gateway, result.key_id, 2_500, madeByIt(0))
  const few = await cascade()
  await fillKeys(gateway, result.key_id, 7_500, madeByIt(2_500))
  const many = await cascade()
  assert.deepEqual([few.total, many.total], [2_501, 10_001])
  assert.ok(many.longest < 7 * few.longest, `${few.longest} ms for a quarter, ${many.longest} ms for all`)
})

test('a new key of a subowner that has had thousands holds the event loop no longer than a first one', async (t) => {
  const gateway = await instanceFor(t)
  const { result } = await gateway.call('subowners/create', { username: 'dave', password: 'x', permissions: ['api'] })
  let sent = 0
  const update = (change: object) =>
    gateway.call('subowners/update', { id: result.id, ...change }, { idempotencyKey: `update-${++sent}` })
  // Those that are shown are real ones.
  for (let made = 0; made < 50; made++) await update({ newkey: 1, grace: 0 })
  await fillKeys(gateway, result.key_id, 5_000, () => ({ expires_at: '1', created_at: '1' }))
  for (const change of [{ newkey: 1 }, { permissions: ['slice'] }, { permissions: ['api'] }]) {
    const { value, longest } = await leastHold(() => update(change), floor)
    assert.equal(value.code % 2, 1, JSON.stringify(value))
    assert.ok(longest < floor, `${JSON.stringify(change)} held it for ${longest} ms`)
  }
})

async function medianOf(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let time = 0; time < 100; time++) {
    const began = performance.now()
    await work()
    times.push(performance.now() - began)
  }
  return times.sort((a, b) => a - b)[50] ?? 0
}
