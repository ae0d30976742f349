import { isDone } from '../schemas/codes.js'
import { callerOf, type Registered, requireActive, requirePermission } from './admit.js'
import { type Authorities, type Authority, signedBy } from './authority.js'
import { type Asked, auditEntry, type Call, carriedCall, type Executed, nowOf, type SignedMessage } from './call.js'
import { namesOf } from './call-names.js'
import type { Caller, Judged, Keeps, Performed, Published } from './command.js'
import { CountedReads } from './counted-reads.js'
import { itemRows, type Judgement, judge, performedItem, refusedItem } from './items.js'
import type { Load } from './load.js'
import { entryByName, identityOf, isKept, messageIdentity, type OutcomeParts, Outcomes } from './outcomes.js'
import { BatchPace, LongReads } from './pace.js'
import { type SharedPasswords, TooManyPasswords } from './passwords.js'
import { ceilingOf, intersect } from './permissions.js'
import { Refusal } from './refusal.js'
import { Renewals } from './renewals.js'
import { mostKept, mostReply, requireReplyable, sizeAtLeast, tooLargeToAnswer } from './reply-size.js'
import { type RequestParts, requestsOf } from './requests.js'
import { type ContextParts, type Left, RunContext, type Running } from './run-context.js'
import { type SecretPath, showsSecret, withhold } from './secrets.js'
import { Shares } from './shares.js'
import type { AuditTrail } from './store/audit-trail.js'
import { type Claim, Claims } from './store/claims.js'
import type { Db, Queries } from './store/db.js'
import type { Ledger, Ran } from './store/ledger.js'
import type { Names } from './store/locked-names.js'
import type { Pace } from './store/pace.js'
import { Store, type Touch } from './store/store.js'
import { UnderWay } from './under-way.js'
import { liveSecret } from './verify.js'

export interface ExecuteParts extends OutcomeParts {
  readonly db: Db
  readonly ledger: Ledger
  readonly authorities: Authorities
  readonly passwords: SharedPasswords
  readonly load: Load
  readonly id: () => string
  readonly newKey: () => { readonly keyId: string; readonly secret: string }
  readonly newToken: () => string
  readonly readable: (length: number) => string
  readonly catalogue: () => readonly Published[]
  readonly trailOn: (queries: Queries, pace: Pace) => AuditTrail
  readonly keeps: Keeps
  /** Longest wait for a twin, a preparation or a read, in milliseconds. */
  readonly timeLimit: number
}

/** Reads of one account that take a connection of PostgreSQL at a time, of the six there are. */
const readsAtOnce = 4

/** The fifth step: runs a command, at most once where it writes (protocol §5). */
export class Executor {
  /** Writes under way, by identity; each resolves to whether it left a claim. */
  private readonly running = new UnderWay<Promise<boolean>>()
  private readonly outcomes: Outcomes
  private readonly reading = new Shares(readsAtOnce)
  private readonly renewals = new Renewals()
  private readonly contexts: ContextParts
  /** Among which long reads share the event loop. */
  private readonly longReads = new LongReads()

  constructor(private readonly parts: ExecuteParts) {
    this.outcomes = new Outcomes(parts)
    const requests: RequestParts = {
      db: parts.db,
      ledger: parts.ledger,
      outcomes: this.outcomes,
      isRunning: (identity) => this.running.has(identity),
      current: (call, queries) => this.behindLocks(call, queries),
      namesOf: (call) => this.namesOf(call),
    }
    this.contexts = {
      keeps: parts.keeps,
      id: parts.id,
      newKey: parts.newKey,
      newToken: parts.newToken,
      catalogue: parts.catalogue,
      storeOf: ({ queries, caller, touch, pace }) => this.store(queries, caller, touch, pace),
      performOf: (running) => (judged) => this.perform(running, judged),
      requestsOf: ({ call, left }) =>
        requestsOf(call, requests, () => {
          left.audited = true
        }),
    }
  }

