/** Names that were seen lately: each is forgotten when nobody asks for it for a while, or when too many newer ones came. */
export class Recent {
  private readonly seenAt = new Map<string, number>()

  /** `keep` in milliseconds, as is what `now` gives: a clock that nobody sets. */
  constructor(
    private readonly capacity: number,
    private readonly keep: number,
    private readonly now: () => number,
  ) {}

  /** Whether the name is still known; if so it is kept on. */
  has(name: string): boolean {
    const seen = this.seenAt.get(name)
    if (seen === undefined) return false
    const known = this.now() - seen < this.keep
    this.seenAt.delete(name)
    if (known) this.seenAt.set(name, this.now())
    return known
  }

  add(name: string): void {
    this.seenAt.delete(name)
    const [oldest] = this.seenAt.size >= this.capacity ? this.seenAt.keys() : []
    if (oldest !== undefined) this.seenAt.delete(oldest)
    this.seenAt.set(name, this.now())
  }
}
