import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeForm, decodeMac, decodeUtf8 } from '../../src/encoding.js'
import { Refusal } from '../../src/refusal.js'

const isMalformed = (error: unknown) => error instanceof Refusal && error.code === 'MALFORMED'

// --- MACs ---

const bytes = Buffer.from('fbff00f3efbe3e7d0102030405060708090a0b0c0d0e0f101112131415161718', 'hex')
const base64 = bytes.toString('base64')
const hex = bytes.toString('hex')

test('a MAC is read in its two canonical spellings', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (array) => {
      const mac = Buffer.from(array)
      assert.deepEqual(decodeMac(mac.toString('base64')), mac)
      assert.deepEqual(decodeMac(mac.toString('hex')), mac)
    }),
  )
})

const otherSpellings: readonly (readonly [what: string, text: string])[] = [
  ['nothing', ''],
  ['capital hex', hex.toUpperCase()],
  ['hex with one capital', hex.replace('f', 'F')],
  ['hex with a prefix', `0x${hex}`],
  ['hex with white space', `${hex.slice(0, 63)} `],
  ['hex that ends in other letters', `${hex.slice(0, 62)}zz`],
  ['hex of 31 bytes', hex.slice(2)],
  ['hex of 33 bytes', `${hex}00`],
  ['base64 without padding', base64.slice(0, -1)],
  ['base64 with more padding', `${base64}=`],
  ['base64 in the URL alphabet', base64.replaceAll('+', '-').replaceAll('/', '_')],
  ['base64 with unused bits set', base64.replace(/.=$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}=`)],
  ['base64 with white space before', ` ${base64}`],
  ['base64 with a line feed after', `${base64}\n`],
  ['base64 of the right length with white space inside', `${base64.slice(0, 20)} ${base64.slice(21)}`],
  ['base64 of 31 bytes', bytes.subarray(1).toString('base64')],
  ['base64 of 33 bytes', Buffer.concat([bytes, bytes.subarray(0, 1)]).toString('base64')],
  ['base64 of the hex', Buffer.from(hex).toString('base64')],
  ['44 characters of another script', '\uff21'.repeat(44)],
  ['64 characters of another script', '\u0661'.repeat(64)],
]
for (const [what, text] of otherSpellings) {
  test(`no MAC: ${what}`, () => {
    assert.notEqual(text, base64)
    assert.equal(decodeMac(text), undefined)
  })
}

test('no text but the two canonical ones is ever read as the same MAC', () => {
  const edit = fc.tuple(
    fc.constantFrom(base64, hex),
    fc.nat(63),
    fc.string({ unit: 'binary-ascii', maxLength: 2 }),
    fc.nat(2),
  )
  fc.assert(
    fc.property(edit, ([text, at, inserted, removed]) => {
      const changed = text.slice(0, at) + inserted + text.slice(at + removed)
      const read = decodeMac(changed)
      if (changed !== base64 && changed !== hex) assert.ok(read === undefined || !read.equals(bytes), changed)
    }),
    { numRuns: 5_000 },
  )
})

// --- UTF-8 ---

const invalidUtf8: readonly (readonly [what: string, hex: string])[] = [
  ['a lone continuation byte', '80'],
  ['an overlong slash of two bytes', 'c0af'],
  ['an overlong slash of three bytes', 'e080af'],
  ['an overlong U+0000', 'c080'],
  ['a surrogate', 'eda080'],
  ['a surrogate pair (CESU-8)', 'eda0bdedb880'],
  ['a code point beyond U+10FFFF', 'f4908080'],
  ['a sequence that is cut short', 'e282'],
  ['a sequence that is broken off by a letter', 'e28241'],
  ['a byte that never occurs', 'ff'],
  ['UTF-16', 'fffe7b007d00'],
]
for (const [what, sequence] of invalidUtf8) {
  test(`1400, not repaired: ${what}`, () => {
    for (const [before, after] of [
      ['', ''],
      ['7b22', '227d'],
    ]) {
      assert.throws(() => decodeUtf8(Buffer.from(`${before}${sequence}${after}`, 'hex')), isMalformed)
    }
  })
}

test('valid UTF-8 is read as it is, a byte order mark included', () => {
  for (const text of ['', 'a', '\u00e9\u20ac\u{1f600}', '\ufeff{}', '\0', '\u{10ffff}\ufffd']) {
    assert.equal(decodeUtf8(Buffer.from(text)), text)
  }
})

// --- Forms ---

test('a form is read as every browser writes it', () => {
  const field = fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 4 }), (fields) => {
      assert.deepEqual(decodeForm(new URLSearchParams(fields).toString()), fields)
    }),
    { numRuns: 500 },
  )
})

const forms: readonly (readonly [
  what: string,
  text: string,
  fields: readonly (readonly [string, string])[] | '1400',
])[] = [
  ['a plus is a space', 'json=a+b%2Bc', [['json', 'a b+c']]],
  ['escapes in small letters', 'json=%c3%a9%7b', [['json', '\u00e9{']]],
  ['decoded once only', 'json=%2541', [['json', '%41']]],
  ['a value that holds equals signs', 'json=a=b==', [['json', 'a=b==']]],
  [
    'repeats are kept, in order',
    'a=1&a=2',
    [
      ['a', '1'],
      ['a', '2'],
    ],
  ],
  ['an escaped name', 'j%73on=1', [['json', '1']]],
  ['an empty value', 'json=', [['json', '']]],
  ['no equals sign', 'json', '1400'],
  ['an empty text', '', '1400'],
  ['a pair that is empty', 'a=1&&b=2', '1400'],
  ['an ampersand at the end', 'a=1&', '1400'],
  ['a percent sign at the end', 'a=%', '1400'],
  ['an escape of one digit', 'a=%4', '1400'],
  ['an escape that is no number', 'a=%zz', '1400'],
  ['escaped bytes that are no UTF-8', 'a=%ff', '1400'],
  ['an escaped sequence that is cut short', 'a=%c3', '1400'],
  ['an escaped surrogate', 'a=%ed%a0%80', '1400'],
  ['a space as it is', 'a=b c', '1400'],
  ['a line feed', 'a=1\nb=2', '1400'],
  ['a letter beyond ASCII as it is', 'a=\u00e9', '1400'],
  ['U+0000', 'a=\0', '1400'],
]
for (const [what, text, fields] of forms) {
  test(`a form: ${what}`, () => {
    if (fields === '1400') assert.throws(() => decodeForm(text), isMalformed)
    else assert.deepEqual(decodeForm(text), fields)
  })
}
