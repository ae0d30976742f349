import assert from 'node:assert/strict'
import { createHmac, createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { hmac, MacKey } from '../../src/hmac.js'

const secret = fc.uint8Array({ minLength: 1, maxLength: 200 })
const message = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 400 }),
  fc.string({ unit: 'grapheme', minLength: 2_500, maxLength: 3_500 }),
  fc.uint8Array({ maxLength: 9_000 }).map((bytes) => Buffer.from(bytes)),
)

test('hmac is what createHmac computes, for any secret and message, in every encoding and in any order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(secret, message), { minLength: 1, maxLength: 4 }), (pairs) => {
      const keyed = pairs.flatMap(([bytes, text]) => [
        [createSecretKey(bytes), bytes, text] as const,
        [new MacKey(Buffer.from(bytes)), bytes, text] as const,
      ])
      for (const [key, bytes, text] of [...keyed, ...keyed.toReversed()]) {
        const expected = createHmac('sha256', bytes).update(text).digest()
        assert.deepEqual(hmac(key, text), expected)
        assert.equal(hmac(key, text, 'hex'), expected.toString('hex'))
        assert.equal(hmac(key, text, 'base64'), expected.toString('base64'))
      }
    }),
    { numRuns: 300 },
  )
})

test('a key equals those of the same secret alone, and shows it to nobody', () => {
  const secret = 'cs_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM'
  const key = new MacKey(secret)
  assert.ok(key.equals(key) && key.equals(new MacKey(Buffer.from(secret))))
  assert.ok(!key.equals(new MacKey(secret.slice(0, -1))))
  const shown = [inspect(key, { depth: null, showHidden: true }), JSON.stringify({ key }), String(key)]
  assert.deepEqual(shown, ['MacKey {}', '{"key":{}}', '[object Object]'])
})
