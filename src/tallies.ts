/** One line of `countersign_requests_total`. */
export interface Tally {
  readonly dialect: string
  readonly command: string
  readonly code: number
  readonly outcome: OutcomeLabel
  count: number
}

export type OutcomeLabel = 'done' | 'not done' | 'refused' | 'replayed'

/** Counts by dialect, command, code and outcome, without making anything for what was counted before. */
export class Tallies {
  private readonly nested = new Map<string, Map<string, Map<number, Tally>>>()
  readonly all: Tally[] = []

  add(dialect: string, command: string, code: number, outcome: OutcomeLabel): void {
    const codes = inner(inner(this.nested, dialect), command)
    // Of one code, replays are counted apart.
    const key = outcome === 'replayed' ? -code - 1 : code
    const tally = codes.get(key)
    if (tally) tally.count++
    else {
      const first = { dialect, command, code, outcome, count: 1 }
      codes.set(key, first)
      this.all.push(first)
    }
  }
}

function inner<K, V>(outer: Map<string, Map<K, V>>, key: string): Map<K, V> {
  const there = outer.get(key)
  if (there) return there
  const made = new Map<K, V>()
  outer.set(key, made)
  return made
}