  /** Rejects, or throws, a {@link Refusal} or a bug. */
  execute(call: Call): Promise<Executed> {
    const asked = this.outcomes.asked(call)
    return call.registered.command.reads ? this.read(asked) : this.write(asked)
  }

  private async read(call: Asked): Promise<Executed> {
    const { registered, params, dryRun, message } = call
    const { db, timeLimit } = this.parts
    const caller = call.authority?.stale ? await this.current(call, db) : call.caller
    const prepared = registered.command.prepare ? await this.prepare(call) : undefined
    const left: Left = { items: [], revealed: [] }
    const pace = this.longReads.begin(caller.account, timeLimit, call.isGone)
    const context = new RunContext(this.contexts, {
      call,
      caller,
      queries: db,
      nested: undefined,
      prepared,
      touch: untouched,
      left,
      pace,
    })
    const read = async () => {
      pace.requireWanted()
      return registered.command.run(params, context).finally(() => pace.over())
    }
    // Where each read takes a connection, an account leaves some of them to the others.
    const shared = () => this.reading.run(caller.account, performance.now() + timeLimit, read)
    const run = () => within(db.exclusive ? read() : shared(), timeLimit, timedOut)
    // The gateway's own reads wait for the store alone; an operator's may wait for anything.
    const answer =
      registered.command.ownCodes.size === 0 ? await run() : await this.parts.load.aside(caller.account, run)
    const executed = measured(toExecuted(registered, answer), false)
    const paths = registered.secretPaths(params)
    if (!showsSecret(executed.result, paths)) return { ...executed, audited: left.audited === true }
    const first = !dryRun && (message === undefined || (await this.claimRead(call, executed, left.revealed)))
    return first
      ? { ...executed, audited: message !== undefined && !dryRun }
      : { ...withoutSecrets(executed, paths), replayed: !dryRun }
  }

  /** Claims the message of a read that showed a secret: true the first time. */
  private async claimRead(call: Asked, executed: Executed, revealed: readonly string[]): Promise<boolean> {
    if (!call.message) {
      // Neither the command line nor an unsigned message has anything to claim; of commands that reveal, only the former asks.
      return true
    }
    const identity = messageIdentity(call, call.message)
    return this.touching((touched, touch, changed) =>
      this.parts.ledger.submit<boolean>({
        name: call.registered.command.name,
        account: call.caller.account,
        identity,
        timestamp: call.message?.timestamp,
        touched,
        names: this.namesOf(call, changed),
        run: async (queries) => {
          const caller = await this.behindLocks(call, queries)
          await lowerRevealed(revealed, caller, this.store(queries, caller, touch))
          const claim = this.outcomes.claim(call, caller, identity, executed)
          return { keep: true, claim, audit: [auditEntry(call, caller, executed.entry.code)], value: true }
        },
        seen: async () => false,
      }),
    )
  }

  private async write(call: Asked): Promise<Executed> {
    const identity = identityOf(call)
    if (identity === undefined) return this.commit(call, identity)
    const deadline = performance.now() + this.parts.timeLimit
    // Nothing may be awaited between finding nobody here and taking the place: twins arrive within one turn.
    for (let first = this.running.get(identity); first; first = this.running.get(identity)) {
      const twin = first
      const claimed = await this.parts.load.aside(call.caller.account, () =>
        within(twin, deadline - performance.now(), () => new Refusal('IN_PROGRESS')),
      )
      const found = claimed ? await this.find(call, identity) : undefined
      if (found) return found
    }
    let claimed = false
    let finish: (claimed: boolean) => void = () => undefined
    this.running.add(identity, new Promise((resolve) => (finish = resolve)))
    try {
      const seen = call.registered.command.prepare && (await this.find(call, identity))
      const executed = seen ?? (await this.commit(call, identity))
      claimed = true
      return executed
    } finally {
      this.running.delete(identity)
      finish(claimed)
    }
  }

