import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refusal } from '../../src/command.js'
import type { TestInstance, TestReply } from '../support/instance.js'
import { counted, counter, fifthStep, gate, instanceFor, sent, signed } from './probes.js'

const key = 'job-81-step-3'

function tally(replies: readonly TestReply[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { code, replayed } of replies) {
    const what = `${code}${replayed ? ' replayed' : ''}`
    counts[what] = (counts[what] ?? 0) + 1
  }
  return counts
}
const storm = 50

for (const slow of [false, true]) {
  const pace = slow ? 'a slow preparation' : 'no wait'
  const prepared = (instance: TestInstance) => (slow ? instance.db.get('select 1').then(() => undefined) : undefined)

  test(`50 identical keyed messages at once, with ${pace}: one effect, one preparation, one outcome for all`, async (t) => {
    const probe = counter()
    const instance = await instanceFor(t, { extra: [probe.command] })
    probe.beforePrepared = () => prepared(instance)
    const body = signed(instance, 'count', { id: 'n' }, { idempotencyKey: key })
    const replies = await Promise.all(Array.from({ length: storm }, () => sent(instance, body)))
    assert.deepEqual(tally(replies), { 10001: 1, '10001 replayed': storm - 1 })
    assert.deepEqual(new Set(replies.map(({ result }) => result.sum)), new Set([1]))
    assert.deepEqual([await counted(instance.db, 'n'), probe.ran, probe.prepared], [1, 1, 1])
  })

  test(`50 freshly signed twins at once, with ${pace}: one effect, one preparation`, async (t) => {
    const probe = counter()
    const instance = await instanceFor(t, { extra: [probe.command] })
    probe.beforePrepared = () => prepared(instance)
    const bodies = Array.from({ length: storm }, (_, index) =>
      signed(instance, 'count', { id: 'n' }, { idempotencyKey: key, timestamp: instance.seconds() + index }),
    )
    const replies = await Promise.all(bodies.map((body) => sent(instance, body)))
    assert.deepEqual(tally(replies), { 10001: 1, '10001 replayed': storm - 1 })
    assert.deepEqual([await counted(instance.db, 'n'), probe.ran, probe.prepared], [1, 1, 1])
  })

  test(`50 identical messages without a key at once, with ${pace}: one effect, 49 times 1409`, async (t) => {
    const probe = counter()
    const instance = await instanceFor(t, { extra: [probe.command] })
    probe.beforePrepared = () => prepared(instance)
    const body = signed(instance, 'count', { id: 'n' })
    const replies = await Promise.all(Array.from({ length: storm }, () => sent(instance, body)))
    assert.deepEqual(tally(replies), { 10001: 1, 1409: storm - 1 })
    assert.deepEqual([await counted(instance.db, 'n'), probe.ran, probe.prepared], [1, 1, 1])
  })
}

test('when the first of many twins fails, exactly one of the others takes its place', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  probe.afterEffect = () => {
    if (probe.ran === 1) throw new Error('only the first time')
  }
  const body = signed(instance, 'count', { id: 'n' }, { idempotencyKey: key })
  const replies = await Promise.all(Array.from({ length: storm }, () => sent(instance, body)))
  assert.deepEqual(tally(replies), { 1500: 1, 10001: 1, '10001 replayed': storm - 2 })
  assert.deepEqual([await counted(instance.db, 'n'), probe.ran, probe.prepared], [1, 2, 2])
})

test('a twin with other parameters waits for the running one, and is then 1410', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  const [first, other] = await Promise.all([
    instance.call('count', { id: 'n' }, { idempotencyKey: key }),
    instance.call('count', { id: 'm' }, { idempotencyKey: key }),
  ])
  assert.deepEqual([first.code, other.code], [10001, 1410])
  assert.deepEqual([await counted(instance.db, 'm'), probe.prepared], [0, 1])
})

test('a twin waits for the first within its own time limit, then is 1411; sent again later it gets the outcome', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t)
  const { executor, authorities, call } = fifthStep(instance, [probe.command], 100)
  const authority = await authorities.load(instance.owner.apiKey)
  const ask = () => executor.execute(call(probe.command, { id: 'n' }, authority, key))
  // Another writer on the same connection: the first waits for it inside the ledger.
  const { passed, open } = gate()
  const holding = instance.db.transaction(() => passed)
  const first = ask()
  await assert.rejects(ask(), (error) => error instanceof Refusal && error.code === 'IN_PROGRESS')
  open()
  await holding
  assert.deepEqual([(await first).replayed, (await ask()).replayed], [false, true])
  assert.deepEqual([await counted(instance.db, 'n'), probe.ran, probe.prepared], [1, 1, 1])
})

test('two processes on one file get 50 twins at once: one effect, and everybody is told its outcome', async (t) => {
  const probe = counter()
  const one = await instanceFor(t, { extra: [probe.command] })
  const two = await instanceFor(t, { extra: [probe.command], folder: one.folder })
  const body = signed(one, 'count', { id: 'n' }, { idempotencyKey: key })
  const replies = await Promise.all(Array.from({ length: storm }, (_, index) => sent(index % 2 ? one : two, body)))
  assert.deepEqual(tally(replies), { 10001: 1, '10001 replayed': storm - 1 })
  assert.deepEqual([await counted(one.db, 'n'), probe.ran], [1, 1])
})
