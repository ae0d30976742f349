const words = 4
const ways = 8
const rows = 4_096

/**
 * The MACs of some thirty thousand messages that were seen last, by their first 128 bits: half a megabyte that is never
 * allocated again. A set of texts takes ten times as long. Each lies in the one row that its bits name, and gives way to the
 * eighth that comes to that row after it: whoever repeats a message cannot choose the MACs of others.
 */
export class SeenMacs {
  private readonly kept = new Uint32Array(rows * ways * words)
  private readonly next = new Uint8Array(rows)

  /** Whether a MAC (hex) was seen before; from now on it was. */
  seen(mac: string): boolean {
    const first = word(mac, 0)
    const second = word(mac, 8)
    const third = word(mac, 16)
    const fourth = word(mac, 24)
    const { kept, next } = this
    const row = first % rows
    const start = row * ways * words
    for (let at = start; at < start + ways * words; at += words) {
      if (kept[at] === first && kept[at + 1] === second && kept[at + 2] === third && kept[at + 3] === fourth)
        return true
    }
    const way = next[row] ?? 0
    next[row] = (way + 1) % ways
    const at = start + way * words
    kept[at] = first
    kept[at + 1] = second
    kept[at + 2] = third
    kept[at + 3] = fourth
    return false
  }
}

/** Eight hexadecimal digits as a number. */
function word(hex: string, from: number): number {
  let value = 0
  for (let at = from; at < from + 8; at++) {
    const code = hex.charCodeAt(at)
    value = (value << 4) | ((code & 15) + (code >> 6) * 9)
  }
  return value >>> 0
}
