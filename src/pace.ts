import { invalid, Refusal } from './refusal.js'
import type { Pace } from './store/pace.js'

/** Milliseconds of long reads in one turn of the event loop, all of them together. */
const longestTurn = 2
/** Long reads of one account that wait for another one of it. */
const mostWaiting = 32
/** Accounts whose long reads go on at the same time: each may hold some 100 MB. */
const mostAccounts = 16
/** What the reads of one batch may do together, in units of {@link Pace}: some 15 ms. */
const batchWork = 4_000

/**
 * Long reads share the event loop: in each turn one of them goes on for {@link longestTurn} milliseconds. The accounts take
 * turns, and of an account one read goes on at a time, so an account that asks for a hundred gets no more than one that asks once.
 * A read that is done sooner never waits.
 */
export class LongReads {
  /** The long reads of each account, the one that goes on first. */
  private readonly lines = new Map<number, ReadPace[]>()
  /** Accounts whose first read goes on, the next one first. */
  private readonly active: number[] = []
  /** Accounts that wait until one of those has no turn to take. */
  private readonly waiting: number[] = []
  private ticking = false
  private turnBegan: number | undefined

  /** The pace of one read, which must tell when it has ended. `timeLimit` in milliseconds. */
  begin(account: number, timeLimit: number, isGone?: () => boolean): ReadPace {
    return new ReadPace(this, account, timeLimit, isGone)
  }

  /** Whether long reads have had their time of this turn. */
  isOver(now: number): boolean {
    if (this.turnBegan !== undefined) return now - this.turnBegan >= longestTurn
    this.beginTurn(now)
    return false
  }

  /** Has a read wait for its turn. Throws 1503 where its account has too many that do. */
  join(read: ReadPace): void {
    const line = this.lines.get(read.account)
    if (!line) {
      this.lines.set(read.account, [read])
      this.waiting.push(read.account)
      this.admit()
    } else if (!line.includes(read)) {
      if (line.length > mostWaiting) throw new Refusal('OVERLOADED')
      line.push(read)
    }
    this.tick()
  }

  /** Lets the next read of its account, or the next account, go on. */
  leave(read: ReadPace): void {
    const line = this.lines.get(read.account)
    const at = line?.indexOf(read) ?? -1
    if (!line || at < 0) return
    line.splice(at, 1)
    if (at > 0) return
    this.active.splice(this.active.indexOf(read.account), 1)
    if (line.length > 0) this.waiting.push(read.account)
    else this.lines.delete(read.account)
    this.admit()
    this.tick()
  }

  private admit(): void {
    while (this.active.length < mostAccounts) {
      const next = this.waiting.shift()
      if (next === undefined) return
      this.active.push(next)
    }
  }

  private beginTurn(now: number): void {
    this.turnBegan = now
    setImmediate(() => {
      this.turnBegan = undefined
    })
  }

  private tick(): void {
    if (this.ticking) return
    this.ticking = true
    setImmediate(() => {
      this.ticking = false
      this.next()
    })
  }

  /** Lets the read go on that has waited longest for its turn. */
  private next(): void {
    const at = this.active.findIndex((account) => this.lines.get(account)?.[0]?.resting)
    const [account] = at < 0 ? [] : this.active.splice(at, 1)
    if (account === undefined) return
    this.active.push(account)
    this.beginTurn(performance.now())
    this.lines.get(account)?.[0]?.goOn()
    if (this.active.some((other) => this.lines.get(other)?.[0]?.resting)) this.tick()
  }
}

/**
 * The pace of one read. It stops the work itself where nobody waits for the answer: past the time limit, when another answer was given, and
 * once the connection has ended.
 */
export class ReadPace implements Pace {
  private readonly end: number
  private resume: (() => void) | undefined

  constructor(
    private readonly longReads: LongReads,
    readonly account: number,
    timeLimit: number,
    private readonly isGone: () => boolean = () => false,
  ) {
    this.end = performance.now() + timeLimit
  }

  get resting(): boolean {
    return this.resume !== undefined
  }

  isDue(): boolean {
    const now = performance.now()
    this.requireWanted(now)
    return this.longReads.isOver(now)
  }

  async rest(): Promise<void> {
    const rested = new Promise<void>((resolve) => {
      this.resume = resolve
    })
    this.longReads.join(this)
    await rested
    this.requireWanted()
  }

  /** Throws 1504 where the answer would come too late. */
  requireWanted(now = performance.now()): void {
    if (now > this.end || this.isGone()) throw new Refusal('TIMED_OUT')
  }

  goOn(): void {
    const { resume } = this
    this.resume = undefined
    resume?.()
  }

  /** To be called when the read has ended, however it did. */
  over(): void {
    this.longReads.leave(this)
  }
}

/** The pace of the reads inside one write, which cannot give the event loop back: together they may do only so much. */
export class BatchPace implements Pace {
  private left = batchWork

  isDue(work = 1): boolean {
    this.left -= work
    if (this.left < 0) throw invalid('/cmd', 'reads more than a batch can carry: send it by itself')
    return false
  }

  async rest(): Promise<void> {}
}
