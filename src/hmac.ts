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
/** Views of the scratch buffer by length: making one costs as much as a third of a hash. */
const views: (Buffer | undefined)[] = []

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
  scratch.set(inner)
  const length = blockSize + (text ? scratch.write(message, blockSize, 'utf8') : message.copy(scratch, blockSize))
  views[length] ??= scratch.subarray(0, length)
  // Digests as text: a buffer of its own for each would be allocated outside of the heap.
  outer.write(hash('sha256', views[length], 'binary'), blockSize, 'binary')
  return encoding ? hash('sha256', outer, encoding) : Buffer.from(hash('sha256', outer, 'binary'), 'binary')
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
