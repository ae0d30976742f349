import type { Lot } from '../turns.js'
import { Audit, type ChainMac } from './audit.js'
import { Batch, type Entry, type Known, type Settled } from './batch.js'
import { Claims } from './claims.js'
import { Conflict, type Db, type Queries, type Session, StorageError } from './db.js'
import { KeyMeta } from './key-meta.js'
import { instanceShared } from './locked-names.js'
import { Meta } from './meta.js'
import type { Notes } from './notes.js'
import { onePlace, Partitions } from './partitions.js'
import { type Job, Queue } from './queue.js'
import { Repair } from './repair.js'
import { NeedsSavepoints, plain, savepoints, type Taking } from './taking.js'

export { BelowFloor, type Entry, type Ran } from './batch.js'

/** What other processes are told when the floor was raised. */
export const floorRaised = 'floor'

/** One of the transactions that may be under way at the same time, with an audit chain of its own. */
interface Lane {
  readonly node: string
  /** The one lane that writes what is noted, and does the chores. */
  readonly first: boolean
  busy: boolean
  /** Whose writes it is committing. */
  accounts: ReadonlySet<unknown>
  /** Milliseconds that they have taken, without the commit. */
  took: number
}

export interface LedgerOptions {
  readonly db: Db
  /** Names this process's audit chain; further lanes add a number to it. */
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
  /** Names the master key that this process seals under; absent where nothing is sealed. */
  readonly fingerprint?: () => string
  /** The newest migration that this process knows; absent where nobody upgrades the database. */
  readonly schema?: number
  /** Called with what the operator should know. */
  readonly onTrouble: (what: string, error: unknown) => void
  /** Told after each transaction of writes, with the seconds it took. */
  readonly onCommit?: ((writes: number, seconds: number) => void) | undefined
  /** After how many claims a file begins another partition; by default as many as a filter is made for. */
  readonly claimsPerPartition?: number
}

const forgottenAtOnce = 1_000
/** Chores that wait: a few kinds of them, each one at a time. */
const mostChores = 16
const nobody: ReadonlySet<unknown> = new Set()
/** Milliseconds for which lanes are kept free for others after writes of several accounts came. */
const mixedFor = 1_000
const probeAfter = 1_000
/** Batches that take savepoints after one that needed them: whoever is refused again and again makes nobody run twice. */
const cautiousBatches = 64
/** An entry that is alone is run, found to be taken back, and written down; or finds its claim taken, and looks again. */
const mostAgain = 4

/**
 * Where exactly-once lives (protocol §5): writes that arrive while a commit is under way share the next transaction, at
 * first without savepoints, and with one each when something has to be taken back. An entry's claim, effect, outcome and
 * audit row are in it together, and nobody is answered before the commit is durable.
 */
export class Ledger {
  private readonly queue: Queue
  private readonly chores: (() => Promise<void>)[] = []
  private readonly lanes: readonly Lane[]
  private gathering = false
  private flushing: Promise<void> | undefined
  private readonly repair: Repair
  /** Of an engine that has them. */
  private readonly partitions: Partitions | undefined
  private closing = false
  private lastCommit = Number.NEGATIVE_INFINITY
  private lastFailed = false
  /** How many of the next batches take savepoints. */
  private cautious = 0

  private readonly options: LedgerOptions

  constructor(given: LedgerOptions) {
    const options = { ...given, onTrouble: quietly(given.onTrouble) }
    const { node, db, claimsPerPartition } = options
    this.options = options
    this.queue = new Queue(db.maxBatch, db.exclusive)
    this.partitions = db.exclusive ? new Partitions(db, claimsPerPartition) : undefined
    this.repair = new Repair({ ...options, onRepaired: () => this.succeeded() })
    this.lanes = Array.from({ length: db.lanes }, (_, index) => ({
      node: index === 0 ? node : laneOf(node, index + 1),
      first: index === 0,
      busy: false,
      accounts: nobody,
      took: 0,
    }))
  }

  /** What makes the first writes fast: they would find it out for themselves. */
  async begin(): Promise<void> {
    await this.partitions?.begin()
  }

  /** Entries waiting for a transaction. */
  get waiting(): number {
    return this.queue.length
  }

  /** Seconds that the first of them has waited; 0 where none does. */
  get longestWait(): number {
    return this.queue.longestWait
  }

