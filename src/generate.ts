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

/** Whether a text is a secret of ours, by its checksum alone: what a leak scanner asks. */
export function isGeneratedSecret(text: string): boolean {
  const match = /^cs_([A-Za-z0-9_-]{43})([0-9a-z]{6})$/.exec(text)
  return match?.[1] !== undefined && checksum(match[1]) === match[2]
}

/** Whether a text is spelled as our public ids are; they carry no checksum. */
export const isGeneratedId = (text: string): boolean => /^ck_[A-Za-z0-9_-]{22}$/.test(text)

const checksum = (body: string): string =>
  (crc32(body) % 36 ** checksumDigits).toString(36).padStart(checksumDigits, '0')
