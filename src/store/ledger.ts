import { Audit, type ChainMac } from './audit.js'
import { Batch, type Entry, type Settled } from './batch.js'
import { Claims } from './claims.js'
import { type Db, type Session, StorageError } from './db.js'
import { Meta } from './meta.js'
import type { Notes } from './notes.js'
import { NeedsSavepoints, plain, savepoints, type Taking } from './taking.js'

export { BelowFloor, type Entry, type Ran } from './batch.js'

interface Job {
  readonly entry: Entry<unknown>
  readonly submitted: number
  resolve(value: unknown): void
  reject(error: unknown): void
}

export interface LedgerOptions {
  readonly db: Db
  /** Names this process's audit chain. */
  readonly node: string
  readonly chainMac: ChainMac
  /** What is written down with the next transaction, without anybody waiting for it. */
  readonly notes: Notes
  /** Unix seconds. */
  readonly now: () => number
  /** Called when the storage was reopened or another process wrote: whatever was cached is doubtful. */
  readonly onDoubt: () => void
  /** Looks again, inside the transaction, at what must be right before anything is written; undefined when there is no doubt. */
  readonly settle?: (session: Session) => Promise<void> | undefined
  /** Called with what the operator should know. */
  readonly onTrouble: (what: string, error: unknown) => void
  /** Told after each transaction of writes, with the seconds it took. */
  readonly onCommit?: ((writes: number, seconds: number) => void) | undefined
}

const maxWaiting = 8_192
/** Milliseconds that a write may have waited when its turn comes: who has given up by then is better told to come again. */
const oldest = 5_000
const forgottenAtOnce = 1_000
const repairEvery = 1_000
/** Turns of the event loop, some microseconds each: without a further write, and altogether. */
const quietTurns = 2
const mostTurns = 12
const probeAfter = 1_000
/** Batches that take savepoints after one that needed them: whoever is refused again and again makes nobody run twice. */
const cautiousBatches = 64

/**
 * Where exactly-once lives (protocol §5): writes that arrive while a commit is under way share the next transaction, at
 * first without savepoints, and with one each when something has to be taken back. An entry's claim, effect, outcome and
 * audit row are in it together, and nobody is answered before the commit is durable.
 */
export class Ledger {
  private readonly queue: Job[] = []
  private readonly chores: (() => Promise<void>)[] = []
  private pumping = false
  private broken = false
  private closing = false
  private lastCommit = 0
  private lastFailed = false
  /** How many of the next batches take savepoints. */
  private cautious = 0

  constructor(private readonly options: LedgerOptions) {}

  /** Entries waiting for a transaction. */
  get waiting(): number {
    return this.queue.length
  }

  /** Seconds that the first of them has waited; 0 where none does. */
  get longestWait(): number {
    const [first] = this.queue
    return first ? (performance.now() - first.submitted) / 1000 : 0
  }

  /**
   * Resolves once the entry is durable. Rejects with {@link BelowFloor}, with {@link PendingRun}, with what `run` threw
   * (nothing of the entry was kept), or with a {@link StorageError}: kind `busy` when nothing was done, else unknown.
   */
  submit<T>(entry: Entry<T>): Promise<T> {
    if (this.broken) return Promise.reject(new StorageError('fault', 'the storage is being repaired'))
    if (this.closing) return Promise.reject(new StorageError('busy', 'the gateway is closing'))
    if (this.queue.length >= maxWaiting) return Promise.reject(new StorageError('busy', 'too many writes are waiting'))
    return new Promise<T>((resolve, reject) => {
      const job = { entry, submitted: performance.now(), resolve, reject }
      // The pump hands each job the value of its own entry.
      this.queue.push(job as Job)
      this.pump()
    })
  }

  /** A write of the gateway itself, alone in its transaction; `committed` is called before anything else is written. */
  chore<T>(work: (session: Session) => Promise<T>, committed?: (result: T) => void): Promise<T> {
    if (this.broken) return Promise.reject(new StorageError('fault', 'the storage is being repaired'))
    return new Promise((resolve, reject) => {
      this.chores.push(async () => {
        if (this.broken) return reject(new StorageError('fault', 'the storage is being repaired'))
        try {
          const result = await this.options.db.transaction(async (session) => {
            await this.settle(session)
            return work(session)
          })
          this.succeeded()
          committed?.(result)
          resolve(result)
        } catch (error) {
          this.failed(error)
          if (this.broken) await this.recover()
          reject(error)
        }
      })
      this.pump()
    })
  }

  /**
   * Forgets the claims made before a request id, raising the floor in the same transaction; the number forgotten. Takes
   * as many transactions as it needs, between those of the writes.
   */
  async forget(beforeRequest: string, floor: number): Promise<number> {
    const claims = new Claims(this.options.db)
    let forgotten = 0
    while (!this.closing && (await claims.anyBefore(beforeRequest, floor))) {
      forgotten += await this.chore(async (session) => {
        await new Meta(session).raiseFloor(floor)
        return new Claims(session).forget(beforeRequest, floor, forgottenAtOnce)
      })
    }
    return forgotten
  }

  /** Whether a write would succeed now; writes a row when the last commit was not a moment ago. */
  async writable(now: number): Promise<boolean> {
    if (this.broken) return false
    if (!this.lastFailed && performance.now() - this.lastCommit < probeAfter) return true
    try {
      await this.chore((session) => new Meta(session).set('probe', String(now)))
      return true
    } catch {
      return false
    }
  }

  /** Writes down what is noted, when no batch did. `all`: the uses of keys as well, which are written once a minute. */
  async flush(all = false): Promise<void> {
    const { node, notes, chainMac, now } = this.options
    if (!notes.due(now(), all)) return
    do {
      await this.chore(
        async (session) => {
          const head = await new Audit(session).head(node)
          return notes.write(session, node, head, chainMac, now(), all)
        },
        ({ written }) => written(),
      )
    } while (notes.many || (all && notes.due(now(), all)))
  }

