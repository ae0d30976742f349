import type { CodeEntry } from '../schemas/codes.js'
import type { Scan } from './json.js'
import type { RefusalDetail } from './refusal.js'

/** A request as it came in. Header values are as sent, or undefined. */
export interface Wire {
  readonly path: string
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly authorization: string | undefined
  /** The `Countersign-Signature` header. */
  readonly signature: string | undefined
  readonly body: Buffer
  /** The caller's address, folded, with trusted proxies taken into account. */
  readonly address: string
}

/** What the body turned out to be. */
export interface Carrier {
  readonly wire: Wire
  /** The JSON of the body, or of the form field `json`. */
  readonly json: Scan | undefined
  /** The fields of a form; undefined when the body was JSON itself. */
  readonly form: ReadonlyMap<string, string> | undefined
}

/** What must be signed, and the signature as it was given. */
export interface Proof {
  readonly signed: string | Buffer
  readonly mac: string
}

/** A request, read: nothing in it is believed before its proof was verified. */
export interface Message {
  readonly command: string
  readonly params: Record<string, unknown>
  readonly keyId: string
  /** Unix seconds. */
  readonly timestamp: number
  readonly proof: Proof
  readonly idempotencyKey: string | undefined
  readonly dryRun: boolean
  readonly cdn: number | undefined
  readonly audience: string | undefined
  /** True when some parameter holds U+0000. */
  readonly hasNul: boolean
}

/** What came of a request, before it is spelled. */
export interface Outcome {
  readonly entry: CodeEntry
  /** True for the gateway's own codes, which a dialect may spell with the vendor's numbers. */
  readonly refused: boolean
  /** The code's name, for those the gateway gives. */
  readonly code: string
  /** Known once the MAC was right. */
  readonly command: string | undefined
  readonly result: object | undefined
  readonly replayed: boolean
  readonly dryRun: boolean
  readonly detail: RefusalDetail
}

/** What the reply tells about this exchange. */
export interface Exchange {
  readonly requestId: string
  /** Unix seconds. */
  readonly serverTime: number
  /** Seconds. */
  readonly handleTime: number
}

export interface Spelled {
  readonly status: number
  readonly body: string
}

/** One way of spelling requests and replies. It names the signed bytes; it never sees a secret and runs nothing. */
export interface Dialect {
  readonly name: string
  /** Whether the carrier is spelled this way; the first dialect that says so reads it. */
  recognises(carrier: Carrier): boolean
  /** Throws a 1400 Refusal. */
  decode(carrier: Carrier): Message
  encode(outcome: Outcome, exchange: Exchange): Spelled
}

/** `0.0004 seconds`. */
export const handleTimeText = ({ handleTime }: Exchange): string => `${handleTime.toFixed(4)} seconds`
