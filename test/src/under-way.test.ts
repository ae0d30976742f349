import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { test } from 'node:test'
import { UnderWay } from '../../src/under-way.js'

test('what is under way is found until it is deleted, those that meet in one bucket too', () => {
  const underWay = new UnderWay<number>()
  const expected = new Map<string, number>()
  const names = Array.from({ length: 300 }, (_, n) => `${n % 3 ? 'AA' : 'AB'}${randomBytes(15).toString('base64url')}`)
  for (let step = 0; step < 30_000; step++) {
    const name = names[randomInt(names.length)] ?? ''
    assert.equal(underWay.get(name), expected.get(name))
    assert.equal(underWay.has(name), expected.has(name))
    if (expected.has(name) || randomInt(4) === 0) {
      underWay.delete(name)
      expected.delete(name)
    } else {
      underWay.add(name, step)
      expected.set(name, step)
    }
  }
  assert.ok(expected.size > 100)
  for (const [name, step] of expected) assert.equal(underWay.get(name), step)
})

test('one of a value that is nothing is there all the same, and texts of any length have a place', () => {
  const underWay = new UnderWay<undefined>()
  for (const name of ['', 'a', 'ab', 'é€', '\u{1f600}']) {
    underWay.add(name, undefined)
    assert.ok(underWay.has(name), name)
  }
  underWay.delete('b')
  underWay.delete('a')
  assert.ok(!underWay.has('a') && underWay.has('ab') && underWay.has(''))
})
