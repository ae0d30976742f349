import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rising } from '../../src/store/rising.js'

test('numbers are spelled as everywhere else, in whatever order they come', () => {
  const rising = new Rising()
  const edges = [0, 1, 999, 1_000, 1_001, 1_999, 2_000, 10_000, 999_999, 1_000_000, 2 ** 31, 2 ** 32, 1_795_962_966_097]
  const others = [
    -1,
    -1_000,
    0.5,
    1_000.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    1e21,
    Number.MAX_SAFE_INTEGER,
  ]
  for (const n of [...edges, ...others, ...edges.reverse()]) assert.equal(rising.spell(n), String(n))
  for (let n = 998_900; n < 1_002_100; n++) assert.equal(rising.spell(n), String(n))
})
