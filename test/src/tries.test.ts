import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Recent } from '../../src/recent.js'
import { Tries } from '../../src/tries.js'

const start = 1_795_332_418_000

test('so many tries a minute and name; what was given back is there again; a minute later all are', () => {
  let now = start
  const tries = new Tries(2, () => now)
  for (const name of ['a', 'a', 'b']) {
    assert.equal(tries.wait(name), 0)
    tries.take(name)
  }
  now += 20_000
  assert.deepEqual([tries.wait('a'), tries.wait('b')], [40_000, 0])
  tries.giveBack('a')
  assert.equal(tries.wait('a'), 0)
  tries.take('a')
  now += 40_000
  assert.equal(tries.wait('a'), 0)
  tries.giveBack('a')
  for (const _ of [1, 2]) tries.take('a')
  assert.equal(tries.wait('a'), 60_000)
})

test('a clock that is set back keeps nobody waiting longer than a minute, and no name for ever', () => {
  let now = start
  const tries = new Tries(1, () => now)
  const recent = new Recent(10, 60_000, () => now)
  tries.take('a')
  recent.add('a')
  now -= 86_400_000
  assert.equal(tries.wait('a'), 0)
  assert.equal(recent.has('a'), false)
})

test('names that never come back are not kept for ever, and those of the last minute are kept before older ones', () => {
  let now = start
  const tries = new Tries(1, () => now)
  for (let n = 0; n < 10_000; n++) tries.take(`old ${n}`)
  now += 60_000
  tries.take('held')
  for (let n = 0; n < 9_000; n++) tries.take(`new ${n}`)
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
