import { createHmac, type KeyObject } from 'node:crypto'
import { type CodeEntry, codes, entryOf, isDone } from '../schemas/codes.js'
import { callerOf, type Registered, type Registry, requireActive, requirePermission } from './admit.js'
import type { Authorities, Authority } from './authority.js'
import type { Caller, Context, Published, RequestState } from './command.js'
import { canonicalJson, type JsonObject } from './json.js'
import type { Passwords } from './passwords.js'
import { TooManyPasswords } from './passwords.js'
import { Refusal } from './refusal.js'
import { showsSecret, withhold } from './secrets.js'
import type { AuditEntry } from './store/audit.js'
import { type Claim, Claims, voidCode } from './store/claims.js'
import type { Db, Queries } from './store/db.js'
import type { Ledger, Ran } from './store/ledger.js'
import { type Sealing, Store } from './store/store.js'

/** One admitted command. */
export interface Call {
  readonly requestId: string
  /** Unix milliseconds. */
  readonly nowMs: number
  readonly registered: Registered
  readonly params: Record<string, unknown>
  readonly caller: Caller
  /** What the caller was worked out from; undefined for the command line, which needs no key. */
  readonly authority: Authority | undefined
  readonly dialect: string
  /** The signed message; undefined for the command line, which claims nothing. */
  readonly message:
    | { readonly timestamp: number; readonly mac: string; readonly idempotencyKey: string | undefined }
    | undefined
  readonly dryRun: boolean
}

/** What came of it. */
export interface Executed {
  readonly code: string
  readonly entry: CodeEntry
  readonly result: object | undefined
  readonly replayed: boolean
}

export interface ExecuteParts {
  readonly registry: Registry
  readonly db: Db
  readonly ledger: Ledger
  readonly authorities: Authorities
  readonly sealing: Sealing
  readonly passwords: Passwords
  /** MACs parameters for comparison: a plain hash would let the database give passwords away. */
  readonly paramsKey: KeyObject
  readonly id: () => string
  readonly newKey: () => { readonly keyId: string; readonly secret: string }
  readonly catalogue: () => readonly Published[]
  /** Longest wait for a twin, a preparation or a read, in milliseconds. */
  readonly timeLimit: number
}

const outcomeBinding = (requestId: string) => `claims.outcome:${requestId}`
const principalText = ({ kind, id }: Caller['principal']): string => `${kind}:${id}`

/** The fifth step: runs a command, at most once where it writes (protocol §5). */
export class Executor {
  /** Writes under way, by identity; each resolves to whether it left a claim. */
  private readonly running = new Map<string, Promise<boolean>>()

  constructor(private readonly parts: ExecuteParts) {}

  execute(call: Call): Promise<Executed> {
    return call.registered.command.reads ? this.read(call) : this.write(call)
  }

  private async read(call: Call): Promise<Executed> {
    const { registered, dryRun } = call
    const caller = call.authority?.stale ? await this.current(call, this.parts.db) : call.caller
    const context = this.context(call, caller, this.parts.db, undefined, () => undefined)
    const reading = registered.command.run(call.params, context)
    const executed = this.executed(registered, await within(reading, this.parts.timeLimit, timedOut))
    if (!showsSecret(executed.result, registered.secretPaths)) return executed
    const first = !dryRun && (call.message === undefined || (await this.claimRead(call, executed)))
    return first
      ? executed
      : { ...executed, result: withhold(executed.result, registered.secretPaths), replayed: !dryRun }
  }

  /** Claims the message of a read that showed a secret: true the first time. */
  private claimRead(call: Call, executed: Executed): Promise<boolean> {
    const { message } = call
    if (!message) return Promise.resolve(true)
    const identity = messageIdentity(call.caller.account, call.registered.command.name, message)
    return this.parts.ledger.submit<boolean>({
      identity,
      timestamp: message.timestamp,
      run: async (queries) => {
        const caller = await this.current(call, queries)
        const claim = this.claim(call, caller, identity, '', executed, null)
        return { keep: true, claim, audit: audit(call, caller, executed.entry.code), value: true }
      },
      seen: async () => false,
    })
  }