  /** Ends after everything submitted was answered and everything noted was written. */
  async close(): Promise<void> {
    this.closing = true
    while (this.pumping) await new Promise((resolve) => setImmediate(resolve))
    await this.flush(true).catch((error: unknown) => this.options.onTrouble('the last notes were not written', error))
    while (this.pumping) await new Promise((resolve) => setImmediate(resolve))
  }

  private pump(): void {
    if (this.pumping) return
    this.pumping = true
    void this.drain()
  }

  private async drain(): Promise<void> {
    while (this.queue.length > 0 || this.chores.length > 0) {
      await this.chores.shift()?.()
      await this.gather()
      this.refuseOld()
      if (this.queue.length > 0) await this.commit(this.queue.splice(0, this.options.db.maxBatch))
    }
    this.pumping = false
  }

  private refuseOld(): void {
    const limit = performance.now() - oldest
    for (let first = this.queue[0]; first && first.submitted < limit; first = this.queue[0]) {
      this.queue.shift()
      first.reject(new StorageError('busy', 'the write waited too long'))
    }
  }

  /**
   * Waits while turns of the event loop still bring writes: a commit waits for the disk, and whoever shares it waits once.
   * Without this, half of the clients would send while the other half is committed, and each half would wait for both.
   */
  private async gather(): Promise<void> {
    let waiting = 0
    let quiet = 0
    for (let turn = 0; turn < mostTurns && quiet < quietTurns && waiting < this.options.db.maxBatch; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      quiet = this.queue.length > waiting ? 0 : quiet + 1
      waiting = this.queue.length
    }
  }

  private async commit(jobs: readonly Job[]): Promise<void> {
    if (this.broken) return reject(jobs, new StorageError('fault', 'the storage is being repaired'))
    const begun = performance.now()
    const batch = new Batch(
      jobs.map(({ entry }) => entry),
      this.options,
    )
    try {
      const written = await this.carefully(batch)
      this.succeeded()
      written()
      settle(jobs, batch.settled)
      this.options.onCommit?.(jobs.length, (performance.now() - begun) / 1000)
    } catch (error) {
      this.failed(error)
      if (!this.broken) return reject(jobs, error)
      await this.answerAfterRepair(jobs, batch.settled, error)
    }
  }

  private settle(session: Session): Promise<void> | undefined {
    if (this.options.db.changedElsewhere()) this.options.onDoubt()
    return this.options.settle?.(session)
  }

  /** Without savepoints where nothing is likely to be taken back; if something is, all of it is rolled back and run again with them. */
  private async carefully(batch: Batch): Promise<() => void> {
    const { db } = this.options
    const attempt = (taking: (session: Session) => Taking) => {
      return db.transaction(async (session) => {
        const settling = this.settle(session)
        if (settling) await settling
        return batch.run(session, taking(session))
      })
    }
    if (this.cautious > 0) this.cautious--
    if (this.cautious > 0 || batch.discards) return attempt(savepoints)
    try {
      return await attempt(plain)
    } catch (error) {
      if (!(error instanceof NeedsSavepoints)) throw error
      this.cautious = cautiousBatches
      return attempt(savepoints)
    }
  }

  private succeeded(): void {
    this.lastCommit = performance.now()
    this.lastFailed = false
  }

  private failed(error: unknown): void {
    if (!(error instanceof StorageError)) return
    this.lastFailed = true
    this.options.onDoubt()
    if (error.kind !== 'busy') this.options.onTrouble('a transaction failed: nothing of it was acknowledged', error)
    if (error.kind === 'fault') this.broken = true
  }

  /** Some of the batch may be in the file: only what is found there after a repair is acknowledged. */
  private async answerAfterRepair(jobs: readonly Job[], settled: readonly Settled[], error: unknown): Promise<void> {
    if (!(await this.recover())) return reject(jobs, error)
    const claims = new Claims(this.options.db)
    for (const [index, job] of jobs.entries()) {
      const { identity } = job.entry
      const result = settled[index]
      // What cannot be read is unknown, as it was.
      const claim = identity === undefined ? undefined : await claims.find(identity).catch(() => undefined)
      // Another process may have run the same message since: its outcome is not this one's.
      const kept = claim && result && 'value' in result && (result.made ?? claim.request_id) === claim.request_id
      if (kept) job.resolve(result.value)
      else job.reject(error)
    }
  }

  /** True when the storage works again; otherwise that is tried until it does. */
  private async recover(): Promise<boolean> {
    try {
      await this.repair()
      return true
    } catch (fault) {
      this.options.onTrouble('the storage could not be repaired: writes are refused until it can', fault)
      this.repairLater()
      return false
    }
  }

  private async repair(): Promise<void> {
    await this.options.db.repair()
    await this.options.db.transaction((session) => new Meta(session).set('probe', 'repaired'))
    this.options.onDoubt()
    this.broken = false
    this.succeeded()
  }

  private repairLater(): void {
    const timer = setTimeout(() => {
      if (this.closing) return
      this.repair().then(
        () => this.options.onTrouble('the storage works again', undefined),
        () => this.repairLater(),
      )
    }, repairEvery)
    timer.unref()
  }
}

function settle(jobs: readonly Job[], settled: readonly Settled[]): void {
  for (const [index, job] of jobs.entries()) {
    const result = settled[index]
    if (!result) job.reject(new StorageError('fault', 'no result'))
    else if ('value' in result) job.resolve(result.value)
    else job.reject(result.error)
  }
}

function reject(jobs: readonly Job[], error: unknown): void {
  for (const job of jobs) job.reject(error)
}
