import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Meta } from '../../src/store/meta.js'
import { type TestInstance, wireOf } from '../support/instance.js'
import { counted, counter, instanceFor, sent, signed } from './probes.js'

const window = 300
const keep = 86_400
const key = 'job-81-step-3'

const edges: readonly (readonly [skew: number, code: number])[] = [
  [-window, 9001],
  [-window - 1, 1402],
  [window, 9001],
  [window + 1, 1402],
  [0, 9001],
  [-1_000_000_000, 1402],
]
for (const [skew, code] of edges) {
  test(`a timestamp ${skew} s off the clock is ${code}${code === 1402 ? ', with the skew and the server’s time' : ''}`, async (t) => {
    // A clock that stands still: the edge is a matter of one second.
    const nowMs = 1_800_000_000_999
    const instance = await instanceFor(t, { now: () => nowMs })
    const now = Math.floor(nowMs / 1000)
    const reply = await instance.call('ping', {}, { timestamp: now + skew })
    const told = code === 1402 ? [skew, now] : [undefined, now]
    assert.deepEqual([reply.code, reply.skew, reply.server_time], [code, ...told])
  })
}

const raise = (instance: TestInstance, to: number) =>
  instance.db.transaction((session) => new Meta(session).raiseFloor(to))

test('a message at or below the floor is 1402 whatever the clock says, one above it runs; reads and writes alike', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const floor = instance.seconds() - 50
  await raise(instance, floor)
  const reopened = await instanceFor(t, { extra: [counter().command], folder: instance.folder })
  for (const cmd of ['count', 'ping']) {
    const params = cmd === 'count' ? { id: 'n' } : {}
    const codes = []
    for (const timestamp of [floor - 1, floor, floor + 1]) {
      codes.push((await reopened.call(cmd, params, { by: instance.owner, timestamp })).code)
    }
    assert.deepEqual(codes, [1402, 1402, cmd === 'count' ? 10001 : 9001])
  }
  assert.equal(await counted(instance.db, 'n'), 1)
})

test('the floor is checked again inside the transaction: raised while a message is prepared, it refuses that message', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  const timestamp = instance.seconds() - 100
  probe.beforePrepared = () => raise(instance, timestamp)
  const reply = await instance.call('count', { id: 'n' }, { idempotencyKey: key, timestamp })
  assert.deepEqual([reply.code, probe.ran, await counted(instance.db, 'n')], [1402, 0, 0])
  assert.ok((reply.skew ?? 0) <= -100)
  assert.deepEqual(await instance.db.all('select identity_digest from claims'), [])
})

test('a floor that another process raised is seen by the next message', async (t) => {
  const instance = await instanceFor(t)
  const other = await instanceFor(t, { folder: instance.folder })
  const floor = instance.seconds() - 10
  assert.equal((await instance.call('ping', {}, { timestamp: floor })).code, 9001)
  await raise(other, floor)
  // What is read in one turn of the event loop counts as sent before it.
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal((await instance.call('ping', {}, { timestamp: floor })).code, 1402)
})

test('while the floor is not behind the clock: 1503 with Retry-After for every right MAC, reads included; 1401 for a wrong one', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const now = instance.seconds()
  await raise(instance, now + 100)
  let restoredFor = 0
  const restored = await instanceFor(t, {
    extra: [counter().command],
    folder: instance.folder,
    now: () => now * 1000 + restoredFor * 1000,
  })
  const by = instance.owner
  for (const [cmd, params] of [
    ['count', { id: 'n' }],
    ['ping', {}],
    ['nothing', {}],
  ] as const) {
    for (const timestamp of [now, now + 101, now + 200]) {
      const reply = await restored.handle(wireOf(signed(restored, cmd, params, { by, timestamp })))
      const { code, retry_after } = JSON.parse(reply.body)
      assert.deepEqual([reply.status, code, retry_after], [503, 1503, 101])
      assert.ok(reply.headers.some(([name, value]) => name === 'Retry-After' && value === '101'))
      assert.ok(reply.headers.some(([name]) => name === 'Countersign-Reply'))
    }
  }
  assert.equal((await restored.call('ping', {}, { by: { ...by, secret: 'wrong' }, timestamp: now })).code, 1401)
  restoredFor = 100
  assert.equal((await restored.call('ping', {}, { by, timestamp: now + 101 })).code, 1503)
  restoredFor = 101
  assert.equal((await restored.call('ping', {}, { by, timestamp: now + 100 })).code, 1402)
  assert.equal((await restored.call('ping', {}, { by, timestamp: now + 101 })).code, 9001)
  assert.equal(await counted(instance.db, 'n'), 0)
})