  /** The answer to a message that was claimed before; undefined when it was not, or was forgotten by now. */
  private async find(call: Asked, identity: string): Promise<Executed | undefined> {
    const claim = await new Claims(this.parts.db).find(identity)
    if (!claim) return undefined
    if (!isLater(call, claim)) return this.outcomes.replay(call, claim, await this.current(call, this.parts.db))
    return this.parts.ledger.submit<Executed | undefined>({
      name: call.registered.command.name,
      account: call.caller.account,
      identity,
      timestamp: call.message.timestamp,
      names: this.namesOf(call),
      run: async () => ({ keep: false, claim: undefined, audit: [], value: undefined }),
      seen: async (found, queries) => this.seen(call, found, queries, await this.behindLocks(call, queries)),
    })
  }

  /** Answers from a claim, in a transaction: one that is dated later keeps the claim for as long as it could be sent again. */
  private async seen(call: Asked, claim: Claim, queries: Queries, caller: Caller): Promise<Executed> {
    if (isLater(call, claim)) await new Claims(queries).extend(claim, call.message.timestamp)
    return this.outcomes.replay(call, claim, caller)
  }

  private async commit(call: Asked, identity: string | undefined): Promise<Executed> {
    const prepared = call.registered.command.prepare ? await this.prepare(call) : undefined
    let renewed: Promise<Authority> | undefined
    return this.touching((touched, touch, changed) =>
      this.parts.ledger.submit<Executed>({
        name: call.registered.command.name,
        account: call.caller.account,
        identity,
        timestamp: call.message?.timestamp,
        discards: call.dryRun,
        weight: call.registered.command.weight?.(call.params),
        touched,
        names: this.namesOf(call, changed),
        order: this.parts.db.exclusive
          ? undefined
          : `${call.caller.account} ${call.registered.command.name} ${call.target}`,
        readAhead: (session) => {
          const { authority } = call
          renewed = authority && !authority.stale ? this.renewals.of(session, authority) : undefined
          return renewed
        },
        run: async (queries, nested) => {
          const caller = await this.current(call, queries, renewed)
          return this.run(
            {
              call,
              caller,
              queries,
              nested,
              prepared,
              touch,
              left: { items: [], revealed: [] },
              pace: new BatchPace(),
            },
            identity,
          )
        },
        seen: async (claim, queries) => this.seen(call, claim, queries, await this.current(call, queries, renewed)),
      }),
    )
  }

  /** Forgets what a write changes of authorities, at once and after its commit. */
  private async touching<T>(
    write: (touched: string[], touch: Touch, changed: ReadonlySet<string>) => Promise<T>,
  ): Promise<T> {
    const touched: string[] = []
    const changed = new Set<string>()
    const touch = (what: string, isNew = false) => {
      touched.push(what)
      if (!isNew) changed.add(what)
      this.parts.authorities.drop(what)
    }
    try {
      return await write(touched, touch, changed)
    } finally {
      // Again after the commit: a reader may have loaded the old state while it was under way.
      for (const what of touched) this.parts.authorities.drop(what)
    }
  }

  private async run(running: Running, identity: string | undefined): Promise<Ran<Executed>> {
    const { call, caller, left } = running
    const { registered, params, dryRun } = call
    const context = new RunContext(this.contexts, running)
    // Where there is one transaction at a time, everything is locked already.
    if (registered.command.locks && !this.parts.db.exclusive) await context.store.lock()
    const ran = measured(toExecuted(registered, await registered.command.run(params, context)), isKept(call))
    if (left.revealed.length > 0) await lowerRevealed(left.revealed, caller, context.store)
    // Where nothing is kept, a ceiling that was to fall does not: the secret is not shown either.
    const shows = !left.lowered || isDone(ran.entry.code)
    const executed = shows ? ran : withoutSecrets(ran, registered.secretPaths(params))
    const { entry } = executed
    const own = auditEntry(call, caller, entry.code, left.detail)
    const claim = identity === undefined ? undefined : this.outcomes.claim(call, caller, identity, executed)
    return {
      keep: isDone(entry.code) && !dryRun,
      claim,
      audit: left.items.length === 0 ? [own] : [own, ...itemRows(call, caller, entry.code, left.items)],
      value: { ...(dryRun ? withoutSecrets(executed, registered.secretPaths(params)) : executed), audited: true },
    }
  }