  private async write(call: Call): Promise<Executed> {
    const identity = this.identity(call)
    if (identity === undefined) return this.commit(call, identity)
    const deadline = performance.now() + this.parts.timeLimit
    // Nothing may be awaited between finding nobody here and taking the place: twins arrive within one turn.
    for (let first = this.running.get(identity); first; first = this.running.get(identity)) {
      const claimed = await within(first, deadline - performance.now(), () => new Refusal('IN_PROGRESS'))
      const found = claimed ? await this.find(call, identity) : undefined
      if (found) return found
    }
    let claimed = false
    let finish: (claimed: boolean) => void = () => undefined
    this.running.set(identity, new Promise((resolve) => (finish = resolve)))
    try {
      const executed =
        (call.registered.command.prepare && (await this.find(call, identity))) || (await this.commit(call, identity))
      claimed = true
      return executed
    } finally {
      this.running.delete(identity)
      finish(claimed)
    }
  }

  private async find(call: Call, identity: string): Promise<Executed | undefined> {
    const claim = await new Claims(this.parts.db).find(identity)
    if (!claim) return undefined
    await this.current(call, this.parts.db)
    return this.replay(call, claim)
  }

  private async commit(call: Call, identity: string | undefined): Promise<Executed> {
    const { registered, params, message, dryRun } = call
    const { command } = registered
    // Before run(), which may change what it was given.
    const paramsMac = message?.idempotencyKey === undefined ? '' : this.paramsMac(command.name, params)
    const prepared = await this.prepare(call)
    const touched: string[] = []
    const touch = (what: string) => {
      touched.push(what)
      this.parts.authorities.drop(what)
    }
    const run = async (queries: Queries): Promise<Ran<Executed>> => {
      const caller = await this.current(call, queries)
      const returned = await command.run(params, this.context(call, caller, queries, prepared, touch))
      const executed = this.executed(registered, returned)
      const keep = isDone(executed.entry.code) && !dryRun
      const claim =
        identity === undefined
          ? undefined
          : this.claim(call, caller, identity, paramsMac, executed, this.outcome(call, executed))
      const value = dryRun ? { ...executed, result: withhold(executed.result, registered.secretPaths) } : executed
      return { keep, claim, audit: audit(call, caller, executed.entry.code), value }
    }
    try {
      return await this.parts.ledger.submit<Executed>({
        identity,
        timestamp: message?.timestamp,
        run,
        seen: async (claim, queries) => {
          await this.current(call, queries)
          return this.replay(call, claim)
        },
      })
    } finally {
      // Again after the commit: a reader may have loaded the old state while it was under way.
      for (const what of touched) this.parts.authorities.drop(what)
    }
  }

  private async prepare({ registered: { command }, params }: Call): Promise<unknown> {
    if (!command.prepare) return undefined
    try {
      const preparing = command.prepare(params, { passwords: this.parts.passwords })
      return await within(preparing, this.parts.timeLimit, () => new Refusal('OVERLOADED'))
    } catch (error) {
      throw error instanceof TooManyPasswords ? new Refusal('OVERLOADED') : error
    }
  }

  /** The caller as of now: admitted again when something that its rights depend on has changed since. */
  private async current(call: Call, queries: Queries): Promise<Caller> {
    const { authority, caller, registered } = call
    if (!authority?.stale) return caller
    const fresh = await this.parts.authorities.loadWithin(authority.keyId, queries)
    // Deleted, or deleted and made anew elsewhere: the message was not meant for that.
    const same = fresh.known && fresh.account === authority.account && fresh.lineage === authority.lineage
    if (!same) throw new Refusal('UNAUTHENTICATED')
    requireActive(fresh, caller.address, Math.floor(call.nowMs / 1000))
    const renewed = callerOf(fresh, caller.address)
    requirePermission(registered.command, renewed)
    return renewed
  }