/** Forgets at a moment that a client has seen as well. */
async function forgetAt(instance: TestInstance, offset: number): Promise<number> {
  instance.clock.offset = offset
  assert.equal((await instance.call('ping')).code, 9001)
  return instance.forget()
}

test('nothing is forgotten before COUNTERSIGN_KEEP, and the floor stays where it is', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  await instance.call('count', { id: 'n' }, { idempotencyKey: key })
  assert.deepEqual([await forgetAt(instance, keep - 5), await new Meta(instance.db).floor()], [0, 0])
  const twin = await instance.call('count', { id: 'n' }, { idempotencyKey: key })
  assert.deepEqual([twin.code, twin.replayed], [10001, true])
})

test('forgetting raises the floor to a window after the newest claim that is forgotten was made, no further, and the key may be used anew', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const timestamp = instance.seconds() - 7
  await instance.call('count', { id: 'n' }, { idempotencyKey: key, timestamp })
  await instance.call('count', { id: 'm' }, { timestamp: timestamp - 9 })
  const [newest] = await instance.db.all<{ made: number }>('select max(created_at) as made from claims')
  assert.equal(await forgetAt(instance, keep + 5), 2)
  assert.equal(await new Meta(instance.db).floor(), (newest?.made ?? 0) + window)
  const anew = await instance.call('count', { id: 'n' }, { idempotencyKey: key })
  assert.deepEqual([anew.code, anew.replayed, anew.result], [10001, undefined, { sum: 2 }])
})

test('a clock that steps back lets no forgotten message in, keyed or not', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const bodies = [
    signed(instance, 'count', { id: 'n' }, { idempotencyKey: key }),
    signed(instance, 'count', { id: 'n' }),
  ]
  for (const body of bodies) assert.equal((await sent(instance, body)).code, 10001)
  assert.equal(await forgetAt(instance, keep + 5), 2)
  instance.clock.offset = 0
  for (const body of bodies) assert.ok([1402, 1503].includes((await sent(instance, body)).code))
  instance.clock.offset = keep + 5
  for (const body of bodies) assert.equal((await sent(instance, body)).code, 1402)
  // Just past the floor, while the messages would be in the window of a clock that is that far behind.
  const floor = await new Meta(instance.db).floor()
  instance.clock.offset += floor + 1 - instance.seconds()
  for (const body of bodies) assert.equal((await sent(instance, body)).code, 1402)
  assert.equal(await counted(instance.db, 'n'), 2)
})

test('a claim whose message lies in the future of its making is kept until the floor has passed that', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command], keep: window })
  const body = signed(instance, 'count', { id: 'n' }, { timestamp: instance.seconds() + window - 1 })
  assert.equal((await sent(instance, body)).code, 10001)
  assert.equal((await instance.call('count', { id: 'm' })).code, 10001)
  assert.equal(await forgetAt(instance, window + 65), 0)
  assert.equal((await sent(instance, body)).code, 1409)
  assert.equal(await forgetAt(instance, 2 * window + 65), 2)
  assert.equal((await sent(instance, body)).code, 1402)
})

test('a resend that was answered from an outcome never runs by itself, even after that outcome was forgotten', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  await instance.call('count', { id: 'n' }, { idempotencyKey: key })
  instance.clock.offset = keep - 5
  const resend = signed(instance, 'count', { id: 'n' }, { idempotencyKey: key })
  assert.equal((await sent(instance, resend)).replayed, true)
  await forgetAt(instance, keep + 5)
  const again = await sent(instance, resend)
  assert.ok(again.replayed === true || again.code === 1402, JSON.stringify(again))
  assert.equal(await counted(instance.db, 'n'), 1)
})

test('one call forgets everything that is due, however much it is', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  await instance.db.transaction((session) =>
    session.run(`
      with recursive n (i) as (select 1 union all select i + 1 from n where i < 5000)
      insert into claims select '0' || i, 'i' || i, 1, 'p', 'c', 1, '', '', 1, null, 0, 1, 0 from n`),
  )
  assert.equal(await forgetAt(instance, 0), 5_000)
  assert.deepEqual(await instance.db.all('select identity_digest from claims'), [])
})
