import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { explain } from '../../src/explain.js'
import { schemes } from '../../src/explain-schemes.js'
import { edits, exhaustive } from '../../src/explain-texts.js'
import { scanJson, withoutSignature } from '../../src/json.js'
import { mac } from '../support/instance.js'

const secret = 'cs_k8vXo3wq2ZrT9bYc1dEfGhIjKlMnOpQrStUvWxYz0121abc9z'

const word = fc.string({ unit: 'grapheme', maxLength: 12 })
const leaf = fc.oneof(word, fc.integer(), fc.boolean(), fc.constant(null), fc.constantFrom('a/b', '<é>', '😀', '"\\"'))
const message = fc
  .dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.oneof(leaf, fc.array(leaf, { maxLength: 3 })), { maxKeys: 4 })
  .map((params) => ({ cmd: 'set-user', ...params, api_key: 'ck_42', timestamp: 1795332418 }))
const printed = fc
  .tuple(message, fc.constantFrom(undefined, 1, 2, 4))
  .map(([value, indent]) => JSON.stringify(value, null, indent))

const withSignature = (text: string, signature: string) =>
  Buffer.from(text.replace(/(\s*)\}$/, (end) => `,"signature":"${signature}"${end}`))

test('the right MAC is right, in both of its spellings, for any message', () => {
  fc.assert(
    fc.property(printed, (text) => {
      const base64 = mac(secret, text)
      for (const given of [base64, Buffer.from(base64, 'base64').toString('hex')]) {
        const found = explain(withSignature(text, given), given, secret)
        assert.deepEqual([found.right, found.causes, found.signed.toString()], [true, [], text])
      }
    }),
    { numRuns: 50 },
  )
})

test('whatever one known thing a client did to a text before it signed it, that is explained by one cause', () => {
  const all = [...edits, ...schemes, ...exhaustive]
  fc.assert(
    fc.property(printed, fc.nat(all.length - 1), fc.nat(), (text, which, nth) => {
      const texts = all[which]?.apply(text) ?? []
      const made = texts[nth % Math.max(1, texts.length)] ?? text
      const given = mac(secret, made)
      const { causes, right } = explain(withSignature(text, given), given, secret)
      assert.equal(right, made === text)
      assert.equal(causes.length, made === text ? 0 : 1)
    }),
    { numRuns: 150 },
  )
})

test('two known things together are explained by at most two causes', () => {
  fc.assert(
    fc.property(message, fc.nat(edits.length - 1), fc.nat(edits.length - 1), (value, first, second) => {
      // Twice the same is not one of the things that clients do.
      fc.pre(first !== second)
      const text = JSON.stringify(value)
      const once = edits[first]?.apply(text)[0] ?? text
      const made = edits[second]?.apply(once)[0] ?? once
      const given = mac(secret, made)
      const { causes, right } = explain(withSignature(text, given), given, secret)
      assert.ok(right || (causes.length > 0 && causes.length <= 2), `${JSON.stringify(made)} from ${text}`)
    }),
    { numRuns: 60 },
  )
})

test('another secret explains nothing, and a cause that is named really makes the MAC', () => {
  fc.assert(
    fc.property(message, (value) => {
      const text = JSON.stringify(value)
      const given = mac('another secret that nobody knows', text)
      const { causes, right } = explain(withSignature(text, given), given, secret)
      assert.deepEqual([causes, right], [[], false])
    }),
    { numRuns: 3 },
  )
})

test('any bytes and any text for a MAC are answered, and never with a throw', () => {
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ maxLength: 40 }).map((text) => Buffer.from(`{${text}`)),
    fc.json({ maxDepth: 2 }).map((text) => Buffer.from(text)),
    fc
      .constantFrom(
        '',
        '{}',
        '{"signature":"x"}',
        '{"signature":1,"a":2}',
        'json=%zz',
        'json=',
        `${'['.repeat(5000)}`,
        `{"a":${'['.repeat(5000)}`,
      )
      .map((text) => Buffer.from(text)),
  )
  fc.assert(
    fc.property(bodies, fc.string({ maxLength: 20 }), (body, given) => {
      const found = explain(body, given, secret)
      assert.ok(!found.right)
    }),
    { numRuns: 25 },
  )
})

