import { type Lot, Turns } from '../turns.js'
import type { Entry } from './batch.js'
import { StorageError } from './db.js'

/** A write that waits for its transaction. */
export interface Job {
  readonly entry: Entry<unknown>
  readonly submitted: number
  resolve(value: unknown): void
  reject(error: unknown): void
}

const maxWaiting = 8_192
/** Milliseconds that a write may have waited when its turn comes: who has given up by then is better told to come again. */
const oldest = 5_000
/** Commands that are kept waiting for no others: a commit is little of what so many cost. */
const enough = 128
/** Turns of the event loop, some microseconds each: without a further write, and altogether. */
const quietTurns = 2
const mostTurns = 12
/** Milliseconds after which no further write is waited for: where other work fills the turns, they cost more than a commit. */
const longestGathering = 5

/**
 * Work of an account whose commands take longer than `from` milliseconds each: no more of it shares a transaction than takes
 * `most`. Where one thread does everything, nobody else is answered meanwhile.
 */
const slow = { from: 0.5, most: 10 }
/** Milliseconds of each account's commands that share a transaction there, while others write as well. */
const share = 2
/** Writes of one account that may wait. */
const maxWaitingOfOne = 2_048

/** Writes that wait for a transaction: accounts take turns, and each account's are in the order of their coming. */
export class Queue {
  private readonly jobs: Turns<Job>
  /** Commands that they carry. */
  private weight = 0
  /** Ends the wait for more. */
  private hurry: (() => void) | undefined

  /** `most`: how many commands a transaction takes. `inThread`: it stops everything else while it lasts. */
  constructor(
    private readonly most: number,
    inThread = false,
  ) {
    this.jobs = new Turns({ sizeOf: weightOf, unitsOf: weightOf, ...(inThread && { slow, share }) })
  }

  get length(): number {
    return this.jobs.length
  }

  /** Whether another write of an account is one too many. */
  isFull(account: number | undefined): boolean {
    return this.jobs.length >= maxWaiting || (account !== undefined && this.jobs.lengthOf(account) >= maxWaitingOfOne)
  }

  /** Whether writes of several accounts came within so many milliseconds. */
  isMixed(within: number): boolean {
    return this.jobs.isMixed(within)
  }

  /** Whose turn it is, of those accounts that `may` allows. */
  whose(may: (account: unknown) => boolean): { readonly name: unknown } | undefined {
    return this.jobs.whose(may)
  }

  /** Seconds that the first has waited; 0 where none does. */
  get longestWait(): number {
    let first = Number.POSITIVE_INFINITY
    for (const { submitted } of this.jobs.firsts()) first = Math.min(first, submitted)
    return this.jobs.length > 0 ? (performance.now() - first) / 1000 : 0
  }

  push(job: Job): void {
    this.jobs.add(job.entry.account, job)
    this.weight += weightOf(job)
    if (this.hasEnough) this.hurry?.()
  }

  /** The next ones, up to so many commands, and at least one; of those accounts that `may` allows. */
  take(commands: number, may?: (account: unknown) => boolean): Lot<Job> {
    const lot = this.jobs.take(commands, may)
    for (const job of lot.items) this.weight -= weightOf(job)
    return lot
  }

  /** Notes how many milliseconds a transaction took: accounts whose writes take long have fewer turns. */
  charge(lot: Lot<Job>, milliseconds: number): void {
    this.jobs.charge(lot, milliseconds)
  }

  /** Tells those that have waited too long to come again. */
  refuseOld(): void {
    const limit = performance.now() - oldest
    this.jobs.drop((job) => {
      if (job.submitted >= limit) return false
      this.weight -= weightOf(job)
      job.reject(new StorageError('busy', 'the write waited too long'))
      return true
    })
  }

  /**
   * Waits while turns of the event loop still bring writes: a commit waits for the disk, and whoever shares it waits once.
   * Without this, half of the clients would send while the other half is committed, and each half would wait for both. Enough of
   * them are committed before anything else is read; but `again`, behind another commit, the event loop turns once in between.
   */
  async gather(again: boolean): Promise<void> {
    if (again && this.hasEnough) await new Promise((resolve) => setImmediate(resolve))
    const begun = performance.now()
    let waiting = 0
    let quiet = 0
    for (let turn = 0; turn < mostTurns && quiet < quietTurns && !this.hasEnough; turn++) {
      await new Promise<void>((resolve) => {
        this.hurry = resolve
        setImmediate(resolve)
      })
      if (performance.now() - begun > longestGathering) break
      quiet = this.jobs.length > waiting ? 0 : quiet + 1
      waiting = this.jobs.length
    }
    this.hurry = undefined
  }

  private get hasEnough(): boolean {
    return this.weight >= Math.min(enough, this.most)
  }
}

/** What an operator's module gives may be no number, or without end: nothing of it may stay once the job has gone. */
const weightOf = ({ entry: { weight = 1 } }: Job): number => (weight > 1 ? Math.min(weight, enough) : 1)