  private async prepare({ registered: { command }, params, caller }: Call): Promise<unknown> {
    const { prepare } = command
    if (!prepare) return undefined
    const { passwords, readable, registry, timeLimit, load } = this.parts
    const context = {
      passwords: passwords.of(caller.account),
      readable,
      store: this.store(this.parts.db, caller, () => undefined),
      judge: (item: { cmd: string; params: Record<string, unknown> }) => judge(item, registry, caller, context),
    }
    try {
      return await load.aside(caller.account, () =>
        within(prepare(params, context), timeLimit, () => new Refusal('OVERLOADED')),
      )
    } catch (error) {
      throw error instanceof TooManyPasswords ? new Refusal('OVERLOADED') : error
    }
  }

  /**
   * The caller as of now: admitted again when something that its rights depend on has changed since. `renewed` was read behind
   * the locks of the transaction.
   */
  private async current(call: Call, queries: Queries, renewed?: Promise<Authority>): Promise<Caller> {
    const { authority, caller } = call
    if (authority?.stale) return this.admitAgain(call, authority, await authority.reload(queries))
    return authority && renewed ? this.admitAgain(call, authority, await renewed) : caller
  }

  /** What its transaction locks; undefined where each transaction has the database to itself. */
  private namesOf(call: Call, changed: ReadonlySet<string> = nothingChanged): Names | undefined {
    return this.parts.db.exclusive ? undefined : namesOf(call, this.parts.registry, changed)
  }

  /** The same in a transaction that has read nothing ahead. */
  private behindLocks(call: Call, queries: Queries): Promise<Caller> {
    return this.current(call, queries, this.parts.db.exclusive ? undefined : call.authority?.reload(queries))
  }

  private admitAgain(call: Call, authority: Authority, fresh: Authority): Caller {
    const { caller, registered, message } = call
    const now = nowOf(call)
    // Deleted, or deleted and made anew elsewhere: the message was not meant for that.
    const same = fresh.known && fresh.account === authority.account && fresh.lineage === authority.lineage
    const secret = message && liveSecret(message.key, fresh, now)
    if (!same || (message && !secret)) throw new Refusal('UNAUTHENTICATED')
    requireActive(fresh, caller.address, now)
    const renewed = callerOf(secret ? signedBy(fresh, secret) : fresh, caller.address)
    requirePermission(registered.command, renewed, call.params)
    return renewed
  }

  /** The caller of an item: what earlier items changed is seen, and so is what changed before the transaction held its locks. */
  private async itemCaller({ caller, queries }: Running, call: Asked): Promise<Caller> {
    if (call.authority?.stale) return this.current(call, queries)
    if (caller !== call.caller) requirePermission(call.registered.command, caller, call.params)
    return caller
  }

  private store(queries: Queries, { account }: Caller, touch: (what: string) => void, pace?: Pace): Store {
    return new Store(queries, account, this.parts.sealing, touch, this.parts.trailOn, pace)
  }

  /** Runs one item of a batch. Throws 1414 as soon as the items together answer more than the batch may: no more is built than that. */
  private async perform(batch: Running, judged: Judged): Promise<Performed> {
    const performed = await this.performAlone(batch, judged)
    const { left } = batch
    left.size = (left.size ?? 0) + sizeAtLeast(performed)
    const kept = isKept(batch.call)
    if (left.size > (kept ? mostKept : mostReply)) throw tooLargeToAnswer(kept)
    return performed
  }