test('the MAC of a body that holds no message is right when it covers the body as it is', () => {
  for (const text of ['', 'plain text', '[1]', '{"a":1,"a":2}', '{"broken":', '\ufeff{"a":1}']) {
    const { right, signed } = explain(Buffer.from(text), mac(secret, text), secret)
    assert.deepEqual([right, signed.toString()], [true, text], text)
  }
  const bytes = Buffer.from([0x7b, 0xff, 0xfe, 0x7d])
  assert.equal(explain(bytes, mac(secret, bytes), secret).right, true)
})

test('what must be signed is what the gateway verifies: the text without its signature, wherever that stands', () => {
  const rows = [
    '{"signature":"AAAA","cmd":"ping"}',
    '{"cmd":"ping", "signature": "AA\\"}A", "n":1}',
    '{\n "cmd": "ping",\n "signature": "AAAA"\n}',
  ]
  for (const text of rows) {
    assert.equal(explain(Buffer.from(text), 'AAAA', secret).signed.toString(), withoutSignature(scanJson(text)))
  }
})

const spellings: readonly (readonly [name: string, spell: (bytes: Buffer) => string, cause: string])[] = [
  ['upper-case hex', (bytes) => bytes.toString('hex').toUpperCase(), 'mac-hex-case'],
  ['hex with colons', (bytes) => bytes.toString('hex').replace(/..(?=.)/g, '$&:'), 'mac-hex-case'],
  ['unpadded base64', (bytes) => bytes.toString('base64').replace(/=+$/, ''), 'mac-unpadded'],
  ['a newline after it', (bytes) => `${bytes.toString('base64')}\n`, 'mac-space'],
  ['what openssl prints before it', (bytes) => `HMAC-SHA2-256(stdin)= ${bytes.toString('hex')}`, 'mac-prefixed'],
  ['what sha256sum prints after it', (bytes) => `${bytes.toString('hex')}  -`, 'mac-prefixed'],
  ['sha256= before it', (bytes) => `sha256=${bytes.toString('hex')}`, 'mac-prefixed'],
  ['base64 of hex', (bytes) => Buffer.from(bytes.toString('hex')).toString('base64'), 'mac-encoded-twice'],
  ['hex of base64', (bytes) => Buffer.from(bytes.toString('base64')).toString('hex'), 'mac-encoded-twice'],
  ['URL-encoded base64', (bytes) => encodeURIComponent(bytes.toString('base64')), 'mac-url-encoded'],
  ['half of it', (bytes) => bytes.subarray(0, 16).toString('hex'), 'mac-cut'],
]

test('a MAC that is right but spelled in a way that the gateway refuses is not called right', () => {
  const text = '{"cmd":"ping","api_key":"ck_42","timestamp":1795332418}'
  for (const [name, spell, cause] of spellings) {
    const given = spell(createHmac('sha256', secret).update(text).digest())
    const found = explain(Buffer.from(text), given, secret)
    assert.deepEqual([name, found.right, found.causes.map((one) => one.name)], [name, false, [cause]])
  }
})

test('a body of 256 KiB is looked through in bounded time', () => {
  const text = JSON.stringify({ cmd: 'ping', note: 'é/ '.repeat(60_000), timestamp: 1795332418 })
  const slashes = text.replaceAll('/', '\\/')
  assert.equal(explain(Buffer.from(text), mac(secret, slashes), secret).causes[0]?.name, 'slashes-escaped')
  const started = performance.now()
  assert.equal(explain(Buffer.from(text), mac('another', text), secret).causes.length, 0)
  assert.ok(performance.now() - started < 60_000)
})
