import { Audit, type AuditEntry, type ChainMac, type Head } from './audit.js'
import { type Claim, Claims } from './claims.js'
import { Conflict, type LockedNames, type Queries, type Session, StorageError } from './db.js'
import type { Nested } from './handle.js'
import { missingLocks, type Names, namesToLock } from './locked-names.js'
import { Meta } from './meta.js'
import type { Notes } from './notes.js'
import type { Place } from './partitions.js'
import { NeedsSavepoints, type Taking } from './taking.js'
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
  /** Accounts take turns; undefined for what is nobody's. */
  readonly account?: number
  /** The digest of what must not have been seen before; absent for dry runs and local commands, which claim nothing. */
  readonly identity: string | undefined
  /** The message's timestamp, held against the floor inside the transaction; absent for local commands. */
  readonly timestamp: number | undefined
  /** True when nothing of it will be kept, whatever comes of it: a dry run. */
  readonly discards?: boolean
  /** How many commands it carries; 1 where nothing is said. */
  readonly weight?: number | undefined
  /** What others may have cached that has changed: filled while it runs. */
  readonly touched?: readonly string[]
  /** Entries of a transaction run in this order where several transactions go on at a time: it names the rows that they change. */
  readonly order?: string | undefined
  /** What is locked before anything is read, where several transactions go on at a time. */
  readonly names?: Names | undefined
  /** Asks for what the entry needs of the state that the locks hold: the questions of all entries travel together. */
  readAhead?(session: Session): Promise<unknown> | undefined
  /** Runs after the identity was found free. What it throws refuses this entry alone. */
  run(queries: Queries, nested: Nested): Promise<Ran<T>>
  /** Answers for an identity that was seen before. */
  seen(claim: Claim, queries: Queries): Promise<T>
}

/** The message's timestamp is at or below the floor. */
export class BelowFloor extends Error {}

interface Done {
  readonly value: unknown
  readonly head: Head
  /** The claim that was made; undefined for an outcome that was there before. */
  readonly made: Claim | undefined
}

/** What came of an entry that is taken back, and that saw nothing but what is committed: it need not run a second time. */
export type Known = Map<Entry<unknown>, Ran<unknown> | { readonly error: unknown }>

/** What is answered to an entry once its transaction is committed. */
export type Settled = Pick<Done, 'value' | 'made'> | { readonly error: unknown }

export interface BatchParts {
  /** Names this process's audit chain. */
  readonly node: string
  readonly chainMac: ChainMac
  /** What is written down with the batch, without anybody waiting for it; undefined where another lane does that. */
  readonly notes: Notes | undefined
  /** Unix seconds. */
  readonly now: () => number
  /** Throws when the database is sealed under another master key than this process, or is for newer programs. */
  readonly requireFit?: ((queries: Queries) => Promise<void>) | undefined
}

/** What the entries of a transaction share. */
interface Shared {
  readonly session: Session
  readonly place: Place
  readonly watch: Watch
  readonly taking: Taking
}

const holderOf = (identity: string, { session, place }: Shared): Promise<Claim | undefined> =>
  new Claims(session).findIn(place.mayHold(identity), identity)

/** The entries that share a transaction. It may be run again, when the transaction was rolled back to be run with savepoints. */
export class Batch {
  /** In the order of the entries, after a run. */
  settled: Settled[] = []
  /** Milliseconds that running the entries took. */
  took = 0
  private readonly touched = new Set<string>()
  /** What the session had written before the first entry. */
  private unwritten = 0
  /** Entries that ran before anything else of the transaction was written: they saw what is committed. */
  private readonly alone = new Set<Entry<unknown>>()
  /** Names that an earlier run changed without having locked them. */
  private readonly further = new Set<string>()

  /** `known`: what came of entries for whose sake a transaction was rolled back. */
  constructor(
    private readonly entries: readonly Entry<unknown>[],
    private readonly parts: BatchParts,
    private readonly known: Known = new Map(),
  ) {}

  get size(): number {
    return this.entries.length
  }

  /** Whether something of it will be taken back for certain. */
  get discards(): boolean {
    return this.entries.some((entry) => entry.discards)
  }

  /** Answers what to call once it is committed. Rejects with {@link NeedsSavepoints} to be run again with savepoints. */
  async run(session: Session, taking: Taking, place: Place): Promise<() => void> {
    const { node, notes, chainMac, now } = this.parts
    this.settled = []
    this.touched.clear()
    const locked = session.immediate ? undefined : this.lock(session)
    let head = new Audit(session).head(node)
    head.catch(() => undefined)
    const found = session.immediate ? undefined : this.lookAhead(session, place)
    const read = session.immediate ? [] : this.entries.map((entry) => entry.readAhead?.(session))
    const fitting = session.immediate ? undefined : this.parts.requireFit?.(session)
    fitting?.catch(() => undefined)
    // After them: who forgets a claim raises the floor in the same transaction, so that one of the two is seen.
    const floor = await new Meta(session).floor()
    await fitting
    // An entry that met an error here meets it again when it runs.
    await Promise.allSettled(read)
    this.unwritten = session.written
    this.alone.clear()
    const shared = { session, place, watch: new Watch(), taking }
    const begun = performance.now()
    try {
      for (const entry of this.entries) {
        assertOpen(session)
        try {
          const done = await this.one(shared, entry, found?.get(entry), floor, head)
          head = Promise.resolve(done.head)
          this.settled.push(done)
        } catch (error) {
          if (error instanceof NeedsSavepoints || error instanceof Conflict) throw error
          this.settled.push({ error })
        }
        // A command can catch a storage error; its batch must not go on over it.
        if (session.fault) throw session.fault
        assertOpen(session)
      }
    } finally {
      shared.watch.end()
      this.took = performance.now() - begun - shared.watch.rested
    }
    if (locked) this.requireLocked(locked)
    if (this.touched.size > 0) await session.tell([...this.touched])
    if (!notes) return () => undefined
    const { written } = await notes.write(session, node, await head, chainMac, now())
    return written
  }

