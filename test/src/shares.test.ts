import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refusal } from '../../src/refusal.js'
import { Shares } from '../../src/shares.js'

const never = Number.POSITIVE_INFINITY

test('an account does so many at once, its further calls in the order of their coming, and another account waits for none of them', async () => {
  const shares = new Shares(2)
  const begun: string[] = []
  const ends: (() => void)[] = []
  const work = (name: string) => () => {
    begun.push(name)
    return new Promise<void>((resolve) => ends.push(resolve))
  }
  const all = ['a', 'b', 'c', 'd'].map((name) => shares.run(1, never, work(name)))
  all.push(shares.run(2, never, work('other')))
  assert.deepEqual(begun, ['a', 'b', 'other'])
  for (let n = 0; n < 5; n++) {
    while (ends.length === 0) await new Promise((resolve) => setImmediate(resolve))
    ends.shift()?.()
  }
  await Promise.all(all)
  assert.deepEqual(begun, ['a', 'b', 'other', 'c', 'd'])
})

test('a failure gives its place back, and a turn that comes too late does nothing', async () => {
  const shares = new Shares(1)
  const failing = shares.run(1, never, () => Promise.reject(new Error('a bug')))
  const late = shares.run(1, 0, () => Promise.resolve('done too late'))
  await assert.rejects(failing, /a bug/)
  await assert.rejects(late, (error) => error instanceof Refusal && error.code === 'TIMED_OUT')
  assert.equal(await shares.run(1, never, async () => 'served'), 'served')
})
