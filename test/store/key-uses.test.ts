import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyUses } from '../../src/store/key-uses.js'

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `ck_${String(n).padStart(4, '0')}`)

test('uses that are due again are written in the order of their keys, so that neighbours share a page', () => {
  const uses = new KeyUses()
  const keys = numbered(1_200)
  const use = (at: number) => {
    for (const key of keys.toReversed()) uses.used(key, at, '127.0.0.1')
  }
  use(1_000)
  while (uses.isDue(1_000, false)) uses.wrote(uses.take(1_000, false), 1_000)
  use(1_030)
  assert.equal(uses.isDue(1_059, false), false)
  const written: string[] = []
  while (uses.isDue(1_060, false)) {
    const taken = uses.take(1_060, false)
    written.push(...taken.map(({ keyId }) => keyId))
    uses.wrote(taken, 1_060)
  }
  assert.deepEqual(written, keys)
})

test('a key that is not used for a minute is forgotten, and its next use is written at once', () => {
  const uses = new KeyUses()
  const first = uses.used('ck_1', 1_000, '127.0.0.1')
  uses.wrote(uses.take(1_000, false), 1_000)
  assert.equal(uses.isDue(1_061, true), false)
  const next = uses.used('ck_1', 1_065, '192.0.2.1', first)
  assert.notEqual(next, first)
  assert.equal(uses.used('ck_1', 1_065, '192.0.2.1', first), next)
  assert.deepEqual(uses.take(1_065, false), [{ keyId: 'ck_1', at: 1_065, address: '192.0.2.1' }])
})

test('what was written early at the end is neither lost nor written twice', () => {
  const uses = new KeyUses()
  uses.used('ck_1', 1_000, '127.0.0.1')
  uses.wrote(uses.take(1_000, false), 1_000)
  uses.used('ck_1', 1_010, '127.0.0.1')
  const early = uses.take(1_020, true)
  assert.deepEqual(early, [{ keyId: 'ck_1', at: 1_010, address: '127.0.0.1' }])
  uses.wrote(early, 1_020)
  assert.equal(uses.isDue(1_080, true), false)
  uses.used('ck_1', 1_081, '127.0.0.1')
  assert.equal(uses.take(1_081, false).length, 1)
  assert.equal(uses.isDue(1_140, false), true)
})
