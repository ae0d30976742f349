import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Recent } from '../../src/recent.js'
import { Tries } from '../../src/tries.js'

const start = 1_795_332_418_000

/** A try that fails. */
function fail(tries: Tries, name: string): void {
  tries.begin(name)
  tries.end(name, true)
}

test('so many failures a minute and name; what is right counts for nothing; a minute later all are forgotten', () => {
  let now = start
  const tries = new Tries(2, () => now)
  for (const name of ['a', 'a', 'b']) {
    assert.equal(tries.wait(name), 0)
    fail(tries, name)
    tries.begin('c')
    tries.end('c', false)
  }
  now += 20_000
  assert.deepEqual(
    ['a', 'b', 'c'].map((name) => tries.wait(name)),
    [40_000, 0, 0],
  )
  now += 40_000
  assert.equal(tries.wait('a'), 0)
})

test('tries under way leave no room for more than could fail, and give it back when they do not', async () => {
  const tries = new Tries(2, () => start)
  for (const _ of [1, 2]) tries.begin('a')
  assert.deepEqual([tries.full('a'), tries.wait('a')], [true, 0])
  let woken = 0
  const waiting = [1, 2].map(() => tries.ended('a').then(() => woken++))
  tries.end('a', false)
  await Promise.all(waiting)
  assert.deepEqual([woken, tries.full('a')], [2, false])
  fail(tries, 'a')
  tries.end('a', true)
  assert.deepEqual([tries.full('a'), tries.wait('a')], [true, 60_000])
  await tries.ended('a')
})

test('names that never come back are not kept for ever, and those of the last minute are kept before older ones', () => {
  let now = start
  const tries = new Tries(1, () => now)
  for (let n = 0; n < 10_000; n++) fail(tries, `old ${n}`)
  now += 60_000
  fail(tries, 'held')
  for (let n = 0; n < 9_000; n++) fail(tries, `new ${n}`)
  assert.ok(tries.wait('held') > 0)
})

test('what is asked for is kept on; what nobody asks for goes with time, and the longest unused one for want of room', () => {
  let now = start
  const recent = new Recent(3, 1_000, () => now)
  for (const name of ['a', 'b', 'c']) recent.add(name)
  assert.ok(recent.has('a'))
  recent.add('d')
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((name) => recent.has(name)),
    [true, false, true, true],
  )
  now += 600
  assert.ok(recent.has('a'))
  now += 600
  assert.deepEqual(
    ['a', 'c'].map((name) => recent.has(name)),
    [true, false],
  )
})
