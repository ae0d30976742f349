import { Audit, type AuditEntry, type ChainMac, type Head } from './audit.js'
import { type Claim, Claims } from './claims.js'
import { type Db, type Queries, type Session, StorageError } from './db.js'
import type { Nested } from './handle.js'
import { Meta } from './meta.js'
import type { Notes } from './notes.js'
import { Watch } from './watch.js'

/** What one command did inside the shared transaction. */
export interface Ran<T> {
  /** False takes the effect back (an even code, a dry run); the claim and the audit row stay. */
  readonly keep: boolean
  readonly claim: Claim | undefined
  /** One row, or several for a command that carries others. */
  readonly audit: readonly AuditEntry[]
  readonly value: T
}

/** One write that waits for its transaction. */
export interface Entry<T> {
  /** The command, for what the operator is told. */
  readonly name: string
  /** What must not have been seen before; absent for dry runs and local commands, which claim nothing. */
  readonly identity: string | undefined
  /** The message's timestamp, held against the floor inside the transaction; absent for local commands. */
  readonly timestamp: number | undefined
  /** Runs after the identity was found free. What it throws refuses this entry alone. */
  run(queries: Queries, nested: Nested): Promise<Ran<T>>
  /** Answers for an identity that was seen before. */
  seen(claim: Claim, queries: Queries): Promise<T>
}

/** The message's timestamp is at or below the floor. */
export class BelowFloor extends Error {}

interface Job {
  readonly entry: Entry<unknown>
  readonly submitted: number
  resolve(value: unknown): void
  reject(error: unknown): void
}

interface Done {
  readonly value: unknown
  readonly head: Head
  /** The request id of the claim that was made; undefined for an outcome that was there before. */
  readonly made: string | undefined
}

type Settled = Pick<Done, 'value' | 'made'> | { readonly error: unknown }

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
  /** Called with what the operator should know. */
  readonly onTrouble: (what: string, error: unknown) => void
  /** Told after each transaction of writes, with the seconds it took. */
  readonly onCommit?: ((writes: number, seconds: number) => void) | undefined
}

const maxWaiting = 8_192
const forgottenAtOnce = 1_000
const repairEvery = 1_000
/** Turns of the event loop, some microseconds each: without a further write, and altogether. */
const quietTurns = 2
const mostTurns = 12
const probeAfter = 1_000

/**
 * Where exactly-once lives (protocol §5): writes that arrive while a commit is under way share the next transaction,
 * each in its own savepoint. An entry's claim, effect, outcome and audit row are in it together, and nobody is answered
 * before the commit is durable.
 */
export class Ledger {
  private readonly queue: Job[] = []
  private readonly chores: (() => Promise<void>)[] = []
  private pumping = false
  private broken = false
  private closing = false
  private lastCommit = 0
  private lastFailed = false

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
          const result = await this.options.db.transaction(work)
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
      if (this.queue.length > 0) await this.commit(this.queue.splice(0, this.options.db.maxBatch))
    }
    this.pumping = false
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
    const settled: Settled[] = []
    const begun = performance.now()
    try {
      const written = await this.options.db.transaction((session) => this.batch(session, jobs, settled))
      this.succeeded()
      written()
      settle(jobs, settled)
      this.options.onCommit?.(jobs.length, (performance.now() - begun) / 1000)
    } catch (error) {
      this.failed(error)
      if (!this.broken) return reject(jobs, error)
      await this.answerAfterRepair(jobs, settled, error)
    }
  }

  /** Answers what to call once it is committed. */
  private async batch(session: Session, jobs: readonly Job[], settled: Settled[]): Promise<() => void> {
    if (this.options.db.changedElsewhere()) this.options.onDoubt()
    const { node, notes, chainMac, now } = this.options
    const floor = await new Meta(session).floor()
    let head = await new Audit(session).head(node)
    const watch = new Watch()
    try {
      for (const { entry } of jobs) {
        assertOpen(session)
        try {
          const done = await this.one(session, entry, floor, head, watch)
          head = done.head
          settled.push(done)
        } catch (error) {
          settled.push({ error })
        }
        // A command can catch a storage error; its batch must not go on over it.
        if (session.fault) throw session.fault
        assertOpen(session)
      }
    } finally {
      watch.end()
    }
    const { written } = await notes.write(session, node, head, chainMac, now())
    return written
  }

  private async one(session: Session, entry: Entry<unknown>, floor: number, head: Head, watch: Watch): Promise<Done> {
    if (entry.timestamp !== undefined && entry.timestamp <= floor) throw new BelowFloor('at or below the floor')
    const claims = new Claims(session)
    const seen = entry.identity === undefined ? undefined : await claims.find(entry.identity)
    if (seen) return { value: await entry.seen(seen, session), head, made: undefined }
    const done = await this.attempt(session, entry, head, watch)
    if (done) return done
    // Another node took the identity while this one ran: its outcome stands.
    const taken = await claims.find(entry.identity ?? '')
    if (!taken) throw new Error('a claim could not be made, and nobody holds it')
    return { value: await entry.seen(taken, session), head, made: undefined }
  }

  /** Effect, claim and audit row in one savepoint; undefined, with nothing kept, when the claim was taken meanwhile. */
  private async attempt(session: Session, entry: Entry<unknown>, head: Head, watch: Watch): Promise<Done | undefined> {
    await session.savepoint()
    let next: Head | undefined
    let ran: Ran<unknown>
    try {
      ran = await watch.run(session, entry)
      assertOpen(session)
      if (!ran.keep) {
        await session.undo()
        await session.savepoint()
      }
      const claimed = ran.claim === undefined || (await new Claims(session).insert(ran.claim))
      if (claimed) next = await this.append(session, ran.audit, head)
    } catch (error) {
      if (session.open && !session.fault) await session.undo()
      throw error
    }
    if (!next) {
      await session.undo()
      return undefined
    }
    await session.keep()
    return { value: ran.value, head: next, made: ran.claim?.request_id }
  }

  private async append(session: Session, rows: readonly AuditEntry[], head: Head): Promise<Head> {
    const audit = new Audit(session)
    let next = head
    for (const row of rows) next = await audit.append(this.options.node, row, next, this.options.chainMac)
    return next
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

/** SQLite may roll a whole transaction back in the middle of a batch; what followed would commit one by one. */
function assertOpen(session: Session): void {
  if (!session.open) throw new StorageError('full', 'the engine rolled the transaction back')
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
