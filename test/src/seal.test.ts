import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { openVault, parseMasterKey } from '../../src/seal.js'

const masterKey = Buffer.alloc(32, 7)
const vault = openVault(masterKey, randomBytes)

test('what was sealed is opened again, whatever the text and the row', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, binding) => {
      assert.equal(vault.open(vault.seal(text, binding), binding), text)
    }),
  )
})

test('two sealings of one text differ, and none shows it', () => {
  const sealed = Array.from({ length: 100 }, () => vault.seal('canary-secret', 'keys.secret:a'))
  assert.equal(new Set(sealed).size, 100)
  for (const text of sealed)
    assert.ok(!text.includes('canary') && !Buffer.from(text.slice(3), 'base64').includes('canary'))
})

test('a sealed value opens in its own row only: two that were swapped both fail', () => {
  const rows = ['keys.secret:ck_a', 'keys.secret:ck_b', 'users.token:1:ck_a', 'keys.secret:ck_a ', '']
  const sealed = rows.map((row) => vault.seal('the secret of one row', row))
  for (const [i, text] of sealed.entries()) {
    for (const [j, row] of rows.entries()) {
      if (i === j) assert.equal(vault.open(text, row), 'the secret of one row')
      else assert.throws(() => vault.open(text, row), `${rows[i]} opened as ${row}`)
    }
  }
})

test('no byte of a sealed value can be changed: neither nonce, text, tag nor spelling', () => {
  for (const text of ['', 'x', 'xy', 'a secret of some length']) {
    const sealed = vault.seal(text, 'row')
    const bytes = Buffer.from(sealed.slice(3), 'base64')
    for (let i = 0; i < bytes.length * 8; i++) {
      const changed = Buffer.from(bytes)
      changed[i >> 3] = (changed[i >> 3] ?? 0) ^ (1 << (i & 7))
      assert.throws(() => vault.open(`v1.${changed.toString('base64')}`, 'row'))
    }
    for (let i = 0; i < sealed.length; i++) {
      for (const other of ['A', 'B', 'w', '=', ' ', '-']) {
        if (sealed[i] === other) continue
        assert.throws(
          () => vault.open(sealed.slice(0, i) + other + sealed.slice(i + 1), 'row'),
          `${sealed} ${i} ${other}`,
        )
      }
    }
  }
})

test('a sealed value that was cut, lengthened or never one of ours does not open', () => {
  const sealed = vault.seal('a secret', 'row')
  for (let length = 0; length < sealed.length; length++) assert.throws(() => vault.open(sealed.slice(0, length), 'row'))
  for (const text of [
    `${sealed}AAAA`,
    `${sealed} `,
    sealed.replace('v1.', 'v2.'),
    sealed.slice(3),
    `V1.${sealed.slice(3)}`,
    'a secret',
  ]) {
    assert.throws(() => vault.open(text, 'row'), text)
  }
})

test('another master key opens nothing, derives other keys, and has another fingerprint', () => {
  const other = openVault(Buffer.alloc(32, 8), randomBytes)
  assert.throws(() => other.open(vault.seal('x', 'row'), 'row'))
  assert.notEqual(other.fingerprint, vault.fingerprint)
  assert.notDeepEqual(other.derive('audit').export(), vault.derive('audit').export())
})

test('the same master key gives the same keys every time, one for each purpose, and none is the master key', () => {
  const again = openVault(masterKey, randomBytes)
  const purposes = ['audit', 'params', 'seal', 'fingerprint']
  const keys = purposes.map((purpose) => vault.derive(purpose).export().toString('hex'))
  assert.deepEqual(
    purposes.map((purpose) => again.derive(purpose).export().toString('hex')),
    keys,
  )
  assert.equal(new Set([...keys, masterKey.toString('hex'), vault.fingerprint]).size, purposes.length + 2)
  assert.equal(again.fingerprint, vault.fingerprint)
})

const base64 = Buffer.from(Array.from({ length: 32 }, (_, i) => 255 - i)).toString('base64')
const hex = Buffer.from(base64, 'base64').toString('hex')
const masterKeys: readonly (readonly [what: string, text: string, accepted: boolean])[] = [
  ['base64', base64, true],
  ['base64 with a line feed, as in a file', `${base64}\n`, true],
  ['hex', hex, true],
  ['hex in capitals', hex.toUpperCase(), true],
  ['nothing', '', false],
  ['31 bytes in hex', hex.slice(2), false],
  ['33 bytes in base64', Buffer.alloc(33).toString('base64'), false],
  ['16 bytes in base64', Buffer.alloc(16).toString('base64'), false],
  ['a passphrase that base64 decoders forgive', 'correct horse battery staple, four words, 43 letters', false],
  ['base64 with a character too many', `${base64.slice(0, 20)}!${base64.slice(20)}`, false],
  ['hex with a character that is none', `${hex.slice(0, 63)}g`, false],
]
test('a master key is 32 bytes in base64 or hex and nothing that merely resembles it', () => {
  for (const [what, text, accepted] of masterKeys) {
    const key = parseMasterKey(text)
    assert.equal(key?.toString('base64'), accepted ? base64 : undefined, what)
  }
})