  private identity({ message, caller, authority, registered, dryRun }: Call): string | undefined {
    if (!message || dryRun) return undefined
    if (message.idempotencyKey !== undefined)
      return keyIdentity(caller.account, authority?.lineage ?? '', message.idempotencyKey)
    return messageIdentity(caller.account, registered.command.name, message)
  }

  /** The answer to a message whose identity was seen before (the table of protocol §5). */
  private replay({ message, registered, params }: Call, claim: Claim): Executed {
    if (message?.idempotencyKey === undefined) throw new Refusal('REPLAYED')
    if (claim.code === voidCode) {
      throw new Refusal('IDEMPOTENCY_MISMATCH', {
        message: 'This idempotency_key was made void: nothing runs under it',
      })
    }
    const same = claim.command === registered.command.name && claim.params_mac === this.paramsMac(claim.command, params)
    if (!same) throw new Refusal('IDEMPOTENCY_MISMATCH')
    const result = this.stored(claim)
    const sameBytes = claim.mac === message.mac
    return {
      code: '',
      entry: storedEntry(claim, registered),
      result: sameBytes ? withhold(result, registered.secretPaths) : result,
      replayed: true,
    }
  }

  private stored(claim: Claim): object | undefined {
    if (claim.outcome === null) return undefined
    const json =
      claim.sealed === 1 ? this.parts.sealing.open(claim.outcome, outcomeBinding(claim.request_id)) : claim.outcome
    return JSON.parse(json)
  }

  /** What is kept of a result: only for messages that may be sent again, and sealed where it shows a secret. */
  private outcome({ message, requestId, registered }: Call, { result }: Executed): Stored {
    if (message?.idempotencyKey === undefined || result === undefined) return null
    const json = JSON.stringify(result)
    if (!showsSecret(result, registered.secretPaths)) return { json, sealed: 0 }
    return { json: this.parts.sealing.seal(json, outcomeBinding(requestId)), sealed: 1 }
  }

  private claim(
    call: Call,
    caller: Caller,
    identity: string,
    paramsMac: string,
    { entry }: Executed,
    stored: Stored,
  ): Claim {
    const now = Math.floor(call.nowMs / 1000)
    return {
      request_id: call.requestId,
      identity,
      account: caller.account,
      principal: principalText(caller.principal),
      command: call.registered.command.name,
      timestamp: call.message?.timestamp ?? now,
      mac: call.message?.mac ?? '',
      params_mac: paramsMac,
      code: entry.code,
      outcome: stored?.json ?? null,
      sealed: stored?.sealed ?? 0,
      created_at: now,
    }
  }

  private paramsMac(command: string, params: Record<string, unknown>): string {
    // Checked parameters come from JSON, so they are JSON.
    const text = `${command}\n${canonicalJson(params as JsonObject)}`
    return createHmac('sha256', this.parts.paramsKey).update(text).digest('base64')
  }

  private executed({ command }: Registered, [code, result]: readonly [string, unknown?]): Executed {
    if (!command.codes.includes(code)) throw new Error(`command "${command.name}" returned the undeclared code ${code}`)
    if (result !== undefined && (typeof result !== 'object' || result === null)) {
      throw new Error(`command "${command.name}" returned a result that is no object`)
    }
    return { code, entry: entryByName(command, code), result: result ?? undefined, replayed: false }
  }

  private context(
    call: Call,
    caller: Caller,
    queries: Queries,
    prepared: unknown,
    touch: (what: string) => void,
  ): Context<unknown> {
    return {
      caller,
      store: new Store(queries, caller.account, this.parts.sealing, touch),
      now: Math.floor(call.nowMs / 1000),
      dryRun: call.dryRun,
      prepared,
      id: this.parts.id,
      newKey: this.parts.newKey,
      catalogue: this.parts.catalogue,
      requests: {
        byKey: (key) => this.stateOfKey(call, key),
        byId: (id) => this.stateOfRequest(call, id),
        void: (key) => this.voidKey(call, key),
      },
    }
  }

