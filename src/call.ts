import type { CodeEntry } from '../schemas/codes.js'
import type { Registered } from './admit.js'
import type { Authority } from './authority.js'
import type { Caller } from './command.js'
import type { MacKey } from './hmac.js'
import type { AuditEntry } from './store/audit.js'

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
  readonly message: SignedMessage | undefined
  readonly dryRun: boolean
  /** Whether nobody waits for the answer any more. */
  readonly isGone?: (() => boolean) | undefined
}

/** A call with what is taken of its parameters before the command is given them: it may change what it was given. */
export interface Asked extends Call {
  readonly target: string | null
  /** Empty where nothing is compared. */
  readonly paramsMac: string
}

/** What identifies a signed message. */
export interface SignedMessage {
  /** Unix seconds. */
  readonly timestamp: number
  /** Lower-case hex. */
  readonly mac: string
  /** The secret that signed it. */
  readonly key: MacKey
  readonly idempotencyKey: string | undefined
}

/** What came of a call. */
export interface Executed {
  readonly code: string
  readonly entry: CodeEntry
  readonly result: object | undefined
  readonly replayed: boolean
  /** True when its transaction wrote the audit row. */
  readonly audited: boolean
  /** The result as JSON, where it was written so already: the one that was measured. */
  readonly json?: string | undefined
}

export const nowOf = ({ nowMs }: Call): number => Math.floor(nowMs / 1000)

export function principalText(principal: Caller['principal']): string {
  if (principal !== named.principal) named = { principal, text: `${principal.kind}:${principal.id}` }
  return named.text
}

/** Whoever calls mostly called a moment ago: one text for all its rows is sooner compared, and lives once. */
let named: { readonly principal: Caller['principal'] | undefined; readonly text: string } = {
  principal: undefined,
  text: '',
}

const maxDetail = 16_384

export function targetOf({ registered: { command }, params }: Pick<Call, 'registered' | 'params'>): string | null {
  const target = command.target?.(params)
  return target === undefined ? null : String(target)
}

/** A call that another one carries. */
export const carriedCall = (whole: Asked, registered: Registered, params: Record<string, unknown>): Asked => ({
  requestId: whole.requestId,
  nowMs: whole.nowMs,
  registered,
  params,
  caller: whole.caller,
  authority: whole.authority,
  dialect: whole.dialect,
  message: whole.message,
  dryRun: whole.dryRun,
  target: targetOf({ registered, params }),
  paramsMac: whole.paramsMac,
})

/** The audit row of a call. `detail` is what it changed, before and after. */
export function auditEntry(call: Asked, caller: Caller, code: number, detail?: object): AuditEntry {
  const { command } = call.registered
  const text = detail === undefined ? null : JSON.stringify(detail)
  return {
    at_ms: call.nowMs,
    account: caller.account,
    principal: principalText(caller.principal),
    key_id: caller.keyId,
    address: caller.address,
    dialect: call.dialect,
    command: command.name,
    target: call.target,
    code,
    dry_run: call.dryRun ? 1 : 0,
    request_id: call.requestId,
    detail: text !== null && text.length > maxDetail ? '{"after":{"too_long":true}}' : text,
  }
}
