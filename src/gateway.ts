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
import { targetOf } from './call.js'
import type { Dialect, Message, Outcome, Wire } from './dialect.js'
import type { Executor } from './execute.js'
import type { Limits } from './limits.js'
import type { Log } from './log.js'
import { receive } from './receive.js'
import { recognise } from './recognise.js'
import { Refusal, type RefusalDetail } from './refusal.js'
import { executedOutcome, type Reply, refusedOutcome, reply } from './reply.js'
import { StorageError } from './store/db.js'
import { BelowFloor } from './store/ledger.js'
import type { Notes } from './store/notes.js'
import { requireFresh, type Verified, verify } from './verify.js'

export interface GatewayParts {
  readonly dialects: readonly Dialect[]
  /** Spells refusals of what nobody recognised. */
  readonly native: Dialect
  readonly registry: Registry
  readonly authorities: Authorities
  readonly limits: Limits
  readonly executor: Executor
  /** The floor of protocol §4, after noticing what other processes changed. */
  readonly floor: () => number | Promise<number>
  /** Unix milliseconds. */
  readonly now: () => number
  readonly requestId: (nowMs: number) => string
  readonly log: Log
  readonly notes: Notes
  readonly window: number
  readonly bodyLimit: number
  readonly audience: string
  readonly requireAudience: boolean
}

/** What one captured message could repeat within its window: counted per key, code and minute. */
const counted: ReadonlySet<string> = new Set(['STALE', 'REPLAYED', 'RATE_LIMITED'])

/** Answers one request; never rejects. */
export type Handle = (wire: Wire) => Promise<Reply>

/** The six steps of one request: receive, recognise, verify, admit, execute, reply. No HTTP in it. */
export function gateway(parts: GatewayParts): Handle {
  return async function handle(wire) {
    const started = performance.now()
    const nowMs = parts.now()
    const now = Math.floor(nowMs / 1000)
    const requestId = parts.requestId(nowMs)
    let dialect = parts.native
    let message: Message | undefined
    let verified: Verified | undefined
    let outcome: Outcome
    let audited = false
    let target: string | null = null
    try {
      parts.limits.requireAddress(wire.address)
      const received = receive(wire, parts.bodyLimit)
      const carrier = received instanceof Promise ? await received : received
      dialect = recognise(carrier, parts.dialects, parts.native)
      message = dialect.decode(carrier)

      const floor = await parts.floor()
      const authority = parts.authorities.cached(message.keyId) ?? (await parts.authorities.load(message.keyId))
      verified = authenticate(message, authority, now, wire.address)
      requireFresh(message.timestamp, now, parts.window, floor)

      const caller = callerOf(authority, wire.address)
      requireActive(authority, wire.address, now)
      requireMeant(message, authority, parts)
      parts.notes.used(authority.keyId, now, wire.address)
      if (parts.limits.takeKey) await parts.limits.takeKey(authority.keyId, weightOf(message))
      const registered = requireKnown(message.command, parts.registry)
      requirePermission(registered.command, caller)
      requireValid(registered, message.params, message.hasNul)

      const { params, timestamp, idempotencyKey, dryRun } = message
      target = targetOf({ registered, params })
      const executed = await parts.executor.execute({
        requestId,
        nowMs,
        registered,
        params,
        caller,
        authority,
        dialect: dialect.name,
        message: { timestamp, mac: verified.mac, key: verified.key, idempotencyKey },
        dryRun,
      })
      outcome = executedOutcome(executed, message.command, dryRun)
      audited = executed.audited
    } catch (error) {
      const { code, detail } = refusalOf(error, message, now)
      if (code === 'INTERNAL' || code === 'STORAGE') parts.log.failed(requestId, verified && message?.command, error)
      outcome = refusedOutcome(code, detail, verified && message?.command, (verified && message?.dryRun) ?? false)
    }
    const exchange = { requestId, serverTime: now, handleTime: (performance.now() - started) / 1000 }
    const answer = reply(outcome, dialect, exchange, verified)
    if (verified && message && !audited) note(outcome, message, verified, dialect, requestId, nowMs, wire, target)
    parts.log.answered(answer, wire, dialect.name, outcome, verified?.authority)
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
      parts.notes.count(keyId, account, code, nowMs)
      return
    }
    const entry = {
      at_ms: nowMs,
      account,
      principal: `${principal.kind}:${principal.id}`,
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

  function authenticate(message: Message, authority: Authority, now: number, address: string): Verified {
    const verified = verify(message, authority, now)
    if (verified) return verified
    parts.limits.failed(address)
    throw new Refusal('UNAUTHENTICATED')
  }
}

/** The code for whatever was thrown; the caller of a bug learns nothing but the request id. */
function refusalOf(
  error: unknown,
  message: Message | undefined,
  now: number,
): { code: GatewayCode; detail: RefusalDetail } {
  if (error instanceof Refusal) return { code: error.code, detail: error.detail }
  if (error instanceof BelowFloor) return { code: 'STALE', detail: { skew: (message?.timestamp ?? now) - now } }
  if (error instanceof StorageError) return { code: error.kind === 'busy' ? 'OVERLOADED' : 'STORAGE', detail: {} }
  return { code: 'INTERNAL', detail: {} }
}