  /** Runs an item in a savepoint of its own, with the rights that its caller has by now. */
  private async performAlone(batch: Running, judged: Judged): Promise<Performed> {
    // Only `judge` makes what `perform` is given.
    const { cmd, registered, params, prepared, refused } = judged as Judgement
    const deny = (denied: Performed, target: string | null) => {
      batch.left.items.push({ ...auditEntry(batch.call, batch.caller, denied.code), command: cmd, target })
      return denied
    }
    if (!registered || !batch.nested) {
      return deny(refused ?? { code: 0, done: false, status: 'failure', message: '' }, null)
    }
    const call = carriedCall(batch.call, registered, params)
    const { queries, nested, touch, pace } = batch
    const saving = nested.savepoint()
    if (saving) await saving
    let performed: Performed
    try {
      const caller = await this.itemCaller(batch, call)
      const left: Left = { items: [], revealed: [] }
      const reading = registered.command.reads ? new CountedReads(queries, pace) : queries
      const own = { call, caller, queries: reading, nested, prepared, touch, left, pace }
      const context = new RunContext(this.contexts, own)
      const { entry, result } = toExecuted(registered, await registered.command.run(params, context))
      if (left.revealed.length > 0 && (await lowerRevealed(left.revealed, caller, context.store))) {
        batch.left.lowered = true
      }
      performed = performedItem(entry, result)
      batch.left.items.push(auditEntry(call, caller, entry.code, left.detail))
    } catch (error) {
      await nested.undo()
      // What one item cannot answer, the batch cannot.
      if (error instanceof Refusal && error.code !== 'REPLY_TOO_LARGE') return deny(refusedItem(error), call.target)
      throw error
    }
    const ending = performed.done ? nested.keep() : nested.undo()
    if (ending) await ending
    return performed
  }
}

function toExecuted(registered: Registered, [code, result]: readonly [string, unknown?]): Executed {
  // What an operator's module answers may be no JSON, or another at each look: that must show while the effect can be taken back.
  const plain = registered.command.ownCodes.size > 0 ? asJson(result) : result
  if (plain !== undefined && (typeof plain !== 'object' || plain === null)) {
    throw new Error(`command "${registered.command.name}" returned a result that is no object`)
  }
  return { code, entry: entryByName(registered, code), result: plain, replayed: false, audited: false }
}

function asJson(result: unknown): unknown {
  const json: string | undefined = JSON.stringify(result)
  requireReplyable(json, false)
  return json === undefined ? undefined : JSON.parse(json)
}

/** With the result as JSON, which is what is answered and kept. Throws 1414 where it is too large for that. */
function measured(executed: Executed, kept: boolean): Executed {
  const { code, entry, result, replayed, audited } = executed
  const json = result === undefined ? undefined : JSON.stringify(result)
  requireReplyable(json, kept)
  return { code, entry, result, json, replayed, audited }
}

function withoutSecrets(executed: Executed, paths: readonly SecretPath[]): Executed {
  const result = withhold(executed.result, paths)
  return result === executed.result ? executed : measured({ ...executed, result }, false)
}

/** A secret that somebody was shown never allows more than that one held then; whether one allowed more. */
async function lowerRevealed(keyIds: readonly string[], { permissions }: Caller, store: Store): Promise<boolean> {
  const limit = (ceiling: readonly string[]) => intersect(ceiling, ceilingOf(permissions))
  let lowered = false
  for (const keyId of new Set(keyIds)) lowered = (await store.accountKeys.lower(keyId, limit)) || lowered
  return lowered
}

/** Whether a message is dated after all that its claim has answered. */
const isLater = (call: Asked, claim: Claim): call is Asked & { readonly message: SignedMessage } =>
  call.message !== undefined && call.message.timestamp > claim.timestamp

const untouched = () => undefined

const nothingChanged: ReadonlySet<string> = new Set()

const timedOut = () => new Refusal('TIMED_OUT')

/** The outcome of `work`, or what `late` gives after so many milliseconds. */
function within<T>(work: Promise<T>, milliseconds: number, late: () => Refusal): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), Math.max(0, milliseconds))
    work.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
