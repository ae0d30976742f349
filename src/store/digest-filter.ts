const wordsPerBlock = 8
const blocks = 16_384
const bitsPerDigest = 16

/** How many digests a filter is made for. It takes a sixteenth more: a partition ends with the transaction that fills it. */
export const digestsPerFilter = (blocks * wordsPerBlock * 32) / bitsPerDigest

/** What each character of base64url stands for, 0 to 63. */
const sextets = new Uint8Array(128)
for (const [value, character] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].entries()) {
  sextets[character.charCodeAt(0)] = value
}

const sextet = (digest: string, at: number): number => sextets[digest.charCodeAt(at)] ?? 0

/** Where the block of a digest begins: the same place in every filter. */
export const blockOf = (digest: string): number =>
  ((((sextet(digest, 8) << 12) | (sextet(digest, 9) << 6) | sextet(digest, 10)) >>> 0) % blocks) * wordsPerBlock

/**
 * Says of a digest that it was never added, or perhaps was (about one in a thousand that was not, when full): 512 KiB. A split
 * block Bloom filter as in Apache Parquet (32 bytes a block, a bit in each of its eight words); digests are random already, so
 * that their characters take the place of hash functions.
 */
export class DigestFilter {
  private readonly words = new Uint32Array(blocks * wordsPerBlock)
  private added = 0

  get full(): boolean {
    return this.added >= digestsPerFilter + digestsPerFilter / 16
  }

  add(digest: string): void {
    const block = blockOf(digest)
    for (let i = 0; i < wordsPerBlock; i++) this.words[block + i] = (this.words[block + i] ?? 0) | bitOf(digest, i)
    this.added++
  }

  /** `block`: {@link blockOf} the digest, for whoever asks several filters. */
  mayHold(digest: string, block: number): boolean {
    for (let i = 0; i < wordsPerBlock; i++) if (((this.words[block + i] ?? 0) & bitOf(digest, i)) === 0) return false
    return true
  }
}

const bitOf = (digest: string, word: number): number => 1 << (sextet(digest, word) & 31)
