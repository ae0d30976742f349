import type { GatewayCode } from '../schemas/codes.js'

/** A fault of one parameter: `path` is a JSON Pointer (RFC 6901) into the parameters. */
export interface Fault {
  readonly path: string
  readonly message: string
}

/** What a refusal may tell beside its code. */
export interface RefusalDetail {
  /** Replaces the code's own text. */
  readonly message?: string
  readonly errors?: readonly Fault[]
  /** Seconds the message's timestamp was ahead of the server's clock. */
  readonly skew?: number
  /** Seconds to wait before the same message is worth sending again. */
  readonly retryAfter?: number
  readonly suggestion?: string
  readonly address?: string
  /** For the `Allow` header of 405. */
  readonly allow?: string
}

/** An expected "no" of the gateway itself: thrown by the steps, spelled by the dialect. */
export class Refusal extends Error {
  constructor(
    readonly code: GatewayCode,
    readonly detail: RefusalDetail = {},
  ) {
    super(detail.message ?? code)
  }
}

/** 1400 with a sentence that says what was expected. */
export const malformed = (message: string): Refusal => new Refusal('MALFORMED', { message })

/** 1422 for a fault that only the data can tell. */
export const invalid = (path: string, message: string): Refusal =>
  new Refusal('INVALID_PARAMS', { message: `Invalid parameters: ${path} ${message}`, errors: [{ path, message }] })
