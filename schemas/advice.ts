import type { GatewayCode } from './codes.js'

/** What to do about a refusal of the gateway: for docs/codes.md, and for clients that retry. */
export interface Advice {
  /** Which check answers, in the words of docs/protocol.md §4. */
  readonly by: string
  /** Sending the same message again: useless before something was mended, safe, or the way to learn what became of it. */
  readonly resend: 'useless' | 'safe' | 'unknown'
  readonly then: string
}

const useless = (by: string, then: string): Advice => ({ by, resend: 'useless', then })
const safe = (by: string, then: string): Advice => ({ by, resend: 'safe', then })
const unknown = (by: string, then: string): Advice => ({ by, resend: 'unknown', then })

const askAgain = 'Send the same message again with its idempotency_key, or ask `request-status`'

export const advice: Readonly<Record<GatewayCode, Advice>> = {
  MALFORMED: useless('HTTP, encoding, form, JSON, envelope', 'Mend the request; the message says what was expected'),
  UNAUTHENTICATED: useless(
    'key and MAC',
    'Check id and secret; `countersign sign --explain` finds what was signed wrongly',
  ),
  STALE: useless(
    'window and floor',
    'Set the clock right (`skew` tells by how much) and sign again with a new timestamp, under the same idempotency_key',
  ),
  FORBIDDEN: useless(
    'account and audience; permission; a command, where somebody stronger is concerned',
    'Use a key that may, or ask for the permission that the message names',
  ),
  UNKNOWN_COMMAND: useless('path, or command', 'Mend the name (`suggestion`) or the path'),
  METHOD_NOT_ALLOWED: useless('HTTP', 'Send a POST'),
  ADDRESS_REFUSED: useless(
    'address list of the key',
    'Send it from a listed address (`address` is yours, as it was seen), or have the list changed',
  ),
  KEY_INACTIVE: useless('state of key, principal and account', 'Have it turned on or prolonged, or use another key'),
  SLOW: safe('HTTP', 'Send it again over a better connection: nothing was run'),
  REPLAYED: useless(
    'at most once',
    'An earlier copy was taken: look what became of it before you ask anew. Under an idempotency_key a resend is safe',
  ),
  IDEMPOTENCY_MISMATCH: useless(
    'at most once',
    'Use a new idempotency_key: this one was used for something else, or made void',
  ),
  IN_PROGRESS: safe('at most once', 'Wait, then send it again: you get the outcome of the first'),
  TOO_LARGE: useless('size', 'Send less at a time'),
  REPLY_TOO_LARGE: useless(
    'the command',
    'Nothing was done. Ask for less at once: a smaller `pagesize`, or fewer commands in a batch',
  ),
  UNSUPPORTED_MEDIA: useless('encoding', 'Send UTF-8, not compressed'),
  INVALID_PARAMS: useless('parameters', 'Mend what `errors` lists'),
  RATE_LIMITED: safe('failures of the address, messages of the key', 'Wait `retry_after` seconds: nothing was run'),
  INTERNAL: safe(
    'the command',
    'Nothing was kept. Give the operator the request id; a resend runs it again, and may fail again',
  ),
  OVERLOADED: safe('window and floor; before the command', 'Wait `retry_after` seconds: nothing was run'),
  TIMED_OUT: unknown('the command', askAgain),
  STORAGE: unknown('at most once, the command', askAgain),
}
