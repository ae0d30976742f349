import { createHash, hash, type KeyObject } from 'node:crypto'

/** Bytes of a block of SHA-256. */
const blockSize = 64
const digestSize = 32
/** Longer messages are hashed piece by piece: copying them would cost more than a native object does. */
const longest = 8_192

const scratch = Buffer.alloc(blockSize + longest)
/** Views of the scratch buffer by length: making one costs as much as a third of a hash. */
const views: (Buffer | undefined)[] = []
/** The outer pad of a key with the inner digest behind it. */
const outer = Buffer.alloc(blockSize + digestSize)
const innerByte = 0x36363636
const outerByte = 0x5c5c5c5c
/** Where pads go in both, by words: sixteen of them are there sooner than a copy has begun. */
const innerPad = wordsOf(scratch)
const outerPad = wordsOf(outer)
const innerBlock = scratch.subarray(0, blockSize)

/** The words of a block, with a sign: then V8 keeps a list of them without making numbers of its own of any. */
function wordsOf({ buffer, byteOffset }: Buffer): Int32Array {
  return new Int32Array(buffer, byteOffset, blockSize / 4)
}

/**
 * A secret that makes HMAC-SHA256 (RFC 2104), as two one-shot hashes over its pads: `createHmac` makes a native object a
 * call, and a signed write takes four MACs. It takes an eighth of a KeyObject's memory: a gateway holds those of all keys
 * in use. The secret shows nowhere, neither printed nor as JSON.
 */
export class MacKey {
  /** The secret, or its hash where it is long, filled up to a block. In the heap: of many keys, each is found sooner than a buffer. */
  readonly #words: readonly number[]

  constructor(secret: string | Buffer) {
    const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
    const block = Buffer.alloc(blockSize)
    const key = bytes.length > blockSize ? createHash('sha256').update(bytes).digest() : bytes
    key.copy(block)
    this.#words = Array.from(wordsOf(block))
  }

  /** A text is taken as UTF-8. */
  mac(message: string | Buffer): Buffer
  mac(message: string | Buffer, encoding: 'hex' | 'base64'): string
  mac(message: string | Buffer, encoding?: 'hex' | 'base64'): string | Buffer {
    // Digests as text: a buffer of its own for each would be allocated outside of the heap.
    const inner = this.innerHash(message)
    outer.write(inner, blockSize, 'binary')
    return encoding ? hash('sha256', outer, encoding) : Buffer.from(hash('sha256', outer, 'binary'), 'binary')
  }

  /** Whether it was made from the same secret. */
  equals(other: MacKey): boolean {
    return this === other || this.#words.every((word, at) => word === other.#words[at])
  }

  /** Leaves the outer pad where it belongs, too. */
  private innerHash(message: string | Buffer): string {
    const words = this.#words
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? 0
      innerPad[at] = word ^ innerByte
      outerPad[at] = word ^ outerByte
    }
    const text = typeof message === 'string'
    if (message.length * (text ? 3 : 1) > longest) {
      return createHash('sha256').update(innerBlock).update(message).digest('binary')
    }
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