  /**
   * Resolves once the entry is durable. Rejects with {@link BelowFloor}, with {@link PendingRun}, with what `run` threw
   * (nothing of the entry was kept), or with a {@link StorageError}: kind `busy` when nothing was done, else unknown.
   */
  submit<T>(entry: Entry<T>): Promise<T> {
    if (this.repair.broken) return Promise.reject(new StorageError('fault', 'the storage is being repaired'))
    if (this.closing) return Promise.reject(new StorageError('busy', 'the gateway is closing'))
    if (this.queue.isFull(entry.account)) return Promise.reject(new StorageError('busy', 'too many writes are waiting'))
    return new Promise<T>((resolve, reject) => {
      const submitted = performance.now()
      const job = { entry, submitted, resolve, reject }
      // The pump hands each job the value of its own entry.
      this.queue.push(job as Job)
      this.pump()
    })
  }

  /** A write of the gateway itself, alone in its transaction; `committed` is called before anything else is written. */
  chore<T>(work: (session: Session) => Promise<T>, committed?: (result: T) => void): Promise<T> {
    if (this.repair.broken) return Promise.reject(new StorageError('fault', 'the storage is being repaired'))
    if (this.chores.length >= mostChores) return Promise.reject(new StorageError('busy', 'too many chores are waiting'))
    return new Promise((resolve, reject) => {
      this.chores.push(async () => {
        if (this.repair.broken) return reject(new StorageError('fault', 'the storage is being repaired'))
        try {
          const result = await this.options.db.transaction(async (session) => {
            await this.settle(session)
            await session.lock(instanceShared)
            await this.requireFit(session)
            return work(session)
          })
          this.succeeded()
          committed?.(result)
          resolve(result)
        } catch (error) {
          this.failed(error)
          if (this.repair.broken) await this.repair.recover()
          reject(error)
        }
      })
      this.pump()
    })
  }

  /**
   * Forgets the claims made before a request id on messages dated until `until`; the number forgotten. In the same transaction it
   * raises the floor to the newest timestamp of those that go, and to `window` after the newest of them was made: so far ahead
   * another message under the same key may be dated. Takes as many transactions as it needs, between those of the writes.
   */
  async forget(beforeRequest: string, until: number, window: number): Promise<number> {
    const claims = new Claims(this.options.db)
    let forgotten = 0
    while (!this.closing && (await claims.anyBefore(beforeRequest, until))) {
      forgotten += await this.chore(async (session) => {
        const old = new Claims(session)
        const portion = await old.portion(beforeRequest, until, forgottenAtOnce)
        // Another node was faster.
        if (!portion) return 0
        const { newest, made } = portion
        await new Meta(session).forgotten(Math.max(newest, Math.min(made + window, until)))
        await session.tell([floorRaised])
        return old.forget(portion)
      })
    }
    await this.partitions?.forgotten()
    return forgotten
  }

  /** Whether a write would succeed now; writes a row when the last commit was not a moment ago. */
  async writable(now: number): Promise<boolean> {
    if (this.repair.broken) return false
    if (!this.lastFailed && performance.now() - this.lastCommit < probeAfter) return true
    try {
      await this.chore((session) => new Meta(session).set('probe', String(now)))
      return true
    } catch {
      return false
    }
  }

  /** Writes down what is noted, when no batch did; a call while another one goes on is the same one. */
  flush(): Promise<void> {
    this.flushing ??= this.writeNotes(false).finally(() => {
      this.flushing = undefined
    })
    return this.flushing
  }

  /** `all`: the uses of keys as well, which are written once a minute. */
  private async writeNotes(all: boolean): Promise<void> {
    const { node, notes, chainMac, now } = this.options
    if (!notes.due(now(), all)) return
    do {
      await this.chore(
        async (session) => {
          const head = await new Audit(session).head(node)
          return notes.write(session, node, head, chainMac, now(), { all, others: () => this.others() })
        },
        ({ written }) => written(),
      )
    } while (notes.many || (all && notes.due(now(), all)))
  }

  /** Lets the event loop turn; false when a write waits for the transaction to end. */
  private async others(): Promise<boolean> {
    if (this.closing) return true
    await new Promise((resolve) => setImmediate(resolve))
    return this.queue.length === 0
  }

