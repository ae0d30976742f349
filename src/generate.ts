import { crc32 } from 'node:zlib'

/** What chance a key is made from. */
export interface Chance {
  readonly randomBytes: (size: number) => Buffer
  readonly randomName: (length: number) => string
}

const checksumDigits = 6

/** A new key: `ck_…` (id, 22 characters after the prefix) and `cs_…` (secret: 256 bits in base64url, and a checksum). */
export function generateKey({ randomBytes, randomName }: Chance): { keyId: string; secret: string } {
  const body = randomBytes(32).toString('base64url')
  return { keyId: `ck_${randomName(22)}`, secret: `cs_${body}${checksum(body)}` }
}

/** A new bearer token, `ct_…`: made as a secret is. */
export function generateToken({ randomBytes }: Pick<Chance, 'randomBytes'>): string {
  const body = randomBytes(32).toString('base64url')
  return `ct_${body}${checksum(body)}`
}

// Base 32 without i, l, o and u: nothing in it is mistaken for something else when it is read out or typed.
const readable = '0123456789abcdefghjkmnpqrstvwxyz'

/** Lower-case letters and digits for a person to type into a device: 5 bits each. */
export const generateReadable = ({ randomBytes }: Pick<Chance, 'randomBytes'>, length: number): string =>
  Array.from(randomBytes(length), (byte) => readable[byte & 31]).join('')

/** Whether a text is a secret of ours, by its checksum alone: what a leak scanner asks. */
export const isGeneratedSecret = (text: string): boolean => isWhole('cs_', text)

/** Whether a text is a bearer token of ours, by its checksum alone. */
export const isGeneratedToken = (text: string): boolean => isWhole('ct_', text)

function isWhole(prefix: string, text: string): boolean {
  const match = /^(c[st]_)([A-Za-z0-9_-]{43})([0-9a-z]{6})$/.exec(text)
  return match?.[1] === prefix && match[2] !== undefined && checksum(match[2]) === match[3]
}

/** Whether a text is spelled as our public ids are; they carry no checksum. */
export const isGeneratedId = (text: string): boolean => /^ck_[A-Za-z0-9_-]{22}$/.test(text)

const checksum = (body: string): string =>
  (crc32(body) % 36 ** checksumDigits).toString(36).padStart(checksumDigits, '0')
