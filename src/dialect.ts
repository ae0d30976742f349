import type { CodeEntry } from '../schemas/codes.js'
import type { Scan } from './json.js'
import type { RefusalDetail } from './refusal.js'

/** A request as it came in. Header values are as sent, or undefined. */
export interface Wire {
  readonly method: string
  /** Without the query. A vendor's path that stands for the endpoint's is replaced by that. */
  readonly path: string
  /** As sent, without the `?`; empty when there is none. */
  readonly query: string
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly secFetchSite: string | undefined
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly authorization: string | undefined
  /** The `Countersign-Signature` header. */
  readonly signature: string | undefined
  readonly body: Buffer
  /** The caller's address, folded, with trusted proxies taken into account. */
  readonly address: string
  /** What pays for what is refused, where that is not the address. */
  readonly payer?: string | undefined
  /** Whether the connection has ended: nobody waits for the answer. */
  readonly isGone?: () => boolean
}

/** What the body turned out to be. */
export interface Carrier {
  readonly wire: Wire
  /** The JSON of the body, or of the form field `json`. */
  readonly json: Scan | undefined
  /** The fields of a form; undefined when the body was JSON itself. At a dialect's own path any fields, or none. */
  readonly form: ReadonlyMap<string, string> | undefined
  /** Bytes that a body may have, and so whatever is inflated from it. */
  readonly bodyLimit: number
  /** Bytes that were inflated from it so far, which a dialect adds: they cost as much as if they had been sent. */
  inflated: number
}

/** A signature of the key that is named. */
export interface MacProof {
  readonly kind: 'mac'
  readonly keyId: string
  /** What must be signed. */
  readonly signed: string | Buffer
  /** The signature as it was given. */
  readonly mac: string
}

/** A panel user as a message names it: without an account, of the default one. */
export interface NamedUser {
  readonly account: number | undefined
  readonly login: string
}

/** A signature of any enabled key of a principal; `owner` is its id, or the id of one of its keys, or else names `user`. */
export interface OwnerProof {
  readonly kind: 'owner'
  readonly owner: string
  readonly user: NamedUser
  readonly signed: string | Buffer
  readonly mac: string
}

/** The password of a panel user. */
export interface PasswordProof extends NamedUser {
  readonly kind: 'password'
  readonly password: string
}

/** A bearer token. */
export interface TokenProof {
  readonly kind: 'token'
  readonly token: string
}

/** Who somebody says they are, and what shows it. */
export type Proof = MacProof | OwnerProof | PasswordProof | TokenProof

/** A request, read: nothing in it is believed before its proof was verified. */
export interface Message {
  readonly command: string
  readonly params: Record<string, unknown>
  /** Unix seconds; undefined where the spelling has none: such a message has no freshness to check. */
  readonly timestamp: number | undefined
  readonly proof: Proof
  readonly idempotencyKey: string | undefined
  readonly dryRun: boolean
  readonly cdn: number | undefined
  readonly audience: string | undefined
  /** Why it must not do here what it would do: 1403, once it is known who sent it. */
  readonly misdirected?: string | undefined
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
  /** The result as JSON, where it was written so already. */
  readonly json?: string | undefined
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
  /** How clients reach the gateway, without a final slash; empty or absent where that is not known. */
  readonly publicUrl?: string
}

export interface Spelled {
  readonly status: number
  readonly body: string
  /** Further headers. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** One way of spelling requests and replies. It names the signed bytes; it never sees a secret and runs nothing. */
export interface Dialect {
  readonly name: string
  /** True when its replies hold links to the gateway, so that it needs to be told how clients reach it. */
  readonly links?: boolean
  /** What its messages may show with the name of a panel user, which is of the default account unless it says another. */
  readonly names?: 'passwords' | 'owners'
  /** The methods that it serves at a path of its own, where it alone is spoken; undefined where the path is none. */
  methods?(path: string): readonly string[] | undefined
  /** Whether it serves a command; the others are 1404 in it. Without this it serves every one. */
  serves?(command: string): boolean
  /** Whether the carrier is spelled this way; the first dialect that says so reads it. */
  recognises(carrier: Carrier): boolean
  /** Throws a 1400 Refusal. */
  decode(carrier: Carrier): Message
  encode(outcome: Outcome, exchange: Exchange): Spelled
}

/** `0.0004 seconds`. */
export const handleTimeText = ({ handleTime }: Exchange): string => `${handleTime.toFixed(4)} seconds`
