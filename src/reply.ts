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
}

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
  return { status, headers, body, requestId: exchange.requestId, code: outcome.entry.code }
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

const nothing = {}

/** What a command answered, ready to be spelled. */
export function executedOutcome(executed: Executed, command: string, dryRun: boolean): Outcome {
  const { entry, code, result, json, replayed } = executed
  return { entry, code, result, json, replayed, refused: false, command, dryRun, detail: nothing }
}
