import { createHash, createHmac, hash, type KeyObject } from 'node:crypto'

interface Pads {
  readonly inner: Buffer
  /** The outer pad, with room for the inner digest behind it. */
  readonly outer: Buffer
}

const blockSize = 64
const digestSize = 32
/** Longer messages go to `createHmac`: copying them would cost more than its native object does. */
const longest = 8_192

const padsOf = new WeakMap<KeyObject, Pads>()
const scratch = Buffer.alloc(blockSize + longest)

/**
 * HMAC-SHA256 (RFC 2104) as two one-shot hashes over cached pads: `createHmac` makes a native object a call, and a signed
 * write takes four MACs. A text is taken as UTF-8.
 */
export function hmac(key: KeyObject, message: string | Buffer): Buffer
export function hmac(key: KeyObject, message: string | Buffer, encoding: 'hex' | 'base64'): string
export function hmac(key: KeyObject, message: string | Buffer, encoding?: 'hex' | 'base64'): string | Buffer {
  const text = typeof message === 'string'
  if (message.length * (text ? 3 : 1) > longest) {
    const mac = createHmac('sha256', key).update(message)
    return encoding ? mac.digest(encoding) : mac.digest()
  }
  const { inner, outer } = padsOf.get(key) ?? makePads(key)
  inner.copy(scratch)
  const length = text ? scratch.write(message, blockSize, 'utf8') : message.copy(scratch, blockSize)
  hash('sha256', scratch.subarray(0, blockSize + length), 'buffer').copy(outer, blockSize)
  return encoding ? hash('sha256', outer, encoding) : hash('sha256', outer, 'buffer')
}

function makePads(key: KeyObject): Pads {
  const secret = key.export()
  const block = Buffer.alloc(blockSize)
  ;(secret.length > blockSize ? createHash('sha256').update(secret).digest() : secret).copy(block)
  const outer = Buffer.alloc(blockSize + digestSize)
  block
    .map((byte) => byte ^ 0x5c)
    .forEach((byte, at) => {
      outer[at] = byte
    })
  const pads = { inner: Buffer.from(block.map((byte) => byte ^ 0x36)), outer }
  padsOf.set(key, pads)
  return pads
}
