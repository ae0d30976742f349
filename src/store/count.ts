/** What a group came to in a time. */
export interface Figures {
  readonly connections: number
  /** Undefined where it cannot be told any more, or would take too long. */
  readonly peak: number | undefined
  readonly bytes_in: number
  readonly bytes_out: number
  readonly view_seconds: number
  readonly viewers: number
}

/** What adds up. */
export type Sums = Pick<Figures, 'connections' | 'bytes_in' | 'bytes_out' | 'view_seconds'>

/** What is being added up of one group in one time. */
export class Count {
  private connections = 0
  private bytes_in = 0
  private bytes_out = 0
  private view_seconds = 0
  peak: number | undefined = 0
  viewers = 0

  constructor(
    /** When the time begins. */
    readonly from: number,
    readonly group: string,
  ) {}

  add(sums: Sums): void {
    this.connections += sums.connections
    this.bytes_in += sums.bytes_in
    this.bytes_out += sums.bytes_out
    this.view_seconds += sums.view_seconds
  }

  /** Another time of the same group. */
  addPeak(peak: number): void {
    if (this.peak !== undefined) this.peak = Math.max(this.peak, peak)
  }

  get figures(): Figures {
    const { connections, peak, bytes_in, bytes_out, view_seconds, viewers } = this
    return { connections, peak, bytes_in, bytes_out, view_seconds, viewers }
  }
}

/** Counts by when their time begins, and group. */
export class Counts {
  private readonly counts = new Map<string, Count>()

  /** `made`: told of each that was not there before. */
  of(from: number, group: string, made: () => void): Count {
    const key = `${from} ${group}`
    const known = this.counts.get(key)
    if (known) return known
    const count = new Count(from, group)
    this.counts.set(key, count)
    made()
    return count
  }

  get all(): Iterable<Count> {
    return this.counts.values()
  }
}
