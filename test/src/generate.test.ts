import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { nanoid } from 'nanoid'
import {
  generateKey,
  generateReadable,
  generateToken,
  isGeneratedSecret,
  isGeneratedToken,
} from '../../src/generate.js'

const chance = { randomBytes, randomName: nanoid }
const generate = () => generateKey(chance)

test('a key reads ck_ and 22 characters, its secret cs_, 256 bits and six characters of checksum', () => {
  for (let i = 0; i < 200; i++) {
    const { keyId, secret } = generate()
    assert.match(keyId, /^ck_[A-Za-z0-9_-]{22}$/)
    assert.match(secret, /^cs_[A-Za-z0-9_-]{43}[0-9a-z]{6}$/)
    assert.ok(isGeneratedSecret(secret))
  }
})

test('all 256 bits of a secret come from the given source of chance', () => {
  const asked: number[] = []
  const bytes = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 8))
  const given = (size: number) => {
    asked.push(size)
    return bytes
  }
  const { secret } = generateKey({ ...chance, randomBytes: given })
  assert.deepEqual(asked, [32])
  assert.deepEqual(Buffer.from(secret.slice(3, 46), 'base64url'), bytes)
})

test('no two keys are alike', () => {
  const keys = Array.from({ length: 1_000 }, generate)
  assert.equal(new Set(keys.flatMap(({ keyId, secret }) => [keyId, secret])).size, 2_000)
})

test('the checksum is the same on every machine and version', () => {
  const { secret } = generateKey({ ...chance, randomBytes: (size) => Buffer.alloc(size) })
  assert.equal(secret, `cs_${'A'.repeat(43)}${expectedChecksum('A'.repeat(43))}`)
})

/** CRC-32 (ISO 3309) bit by bit, modulo 36^6, in base 36. */
function expectedChecksum(text: string): string {
  let crc = 0xffffffff
  for (const byte of Buffer.from(text)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (((crc ^ 0xffffffff) >>> 0) % 36 ** 6).toString(36).padStart(6, '0')
}

test('a secret with any one character changed is told from a real one', () => {
  const { secret } = generateKey({ ...chance, randomBytes: (size) => Buffer.alloc(size, 0xa5) })
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  for (let i = 0; i < secret.length; i++) {
    for (const other of alphabet) {
      const changed = secret.slice(0, i) + other + secret.slice(i + 1)
      assert.equal(isGeneratedSecret(changed), other === secret[i], changed)
    }
  }
})

test('what is not a secret of ours is not taken for one', () => {
  const { keyId, secret } = generate()
  for (const text of [
    '',
    'cs_',
    keyId,
    secret.slice(0, -1),
    `${secret}0`,
    ` ${secret}`,
    `${secret}\n`,
    secret.slice(3),
    secret.toUpperCase(),
    `x${secret}`,
  ]) {
    assert.equal(isGeneratedSecret(text), false, JSON.stringify(text))
  }
})

test('an access token reads ct_, is told from a secret, and holds all the chance it was given', () => {
  const token = generateToken(chance)
  assert.match(token, /^ct_[A-Za-z0-9_-]{43}[0-9a-z]{6}$/)
  assert.ok(isGeneratedToken(token) && !isGeneratedSecret(token))
  assert.ok(!isGeneratedToken(`cs_${token.slice(3)}`))
  assert.ok(!isGeneratedToken(`${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`))
})

test('a readable text uses 32 characters alike, none of which is mistaken for another', () => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  const text = generateReadable({ randomBytes: () => every }, 256)
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  assert.deepEqual([counts.size, new Set(counts.values())], [32, new Set([8])])
  assert.doesNotMatch(text, /[^0-9a-z]|[ilou]/)
})
