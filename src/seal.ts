import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import { hmac } from './hmac.js'

/** Seals secrets that must be recoverable: AES-256-GCM under a key derived from the master key, bound to their row. */
export interface Sealer {
  /** `binding` names the row and column; the same text is needed to open it again. */
  seal(text: string, binding: string): string
  /** Throws when the sealed text was changed, moved to another row, or sealed under another master key. */
  open(sealed: string, binding: string): string
  /** A MAC of a text, for a row that is not sealed: 128 bits. */
  tag(text: string): string
  /** Whether a tag is that of a text under this master key. */
  isTagged(text: string, tag: string | null): boolean
}

/** Keys that everything else is derived from. `randomBytes` gives the nonces. */
export interface Vault extends Sealer {
  /** A key for one purpose (HKDF-SHA256, RFC 5869). */
  derive(purpose: string): KeyObject
  /** Names the master key without revealing it: kept in the database so that a wrong key is noticed at start. */
  readonly fingerprint: string
}

const version = 'v1.'
const tagLength = 16

export function openVault(masterKey: Buffer, randomBytes: (size: number) => Buffer): Vault {
  const derived = new Map<string, KeyObject>()
  function derive(purpose: string): KeyObject {
    const known = derived.get(purpose)
    if (known) return known
    const bytes = hkdfSync('sha256', masterKey, Buffer.alloc(0), `countersign ${purpose} v1`, 32)
    const made = createSecretKey(Buffer.from(bytes))
    derived.set(purpose, made)
    return made
  }
  const key = derive('seal')
  const tags = derive('tags')
  const tagOf = (text: string) => hmac(tags, text).subarray(0, tagLength)
  return {
    tag: (text) => tagOf(text).toString('base64url'),
    isTagged(text, tag) {
      const given = Buffer.from(tag ?? '', 'base64url')
      return given.length === tagLength && timingSafeEqual(given, tagOf(text))
    },
    derive,
    fingerprint: createHmac('sha256', derive('fingerprint')).update('master key').digest('hex'),
    seal(text, binding) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(binding))
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return version + sealed.toString('base64')
    },
    open(sealed, binding) {
      if (!sealed.startsWith(version)) throw new Error('a sealed value has an unknown version')
      const bytes = strictBase64(sealed.slice(version.length))
      if (!bytes || bytes.length < 28) throw new Error('a sealed value is cut short or damaged')
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(binding))
      decipher.setAuthTag(bytes.subarray(-16))
      return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')
    },
  }
}

/** Reads a master key as base64 or hex of 32 bytes; undefined when it is neither. */
export function parseMasterKey(text: string): Buffer | undefined {
  const trimmed = text.trim()
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return Buffer.from(trimmed, 'hex')
  const bytes = strictBase64(trimmed)
  return bytes?.length === 32 ? bytes : undefined
}

/** Buffer.from forgives: a passphrase would pass for a key, a damaged value for a whole one. */
function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
