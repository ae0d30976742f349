import type { GatewayCode } from '../schemas/codes.js'
import {
  callerOf,
  type Registry,
  requireActive,
  requireKnown,
  requireMeant,
  requirePermission,
  requireValid,
} from './admit.js'
import type { Authorities, Authority } from './authority.js'
import type { BodyLimits } from './body-limits.js'
import { principalText, type SignedMessage, targetOf } from './call.js'
import type { Carrier, Dialect, Message, Outcome, OwnerProof, PasswordProof, TokenProof, Wire } from './dialect.js'
import type { Executor } from './execute.js'
import type { Limits } from './limits.js'
import type { Log } from './log.js'
import type { Meter } from './meter.js'
import { isEndpoint, receive } from './receive.js'
import { ownerOf, recognise } from './recognise.js'
import { Refusal, type RefusalDetail } from './refusal.js'
import { certainReply, executedOutcome, lastReply, type Reply, refusedOutcome } from './reply.js'
import { requireSameSite } from './same-site.js'
import { StorageError } from './store/db.js'
import { BelowFloor } from './store/ledger.js'
import type { Notes } from './store/notes.js'
import { requireFresh, type Verified, type Verifier, verify } from './verify.js'

export interface GatewayParts {
  readonly dialects: readonly Dialect[]
  /** Spells refusals of what nobody recognised. */
  readonly native: Dialect
  readonly registry: Registry
  readonly authorities: Authorities
  /** What verifies the proofs that name no key. */
  readonly verifiers: Verifiers
  readonly limits: Limits
  readonly executor: Executor
  /** The floor of protocol §4, after noticing what other processes changed. */
  readonly floor: () => number | Promise<number>
  /** Unix milliseconds. */
  readonly now: () => number
  readonly requestId: (nowMs: number) => string
  readonly log: Log
  readonly meter: Meter | undefined
  readonly notes: Notes
  readonly window: number
  /** Told the timestamp of each signed message that is fresh, and the clock's; Unix seconds. */
  readonly onFresh: (timestamp: number, now: number) => void
  readonly bodies: BodyLimits
  /** How clients reach the gateway; empty where that is not known. */
  readonly publicUrl: string
  readonly audience: string
  readonly requireAudience: boolean
}

export interface Verifiers {
  readonly owner: Verifier<OwnerProof>
  readonly password: Verifier<PasswordProof>
  readonly token: Verifier<TokenProof>
}

/** What one captured message could repeat within its window: counted per key, code and minute. */
const counted: ReadonlySet<string> = new Set(['STALE', 'REPLAYED', 'RATE_LIMITED'])

/** Answers one request; never rejects, nor throws. */
export type Handle = (wire: Wire) => Promise<Reply>

/** How far a request came: once its command may have run, what fails must not say that nothing was kept. */
interface Progress {
  ran: boolean
}