  /** Ends after everything submitted was answered and everything noted was written. */
  async close(): Promise<void> {
    this.closing = true
    this.repair.close()
    this.partitions?.close()
    await this.idle()
    await this.writeNotes(true).catch((error: unknown) =>
      this.options.onTrouble('the last notes were not written', error),
    )
    await this.idle()
  }

  private async idle(): Promise<void> {
    while (this.lanes.some(({ busy }) => busy)) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Sets a free lane to work; a further one follows when the first has taken its share and left some. */
  private pump(): void {
    const [first] = this.lanes
    const chore = this.chores.length > 0 && first?.busy === false
    // Whoever gathers takes what is submitted now.
    if (!chore && (this.queue.length === 0 || this.gathering)) return
    const free = chore ? first : this.lanes.find(({ busy }) => !busy)
    if (free) this.start(free)
  }

  private start(lane: Lane): void {
    lane.busy = true
    void this.drain(lane)
  }

  private async drain(lane: Lane): Promise<void> {
    for (let again = false; ; again = true) {
      if (lane.first) await this.chores.shift()?.()
      // Another lane that gathers takes what there is, and sets this one to work again.
      const lot = this.gathering ? undefined : await this.take(again)
      if (lot && lot.items.length > 0) {
        lane.accounts = new Set(lot.items.map(({ entry }) => entry.account))
        this.pump()
        lane.took = 0
        await this.commit(lane, this.inOrder(lot.items))
        this.queue.charge(lot, lane.took)
        lane.accounts = nobody
      } else if (!lane.first || this.chores.length === 0) break
    }
    lane.busy = false
  }

  /** The lane's share of what waits: as much as every lane that is free may take. */
  private async take(again: boolean): Promise<Lot<Job> | undefined> {
    this.gathering = true
    await this.queue.gather(again)
    this.gathering = false
    this.queue.refuseOld()
    const free = this.lanes.filter(({ busy }) => !busy).length
    const share = Math.ceil(this.queue.length / (free + 1))
    const { maxBatch, exclusive } = this.options.db
    if (exclusive) return this.queue.take(maxBatch)
    const most = this.cautious === 0 ? Math.min(share, maxBatch) : 1
    const lot = this.queue.take(most, (account) => this.lanesOf(account) === 0)
    return lot.items.length > 0 ? lot : this.takeMore(most)
  }

  /**
   * Writes of an account that another lane works for: they may wait for its locks, so no other account shares their transaction,
   * and where others have written lately half of the lanes are left to them.
   */
  private takeMore(most: number): Lot<Job> | undefined {
    const lanes = this.queue.isMixed(mixedFor) ? Math.ceil(this.lanes.length / 2) : this.lanes.length
    const next = this.queue.whose((account) => this.lanesOf(account) < lanes)
    return next && this.queue.take(most, (account) => account === next.name)
  }

  private lanesOf(account: unknown): number {
    return this.lanes.filter(({ accounts }) => accounts.has(account)).length
  }

  /** Transactions that change the same rows change them in the same order, so that none waits for one that waits for it. */
  private inOrder(jobs: readonly Job[]): readonly Job[] {
    return this.options.db.exclusive ? jobs : [...jobs].sort(byOrder)
  }

  private async commit(lane: Lane, jobs: readonly Job[], known: Known = new Map()): Promise<void> {
    if (this.repair.broken) return reject(jobs, new StorageError('fault', 'the storage is being repaired'))
    const begun = performance.now()
    const { notes } = this.options
    const entries = jobs.map(({ entry }) => entry)
    const parts = {
      ...this.options,
      node: lane.node,
      notes: lane.first ? notes : undefined,
      requireFit: (session: Queries) => this.requireFit(session),
    }
    const batch = new Batch(entries, parts, known)
    try {
      const written = await this.carefully(batch)
      lane.took += batch.took
      this.committed(jobs, batch, written, begun)
    } catch (error) {
      lane.took += batch.took
      if (this.standsAlone(jobs, error)) {
        for (const job of jobs) await this.commit(lane, [job], known)
        return
      }
      this.failed(error)
      if (!this.repair.broken) return reject(jobs, error)
      await this.answerAfterRepair(jobs, batch.settled, error)
    }
  }

  /** What is durable is answered, whatever fails of what is only to be remembered of it. */
  private committed(jobs: readonly Job[], batch: Batch, written: () => void, begun: number): void {
    this.succeeded()
    settle(jobs, batch.settled)
    try {
      written()
      this.options.onCommit?.(jobs.length, (performance.now() - begun) / 1000)
    } catch (error) {
      this.options.onTrouble('a commit was not counted', error)
    }
  }

  /** Whether entries that could not share a transaction are to have one each, where savepoints are dear. */
  private standsAlone(jobs: readonly Job[], error: unknown): boolean {
    if (this.options.db.exclusive || jobs.length === 1) return false
    this.cautious = cautiousBatches
    return !(error instanceof StorageError) || error.kind === 'locked' || error.kind === 'busy'
  }

  private settle(session: Session): Promise<void> | undefined {
    if (this.options.db.changedElsewhere()) this.options.onDoubt()
    return this.options.settle?.(session)
  }

  /**
   * Another process may have changed the master key, or upgraded the database to what this one does not know. Behind the lock of the
   * instance none does until this transaction has ended.
   */
  private async requireFit(queries: Queries): Promise<void> {
    const { db, fingerprint, schema = Number.POSITIVE_INFINITY, onDoubt } = this.options
    if (db.exclusive || !fingerprint) return
    const found = await new KeyMeta(queries).inForce()
    if (found.fingerprint === fingerprint() && found.compatibleSince <= schema) return
    onDoubt()
    throw new Conflict('the master key was changed, or the schema upgraded')
  }

  /**
   * Without savepoints where nothing is likely to be taken back; if something is, all of it is rolled back, and run again
   * with them, or, where the engine has no cheap ones, alone: then what is known is not run again.
   */
  private async carefully(batch: Batch): Promise<() => void> {
    const { db } = this.options
    const attempt = (taking: (session: Session) => Taking) => {
      return db.transaction(async (session) => {
        const settling = this.settle(session)
        if (settling) await settling
        const place = this.partitions ? await this.partitions.enter(session) : onePlace
        return batch.run(session, taking(session), place)
      })
    }
    if (this.cautious > 0) this.cautious--
    if (db.exclusive && (this.cautious > 0 || batch.discards)) return attempt(savepoints)
    for (let again = 0; ; again++) {
      try {
        return await attempt(plain)
      } catch (error) {
        if (!(error instanceof NeedsSavepoints)) throw error
        this.cautious = cautiousBatches
        if (db.exclusive) return attempt(savepoints)
        if (batch.size > 1 || again === mostAgain) throw error
      }
    }
  }

  private succeeded(): void {
    this.lastCommit = performance.now()
    this.lastFailed = false
  }

  private failed(error: unknown): void {
    // Somebody who holds a row for long is no failure of the storage.
    if (!(error instanceof StorageError) || error.kind === 'locked') return
    this.lastFailed = true
    this.options.onDoubt()
    if (error.kind === 'fault') this.partitions?.doubt()
    if (error.kind !== 'busy') this.options.onTrouble('a transaction failed: nothing of it was acknowledged', error)
    if (error.kind === 'fault') this.repair.broken = true
  }

  /** Some of the batch may be in the database: only what is found there after a repair is acknowledged. */
  private async answerAfterRepair(jobs: readonly Job[], settled: readonly Settled[], error: unknown): Promise<void> {
    if (!(await this.repair.recover())) return reject(jobs, error)
    for (const [index, job] of jobs.entries()) {
      const result = settled[index]
      // What cannot be looked up is unknown, as it was.
      const kept =
        result && 'value' in result && (await this.repair.isKept(job.entry.identity, result.made).catch(() => false))
      if (kept) job.resolve(result.value)
      else job.reject(error)
    }
  }
}

/** What tells of trouble must not be the next one: those who wait are answered all the same. */
function quietly(tell: LedgerOptions['onTrouble']): LedgerOptions['onTrouble'] {
  return (what, error) => {
    try {
      tell(what, error)
    } catch {
      // There is nobody left to tell.
    }
  }
}

function byOrder({ entry: { order: one = '' } }: Job, { entry: { order: other = '' } }: Job): number {
  return one === other ? 0 : one < other ? -1 : 1
}

/** The name of a further chain of a node. */
const laneOf = (node: string, number: number): string => `${node}.${number}`

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
