/** The clocks that a gateway compares, in milliseconds. */
export interface Clocks {
  /** Since 1970; anybody may set it. */
  readonly now: () => number
  /** Since some moment; nobody sets it. */
  readonly monotonic: () => number
  /** The clock of the database server, since 1970; undefined where the database is a file. */
  readonly server: () => Promise<number | undefined>
}

/** How long a clock must run evenly, after the start and after a jump, before anything is forgotten by it. */
const settlingTime = 600_000
/** How far two looks may differ: more than any slewing, less than anything that matters. */
const slack = 5_000
const lookEvery = 5_000

/**
 * Says how far the wall clock may be believed where a decision cannot be taken back. A clock that was wrong at the start is
 * usually right some minutes later, and one that jumps was wrong before or after.
 */
export class ClockGuard {
  private steadySince: number
  private drift: number
  private offset: number | undefined
  private lookedAt = Number.NEGATIVE_INFINITY

  constructor(
    private readonly clocks: Clocks,
    private readonly settling = settlingTime,
  ) {
    this.steadySince = clocks.monotonic()
    this.drift = clocks.now() - this.steadySince
  }

  /** Milliseconds by which this clock is ahead of the database server's; undefined where there is none, or none was asked. */
  get ahead(): number | undefined {
    return this.offset
  }

  /** Why this node must not serve; undefined when its clock agrees with the database server's. */
  async fault(): Promise<string | undefined> {
    if (this.clocks.monotonic() - this.lookedAt >= lookEvery) await this.look()
    if (this.offset === undefined || Math.abs(this.offset) <= slack) return undefined
    const seconds = Math.round(Math.abs(this.offset) / 1000)
    return `the clock is ${seconds} s ${this.offset > 0 ? 'ahead of' : 'behind'} the clock of the database server`
  }

  /** The moment (Unix milliseconds) that has certainly come; undefined while nothing may be forgotten. */
  async settled(): Promise<number | undefined> {
    const now = await this.look()
    if ((await this.fault()) !== undefined) return undefined
    if (this.clocks.monotonic() - this.steadySince < this.settling) return undefined
    return now - Math.max(0, this.offset ?? 0)
  }

  private async look(): Promise<number> {
    const { now, monotonic, server } = this.clocks
    const begun = monotonic()
    const before = now()
    const drift = before - begun
    if (Math.abs(drift - this.drift) > slack) this.steadySince = begun
    this.drift = drift
    const there = await server()
    const ended = monotonic()
    this.lookedAt = ended
    if (there === undefined) this.offset = undefined
    else {
      // The server looked at its clock at some moment between the two.
      const half = (ended - begun) / 2
      const difference = before + half - there
      this.offset = Math.sign(difference) * Math.max(0, Math.abs(difference) - half)
    }
    return before
  }
}