/** The six steps of one request: receive, recognise, verify, admit, execute, reply. No HTTP in it. */
export function gateway(parts: GatewayParts): Handle {
  return async function handle(wire) {
    const progress = { ran: false }
    try {
      return await answer(wire, progress)
    } catch (error) {
      surely(() => parts.log.unanswered('', undefined, error))
      return lastReply(progress.ran ? 'TIMED_OUT' : 'INTERNAL', parts.native)
    }
  }

  async function answer(wire: Wire, progress: Progress): Promise<Reply> {
    const started = performance.now()
    const nowMs = parts.now()
    const now = Math.floor(nowMs / 1000)
    const requestId = parts.requestId(nowMs)
    const owner = isEndpoint(wire.path) ? undefined : ownerOf(wire.path, parts.dialects)
    let dialect = owner ?? parts.native
    let carrier: Carrier | undefined
    let message: Message | undefined
    let verified: Verified | undefined
    let outcome: Outcome
    let audited = false
    let target: string | null = null
    // A path that knows its caller by a token will name that: what such a caller costs is no matter of its address.
    const payer = wire.payer ?? wire.address
    try {
      parts.limits.requirePayer(payer)
      carrier = receive(wire, parts.bodies.of(wire.body), owner !== undefined)
      dialect = owner ?? recognise(carrier, parts.dialects, parts.native)
      message = dialect.decode(carrier)
      parts.bodies.require(message.command, wire.body)

      const floor = await parts.floor()
      const { proof } = message
      verified =
        proof.kind === 'mac'
          ? verify(proof, parts.authorities.cached(proof.keyId) ?? (await parts.authorities.load(proof.keyId)), now)
          : await verifyOther(proof, now, wire)
      if (!verified) throw unauthenticated(payer)
      const { authority } = verified
      requireFresh(message.timestamp, now, parts.window, floor)
      if (message.timestamp !== undefined) parts.onFresh(message.timestamp, now)

      const caller = callerOf(authority, wire.address)
      requireActive(authority, wire.address, now)
      requireMeant(message, authority, parts)
      const { keyId } = authority
      if (keyId !== null) authority.use = parts.notes.used(keyId, now, wire.address, authority.use)
      parts.limits.takeKey?.(limitedAs(authority), weightOf(message))
      const registered = requireKnown(message.command, parts.registry, dialect)
      requirePermission(registered.command, caller, message.params)
      requireValid(registered, message.params, message.hasNul)

      const { params, dryRun } = message
      target = targetOf({ registered, params })
      progress.ran = true
      const executed = await parts.executor.execute({
        requestId,
        nowMs,
        registered,
        params,
        caller,
        authority,
        dialect: dialect.name,
        message: signedMessage(message, verified),
        dryRun,
        isGone: wire.isGone,
      })
      outcome = executedOutcome(executed, message.command, dryRun)
      audited = executed.audited
    } catch (error) {
      const { code, detail } = refusalOf(error, message, now)
      if (!verified && isWaste(error)) parts.limits.charge(payer, wire.body.length + (carrier?.inflated ?? 0))
      const fault = code === 'INTERNAL' || code === 'STORAGE'
      if (fault) surely(() => parts.log.failed(requestId, verified && message?.command, error))
      outcome = refusedOutcome(code, detail, verified && message?.command, (verified && message?.dryRun) ?? false)
    }
    const handleTime = (performance.now() - started) / 1000
    const exchange = { requestId, serverTime: now, handleTime, publicUrl: parts.publicUrl }
    const onFault = (error: unknown) =>
      surely(() => parts.log.unanswered(requestId, verified && message?.command, error))
    const { answer, outcome: told } = certainReply(
      outcome,
      { dialect, native: parts.native },
      exchange,
      verified,
      onFault,
    )
    // None of what follows changes the answer.
    try {
      if (verified && message && !audited) note(told, message, verified, dialect, requestId, nowMs, wire, target)
      parts.log.answered(answer, wire, dialect.name, told, verified?.authority)
      if (parts.meter) parts.meter.answered(dialect.name, told, handleTime)
    } catch (error) {
      onFault(error)
    }
    return answer
  }

  function weightOf({ command, params }: Message): number {
    return parts.registry.get(command)?.command.weight?.(params) ?? 1
  }

  /** A row of the audit trail for what no transaction wrote down: reads and refusals of whoever proved who they are. */
  function note(
    outcome: Outcome,
    { command, dryRun }: Message,
    { authority, mac }: Verified,
    { name }: Dialect,
    requestId: string,
    nowMs: number,
    { address }: Wire,
    target: string | null,
  ): void {
    const { code } = outcome.entry
    const { keyId, account, principal } = authority
    if (outcome.replayed || (outcome.refused && counted.has(outcome.code))) {
      parts.notes.count(limitedAs(authority), account, code, nowMs)
      return
    }
    const entry = {
      at_ms: nowMs,
      account,
      principal: principalText(principal),
      key_id: keyId,
      address,
      dialect: name,
      // What is no command may be a misplaced secret.
      command: parts.registry.has(command) ? command : 'unknown',
      target,
      code,
      dry_run: dryRun ? 1 : 0,
      request_id: requestId,
      detail: null,
    }
    parts.notes.row(entry, mac)
  }

  function verifyOther(
    proof: OwnerProof | PasswordProof | TokenProof,
    now: number,
    wire: Wire,
  ): Promise<Verified | undefined> {
    const { address } = wire
    if (proof.kind === 'owner') return parts.verifiers.owner(proof, now, address)
    requireSameSite(wire, parts.publicUrl)
    if (proof.kind === 'password') return parts.verifiers.password(proof, now, address)
    return parts.verifiers.token(proof, now, address)
  }

  function unauthenticated(payer: string): Refusal {
    parts.limits.failed(payer)
    return new Refusal('UNAUTHENTICATED')
  }
}

/** Whether a message was not worth what it cost: what the gateway could not do, or did not look at, is not the sender's. */
const isWaste = (error: unknown): boolean =>
  error instanceof Refusal && error.code !== 'RATE_LIMITED' && error.code !== 'OVERLOADED'

/** What is claimed; undefined for whoever did not sign. */
function signedMessage({ timestamp, idempotencyKey }: Message, { mac, key }: Verified): SignedMessage | undefined {
  if (timestamp === undefined || mac === undefined || key === undefined) return undefined
  return { timestamp, mac, key, idempotencyKey }
}

/** What messages are counted by: the key, or whoever does not sign; a key id has no white space. */
const limitedAs = ({ keyId, account, principal }: Authority): string =>
  keyId ?? `${account} ${principal.kind} ${principal.id}`

/** What tells the operator of a fault may be at fault itself. */
function surely(tell: () => void): void {
  try {
    tell()
  } catch {
    // There is nobody left to tell.
  }
}

const storageCodes = { busy: 'OVERLOADED', locked: 'IN_PROGRESS', full: 'STORAGE', fault: 'STORAGE' } as const

/** The code for whatever was thrown; the caller of a bug learns nothing but the request id. */
function refusalOf(
  error: unknown,
  message: Message | undefined,
  now: number,
): { code: GatewayCode; detail: RefusalDetail } {
  if (error instanceof Refusal) return { code: error.code, detail: error.detail }
  if (error instanceof BelowFloor) return { code: 'STALE', detail: { skew: (message?.timestamp ?? now) - now } }
  if (error instanceof StorageError) return { code: storageCodes[error.kind], detail: {} }
  return { code: 'INTERNAL', detail: {} }
}