  private async stateOfKey(call: Call, key: string): Promise<RequestState> {
    const identity = keyIdentity(call.caller.account, call.authority?.lineage ?? '', key)
    if (this.running.has(identity)) return { state: 'running' }
    const claim = await new Claims(this.parts.db).find(identity)
    return claim ? this.stateOf(claim) : { state: 'unseen' }
  }

  private async stateOfRequest({ caller }: Call, requestId: string): Promise<RequestState> {
    const claim = await new Claims(this.parts.db).findRequest(requestId)
    const own = claim?.account === caller.account && claim.principal === principalText(caller.principal)
    return claim && own ? this.stateOf(claim) : { state: 'unknown' }
  }

  private async voidKey(call: Call, key: string): Promise<RequestState> {
    const state = await this.stateOfKey(call, key)
    if (state.state !== 'unseen' || call.dryRun) return state
    const identity = keyIdentity(call.caller.account, call.authority?.lineage ?? '', key)
    return this.parts.ledger.submit<RequestState>({
      identity,
      timestamp: call.message?.timestamp,
      run: async (queries) => {
        const caller = await this.current(call, queries)
        const entry = entryOf(voidCode)
        const claim = this.claim(
          call,
          caller,
          identity,
          '',
          { code: '', entry, result: undefined, replayed: false },
          null,
        )
        return { keep: true, claim, audit: audit(call, caller, codes.REQUEST_STATUS.code), value: { state: 'void' } }
      },
      seen: async (claim) => this.stateOf(claim),
    })
  }

  private stateOf(claim: Claim): RequestState {
    if (claim.code === voidCode) return { state: 'void' }
    const registered = this.parts.registry.get(claim.command)
    const { message } = registered ? storedEntry(claim, registered) : entryOf(claim.code)
    // Without the command's schema nobody can tell what in the result is a secret.
    const stored = registered && withhold(this.stored(claim), registered.secretPaths)
    return {
      state: 'done',
      outcome: {
        cmd: claim.command,
        code: claim.code,
        status: isDone(claim.code) ? 'success' : 'failure',
        message,
        request_id: claim.request_id,
        ...(stored && { result: stored }),
      },
    }
  }
}

type Stored = { readonly json: string; readonly sealed: 0 | 1 } | null

// A space separates: none of the parts can hold one.
const keyIdentity = (account: number, lineage: string, key: string) => `k ${account} ${lineage} ${key}`
const messageIdentity = (account: number, command: string, { timestamp, mac }: { timestamp: number; mac: string }) =>
  `m ${timestamp} ${account} ${command} ${mac}`

const commandEntries: ReadonlyMap<string, CodeEntry> = new Map(Object.entries(codes))

function entryByName({ name, ownCodes }: Registered['command'], code: string): CodeEntry {
  const own = ownCodes.get(code)
  if (own) return { ...entryOf(own.code), message: own.message }
  const entry = commandEntries.get(code)
  if (!entry) throw new Error(`command "${name}" declares the unknown code ${code}`)
  return entry
}

function storedEntry(claim: Claim, { command }: Registered): CodeEntry {
  const own = [...command.ownCodes.values()].find(({ code }) => code === claim.code)
  return own ? { ...entryOf(own.code), message: own.message } : entryOf(claim.code)
}

function audit(call: Call, caller: Caller, code: number): AuditEntry {
  const { command } = call.registered
  const target = command.target?.(call.params)
  return {
    at_ms: call.nowMs,
    account: caller.account,
    principal: principalText(caller.principal),
    key_id: caller.keyId,
    address: caller.address,
    dialect: call.dialect,
    command: command.name,
    target: target === undefined ? null : String(target),
    code,
    dry_run: call.dryRun ? 1 : 0,
    request_id: call.requestId,
    detail: null,
  }
}

const timedOut = () => new Refusal('TIMED_OUT')

async function within<T>(work: Promise<T>, milliseconds: number, late: () => Refusal): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), Math.max(0, milliseconds))
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
