import { createHash, hash, type KeyObject } from 'node:crypto'

const blockSize = 64
const digestSize = 32
/** Longer messages are hashed piece by piece: copying them would cost more than a native object does. */
const longest = 8_192

const wordsOfBlock = blockSize / 4
const scratch = Buffer.alloc(blockSize + longest)
/** Views of the scratch buffer by length: making one costs as much as a third of a hash. */
const views: (Buffer | undefined)[] = []
/** The outer pad of a key with the inner digest behind it. */
const outer = Buffer.alloc(blockSize + digestSize)
/** Where pads go in both, by words: sixteen of them are there sooner than a copy has begun. */
const scratchPad = wordsOf(scratch, wordsOfBlock)
const outerPad = wordsOf(outer, wordsOfBlock)

function wordsOf({ buffer, byteOffset }: Buffer, count: number): Uint32Array {
  return new Uint32Array(buffer, byteOffset, count)
}

/**
 * A secret that makes HMAC-SHA256 (RFC 2104), as two one-shot hashes over its pads: `createHmac` makes a native object a
 * call, and a signed write takes four MACs. It takes an eighth of a KeyObject's memory: a gateway holds those of all keys
 * in use. The secret shows nowhere, neither printed nor as JSON.
 */
export class MacKey {
  /** The inner and the outer pad. */
  readonly #pads: Uint32Array

  constructor(secret: string | Buffer) {
    const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
    const block = bytes.length > blockSize ? createHash('sha256').update(bytes).digest() : bytes
    // Node's pool gives places that begin with a word.
    const pads = Buffer.allocUnsafe(2 * blockSize)
    for (let at = 0; at < blockSize; at++) {
      const byte = block[at] ?? 0
      pads[at] = byte ^ 0x36
      pads[blockSize + at] = byte ^ 0x5c
    }
    this.#pads = wordsOf(pads, 2 * wordsOfBlock)
  }

  /** A text is taken as UTF-8. */
  mac(message: string | Buffer): Buffer
  mac(message: string | Buffer, encoding: 'hex' | 'base64'): string
  mac(message: string | Buffer, encoding?: 'hex' | 'base64'): string | Buffer {
    // Digests as text: a buffer of its own for each would be allocated outside of the heap.
    const inner = this.innerHash(message)
    const pads = this.#pads
    for (let at = 0; at < wordsOfBlock; at++) outerPad[at] = pads[wordsOfBlock + at] ?? 0
    outer.write(inner, blockSize, 'binary')
    return encoding ? hash('sha256', outer, encoding) : Buffer.from(hash('sha256', outer, 'binary'), 'binary')
  }

  /** Whether it was made from the same secret. */
  equals(other: MacKey): boolean {
    return this === other || this.#pads.every((word, at) => word === other.#pads[at])
  }

  private innerHash(message: string | Buffer): string {
    const text = typeof message === 'string'
    if (message.length * (text ? 3 : 1) > longest) {
      return createHash('sha256').update(this.#pads.subarray(0, wordsOfBlock)).update(message).digest('binary')
    }
    for (let at = 0; at < wordsOfBlock; at++) scratchPad[at] = this.#pads[at] ?? 0
    const length = blockSize + (text ? scratch.write(message, blockSize, 'utf8') : message.copy(scratch, blockSize))
    views[length] ??= scratch.subarray(0, length)
    return hash('sha256', views[length], 'binary')
  }
}

const known = new WeakMap<KeyObject, MacKey>()

function macKeyOf(key: KeyObject): MacKey {
  const made = known.get(key) ?? new MacKey(key.export())
  known.set(key, made)
  return made
}

/** HMAC-SHA256 of a message; a text is taken as UTF-8. */
export function hmac(key: KeyObject | MacKey, message: string | Buffer): Buffer
export function hmac(key: KeyObject | MacKey, message: string | Buffer, encoding: 'hex' | 'base64'): string
export function hmac(key: KeyObject | MacKey, message: string | Buffer, encoding?: 'hex' | 'base64'): string | Buffer {
  const made = key instanceof MacKey ? key : macKeyOf(key)
  return encoding ? made.mac(message, encoding) : made.mac(message)
}
