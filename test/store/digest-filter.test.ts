import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../src/store/digest.js'
import { blockOf, DigestFilter, digestsPerFilter } from '../../src/store/digest-filter.js'

test('a full filter denies nothing that was added, and nearly everything that was not', () => {
  const filter = new DigestFilter()
  const mayHold = (digest: string) => filter.mayHold(digest, blockOf(digest))
  assert.equal(mayHold(digestOf('added 0')), false)
  for (let n = 0; n < digestsPerFilter; n++) {
    assert.equal(filter.full, false)
    filter.add(digestOf(`added ${n}`))
  }
  // A partition ends with the transaction that fills it, and has one filter all the same.
  let more = digestsPerFilter
  while (!filter.full) filter.add(digestOf(`added ${more++}`))
  assert.ok(more > digestsPerFilter + 2 * 256 && more < 1.1 * digestsPerFilter, `${more}`)
  for (let n = 0; n < more; n++) assert.ok(mayHold(digestOf(`added ${n}`)), `added ${n}`)
  let wrong = 0
  const others = 100_000
  for (let n = 0; n < others; n++) if (mayHold(digestOf(`another ${n}`))) wrong++
  assert.ok(wrong < 0.002 * others, `${wrong} of ${others}`)
})

test('what is no digest is held like any other text', () => {
  const filter = new DigestFilter()
  for (const text of ['', 'e', 'é€', 'a b', 'x'.repeat(100)]) {
    filter.add(text)
    assert.ok(filter.mayHold(text, blockOf(text)), text)
  }
})
