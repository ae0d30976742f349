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

/** Writes that wait for a transaction, in the order of their coming. */
export class Queue {
  private readonly jobs: Job[] = []
  /** Commands that they carry. */
  private weight = 0
  /** Ends the wait for more. */
  private hurry: (() => void) | undefined

  /** `most`: how many a transaction takes. */
  constructor(private readonly most: number) {}

  get length(): number {
    return this.jobs.length
  }

  get isFull(): boolean {
    return this.jobs.length >= maxWaiting
  }

  /** Seconds that the first has waited; 0 where none does. */
  get longestWait(): number {
    const [first] = this.jobs
    return first ? (performance.now() - first.submitted) / 1000 : 0
  }

  push(job: Job): void {
    this.jobs.push(job)
    this.weight += weightOf(job)
    if (this.hasEnough) this.hurry?.()
  }

  take(count: number): Job[] {
    const taken = this.jobs.splice(0, count)
    for (const job of taken) this.weight -= weightOf(job)
    return taken
  }

  /** Tells those that have waited too long to come again. */
  refuseOld(): void {
    const limit = performance.now() - oldest
    for (let [first] = this.jobs; first && first.submitted < limit; [first] = this.jobs) {
      this.take(1)
      first.reject(new StorageError('busy', 'the write waited too long'))
    }
  }

  /**
   * Waits while turns of the event loop still bring writes: a commit waits for the disk, and whoever shares it waits once.
   * Without this, half of the clients would send while the other half is committed, and each half would wait for both. Enough of
   * them are committed before anything else is read; but `again`, behind another commit, the event loop turns once in between.
   */
  async gather(again: boolean): Promise<void> {
    if (again && this.hasEnough) await new Promise((resolve) => setImmediate(resolve))
    let waiting = 0
    let quiet = 0
    for (let turn = 0; turn < mostTurns && quiet < quietTurns && !this.hasEnough; turn++) {
      await new Promise<void>((resolve) => {
        this.hurry = resolve
        setImmediate(resolve)
      })
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
