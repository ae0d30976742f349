import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../../commands/index.js'
import { instanceFor } from '../support/commands.js'
import { leastHold } from '../support/holds.js'
import { fillRows, fillSlices, fillStreams, fillTrail } from '../support/largest.js'

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

async function medianOf(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let time = 0; time < 100; time++) {
    const began = performance.now()
    await work()
    times.push(performance.now() - began)
  }
  return times.sort((a, b) => a - b)[50] ?? 0
}