  /** Locks what the entries rest on and change. Whatever is asked for after it waits for the locks. */
  private lock(session: Session): LockedNames {
    const names = namesToLock(
      this.entries.map((entry) => entry.names),
      this.further,
    )
    // The questions behind it fail as it does.
    session.lock(names).catch(() => undefined)
    return names
  }

  /** A right that ended without its lock may have been used meanwhile: the transaction is run again with the lock. */
  private requireLocked(locked: LockedNames): void {
    const missing = missingLocks(
      this.entries.map((entry) => entry.names),
      locked,
    )
    if (missing.length === 0) return
    for (const name of missing) this.further.add(name)
    throw new Conflict('the transaction changed names that it had not locked')
  }

  /** Asks for the claims of all entries at once, where a question takes a journey. One that is made meanwhile shows when its own is inserted. */
  private lookAhead(session: Session, place: Place): Map<Entry<unknown>, Promise<Claim | undefined>> {
    const claims = new Claims(session)
    const found = new Map<Entry<unknown>, Promise<Claim | undefined>>()
    for (const entry of this.entries) {
      if (entry.identity === undefined) continue
      const finding = claims.findIn(place.mayHold(entry.identity), entry.identity)
      finding.catch(() => undefined)
      found.set(entry, finding)
    }
    return found
  }

  private async one(
    shared: Shared,
    entry: Entry<unknown>,
    finding: Promise<Claim | undefined> | undefined,
    floor: number,
    head: Promise<Head>,
  ): Promise<Done> {
    const { session } = shared
    const { identity, timestamp } = entry
    if (timestamp !== undefined && timestamp <= floor) throw new BelowFloor('at or below the floor')
    const seen = identity === undefined ? undefined : await (finding ?? holderOf(identity, shared))
    if (seen) return { value: await entry.seen(seen, session), head: await head, made: undefined }
    const done = await this.attempt(shared, entry, head)
    if (done) return done
    // Another node took the identity while this one ran: its outcome stands.
    const taken = identity === undefined ? undefined : await holderOf(identity, shared)
    if (!taken) throw new Error('a claim could not be made, and nobody holds it')
    return { value: await entry.seen(taken, session), head: await head, made: undefined }
  }

  /** Effect, claim and audit row together; undefined, with nothing kept, when the claim was taken meanwhile. */
  private async attempt(shared: Shared, entry: Entry<unknown>, head: Promise<Head>): Promise<Done | undefined> {
    const { session, place, taking } = shared
    await taking.begin()
    let next: Head
    let claimed: boolean
    let ran: Ran<unknown>
    try {
      ran = await this.ran(shared, entry)
      // The claim and its row travel together: where it was taken, both are taken back.
      const claiming = ran.claim === undefined ? undefined : new Claims(session).insert(ran.claim, place.partition)
      claiming?.catch(() => undefined)
      next = await new Audit(session).appendAll(this.parts.node, ran.audit, await head, this.parts.chainMac)
      claimed = claiming === undefined || (await claiming)
    } catch (error) {
      if (error instanceof Conflict || error instanceof NeedsSavepoints) throw error
      if (!session.open || session.fault) throw error
      // What was caught inside, and ended the transaction, shows here.
      if (this.alone.has(entry)) this.known.set(entry, { error })
      await taking.undo()
      throw error
    }
    if (!claimed) {
      await taking.undo()
      return undefined
    }
    await taking.keep()
    if (ran.claim) place.made()
    if (ran.keep) for (const what of entry.touched ?? []) this.touched.add(what)
    return { value: ran.value, head: next, made: ran.claim }
  }

  /** Runs the entry, and takes its effect back where it is not to be kept. */
  private async ran({ session, watch, taking }: Shared, entry: Entry<unknown>): Promise<Ran<unknown>> {
    const known = this.known.get(entry)
    if (known && 'error' in known) throw known.error
    if (known) return known
    // An answer that was given after others had written may rest on what a rollback takes away.
    if (session.written === this.unwritten) this.alone.add(entry)
    let ran: Ran<unknown>
    try {
      ran = await watch.run(session, entry, taking.light)
    } catch (error) {
      const passing = error instanceof Conflict || error instanceof NeedsSavepoints
      if (this.alone.has(entry) && !passing) this.known.set(entry, { error })
      throw error
    }
    assertOpen(session)
    if (ran.keep) return ran
    if (this.alone.has(entry)) this.known.set(entry, ran)
    await taking.undo()
    await taking.begin()
    return ran
  }
}

/** SQLite may roll a whole transaction back in the middle of a batch; what followed would commit one by one. */
function assertOpen(session: Session): void {
  if (!session.open) throw new StorageError('full', 'the engine rolled the transaction back')
}
