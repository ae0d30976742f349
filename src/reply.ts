import { type GatewayCode, gatewayCodes } from '../schemas/codes.js'
import type { Executed } from './call.js'
import type { Dialect, Exchange, Outcome } from './dialect.js'
import type { MacKey } from './hmac.js'
import type { RefusalDetail } from './refusal.js'
import type { Verified } from './verify.js'

/** What goes back: an HTTP status, the headers that differ from reply to reply, and the body. */
export interface Reply {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  readonly requestId: string
  /** The code's number, for the log. */
  readonly code: number
  /** The account that proved itself; undefined where nobody did. */
  readonly account?: number | undefined
}

const nothing = {}

/** The last step: the dialect spells the outcome; the reply is signed when the request's MAC was right (protocol §7). */
export function reply(outcome: Outcome, dialect: Dialect, exchange: Exchange, verified: Verified | undefined): Reply {
  const { status, body, headers: own } = dialect.encode(outcome, exchange)
  const headers: [string, string][] = []
  if (verified?.key && verified.mac !== undefined) {
    headers.push(['Countersign-Reply', replyMac(verified.key, verified.mac, status, body)])
  }
  if (outcome.detail.retryAfter !== undefined) headers.push(['Retry-After', String(outcome.detail.retryAfter)])
  if (outcome.detail.allow !== undefined) headers.push(['Allow', outcome.detail.allow])
  if (own) for (const [name, value] of own) headers.push([name, value])
  const account = verified?.authority.account
  return { status, headers, body, requestId: exchange.requestId, code: outcome.entry.code, account }
}

/**
 * The reply to an outcome, whatever throws while it is encoded or signed, and the outcome that it tells. What a command answered
 * may be kept by then, so that it is 1504 when it cannot be told; a refusal is told without its details.
 */
export function certainReply(
  outcome: Outcome,
  { dialect, native }: { readonly dialect: Dialect; readonly native: Dialect },
  exchange: Exchange,
  verified: Verified | undefined,
  onFault: (error: unknown) => void,
): { readonly outcome: Outcome; readonly answer: Reply } {
  try {
    return { outcome, answer: reply(outcome, dialect, exchange, verified) }
  } catch (error) {
    onFault(error)
  }
  const { refused, command, dryRun } = outcome
  const told = refused ? { ...outcome, detail: nothing } : refusedOutcome('TIMED_OUT', nothing, command, dryRun)
  try {
    return { outcome: told, answer: reply(told, dialect, exchange, verified) }
  } catch {
    return { outcome: told, answer: nativeReply(told, native, exchange, verified) }
  }
}

function nativeReply(told: Outcome, native: Dialect, exchange: Exchange, verified: Verified | undefined): Reply {
  try {
    return reply(told, native, exchange, verified)
  } catch {
    return reply(told, native, exchange, undefined)
  }
}

/** What is left to say when not even the request has an id: in the gateway's own words, unsigned. */
export function lastReply(code: GatewayCode, native: Dialect): Reply {
  const exchange = { requestId: '0'.repeat(22), serverTime: 0, handleTime: 0 }
  return reply(refusedOutcome(code, nothing, undefined, false), native, exchange, undefined)
}

const replyMac = (key: MacKey, mac: string, status: number, body: string): string =>
  key.mac(`countersign-reply\n${mac}\n${status}\n${body}`, 'base64')

/** A "no" of the gateway, ready to be spelled. */
export function refusedOutcome(
  code: GatewayCode,
  detail: RefusalDetail,
  command: string | undefined,
  dryRun: boolean,
): Outcome {
  const retryAfter = detail.retryAfter ?? (code === 'OVERLOADED' ? 1 : undefined)
  return {
    entry: gatewayCodes[code],
    refused: true,
    code,
    command,
    result: undefined,
    replayed: false,
    dryRun,
    detail: retryAfter === undefined ? detail : { ...detail, retryAfter },
  }
}

/** What a command answered, ready to be spelled. */
export function executedOutcome(executed: Executed, command: string, dryRun: boolean): Outcome {
  const { entry, code, result, json, replayed } = executed
  return { entry, code, result, json, replayed, refused: false, command, dryRun, detail: nothing }
}
