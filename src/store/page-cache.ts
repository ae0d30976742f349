/** KiB of pages that are kept. What is written lands on few pages; others come from the system's own cache. */
const smallest = 12_288
/** Of a row that is read at random, with its share of the page that it lies in: that of a user without a password or comment. */
const bytesOfRow = 64
export const mostRows = 1_000_000
/** Reads between two commits, on average, from which on more is kept, and below which no longer. */
const manyReads = 256
const fewReads = 64
/** Commits that the average looks back on, about: some seconds, so that a burst of either changes nothing. */
const commits = 256
/** Milliseconds that a count of rows is good for: to count a million takes 25. */
const countedFor = 600_000

export interface PageCacheParts {
  /** How many rows are there to be read at random, up to {@link mostRows}; it may throw. */
  readonly rows: () => number
  /** Is given KiB; it may throw. */
  readonly resize: (size: number) => void
}

/**
 * How much of its file the writer keeps in memory. A page that is kept is there sooner than one from the system (5 µs for a random
 * one of a million users), but a commit that has split a page of an index looks through all that are kept (0.04 µs each), and
 * where few rows are read at random, more is kept of nothing but the trail. So it keeps more where there are many to be read, while
 * next to nothing but reads is asked for.
 */
export class PageCache {
  private reads = 0
  private average = 0
  private kept = smallest
  private rows = 0
  private countedAt = Number.NEGATIVE_INFINITY

  constructor(private readonly parts: PageCacheParts) {}

  /** What a new connection is to keep, in KiB. */
  get size(): number {
    return this.kept
  }

  read(): void {
    this.reads++
  }

  committed(): void {
    this.average += (this.reads - this.average) / commits
    this.reads = 0
  }

  /** To be called before a transaction, where an error takes nothing back: throws what counting and resizing throw. */
  fit(): void {
    const large = this.average >= (this.kept > smallest ? fewReads : manyReads)
    const size = large ? this.largest() : smallest
    if (size === this.kept) return
    this.parts.resize(size)
    this.kept = size
  }

  private largest(): number {
    const now = performance.now()
    if (now - this.countedAt >= countedFor) {
      this.rows = this.parts.rows()
      this.countedAt = now
    }
    return smallest + Math.floor((this.rows * bytesOfRow) / 1024)
  }
}
