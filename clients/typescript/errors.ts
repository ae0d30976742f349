import { codes, undecided } from './codes.js'
import type { Answer } from './transport.js'

/** One fault of a parameter: a JSON Pointer into the parameters, and what is wrong there. */
export interface ParamFault {
  readonly path: string
  readonly message: string
}

/** What is known of a call that failed. */
export interface Failure {
  readonly cmd: string
  readonly idempotencyKey: string
  /** True when the command may have been done all the same: call again under the same `idempotencyKey` to find out. */
  readonly outcomeUnknown: boolean
  readonly attempts: number
  readonly answer: Answer | undefined
  readonly cause?: unknown
}

/** What every failed call rejects with; the subclass says why. */
export class CountersignError extends Error {
  override readonly name: string
  /** The gateway's result code; undefined when no answer of a gateway arrived. */
  readonly code: number | undefined
  /** What the operator needs to find this request in the log. */
  readonly requestId: string | undefined
  /** Every fault of the parameters ({@link InvalidParamsError}). */
  readonly errors: readonly ParamFault[]
  readonly cmd: string
  readonly idempotencyKey: string
  readonly outcomeUnknown: boolean
  readonly attempts: number
  /** HTTP status; undefined when nothing arrived. */
  readonly httpStatus: number | undefined
  /** False for an answer whose writer is not proven, such as a refusal before the signature was checked. */
  readonly authentic: boolean
  /** The answer as it came. */
  readonly answer: Answer['json']

  constructor(what: string, failure: Failure) {
    super(textOf(what, failure), { cause: failure.cause })
    this.name = new.target.name
    const { cmd, idempotencyKey, outcomeUnknown, attempts, answer } = failure
    this.cmd = cmd
    this.idempotencyKey = idempotencyKey
    this.outcomeUnknown = outcomeUnknown
    this.attempts = attempts
    this.httpStatus = answer?.status
    this.authentic = answer?.authentic ?? false
    this.answer = answer?.json
    this.code = answer?.json?.code
    this.requestId = optionalText(answer?.json?.request_id)
    this.errors = faultsOf(answer?.json?.errors)
  }
}

/** No answer that can be believed, after every retry: no connection, a time-out, a proxy's error page. */
export class TransportError extends CountersignError {}
/** Something answered that did not prove to be the gateway: a success without the right signature, a redirect. */
export class UnprovenReplyError extends CountersignError {}
/** The command itself said no: nothing of it was kept. `result` may say more. */
export class NotDoneError extends CountersignError {
  get result(): unknown {
    return this.answer?.result
  }
}
/** The gateway refused before the command ran; the subclass says why. */
export class RefusedError extends CountersignError {}
/** Unknown key or wrong signature: look at `apiKey` and `secret`. */
export class UnauthenticatedError extends RefusedError {}
/** The timestamp is off, even after the clock was corrected once. */
export class StaleError extends RefusedError {}
/** The key may not do this, not from this address, or no longer. */
export class ForbiddenError extends RefusedError {}
/** There is no such command. */
export class UnknownCommandError extends RefusedError {}
/** `errors` lists every fault of the parameters. */
export class InvalidParamsError extends RefusedError {}
/** The same `idempotencyKey` was used for another command or other parameters, or was made void. */
export class IdempotencyMismatchError extends RefusedError {}
/** Overloaded, limited or still running, after every retry; call again later under the same `idempotencyKey`. */
export class UnavailableError extends RefusedError {}

type RefusalClass = new (what: string, failure: Failure) => RefusedError

const refusals: ReadonlyMap<number, RefusalClass> = new Map<number, RefusalClass>([
  [codes.UNAUTHENTICATED, UnauthenticatedError],
  [codes.STALE, StaleError],
  [codes.FORBIDDEN, ForbiddenError],
  [codes.ADDRESS_REFUSED, ForbiddenError],
  [codes.KEY_INACTIVE, ForbiddenError],
  [codes.UNKNOWN_COMMAND, UnknownCommandError],
  [codes.INVALID_PARAMS, InvalidParamsError],
  [codes.IDEMPOTENCY_MISMATCH, IdempotencyMismatchError],
  [codes.IN_PROGRESS, UnavailableError],
  [codes.RATE_LIMITED, UnavailableError],
  [codes.OVERLOADED, UnavailableError],
  [codes.TIMED_OUT, UnavailableError],
  [codes.STORAGE, UnavailableError],
])

/** Whether a code is the gateway's own, rather than a command's. */
export const isRefusal = (code: number): boolean => code >= codes.MALFORMED && code < codes.MALFORMED + 200

/** The error of a "no" that the gateway has answered. */
export function answeredError(code: number, failure: Failure): CountersignError {
  const what = String(failure.answer?.json?.message ?? '')
  if (!isRefusal(code)) return new NotDoneError(what, { ...failure, outcomeUnknown: false })
  const Refusal = refusals.get(code) ?? RefusedError
  return new Refusal(what, { ...failure, outcomeUnknown: failure.outcomeUnknown || undecided.has(code) })
}

function textOf(what: string, { cmd, idempotencyKey, outcomeUnknown, answer }: Failure): string {
  const code = answer?.json?.code
  const faults = faultsOf(answer?.json?.errors).map(({ path, message }) => `${path || '(parameters)'} ${message}`)
  const id = optionalText(answer?.json?.request_id)
  return [
    `${cmd}: ${code === undefined ? '' : `${code} `}`,
    // The gateway's text names the first fault; here they all stand.
    faults.length === 0 ? what : `${what.split(':')[0]}: ${faults.join('; ')}`,
    id === undefined ? '' : ` (request ${id})`,
    hint(outcomeUnknown, idempotencyKey, code !== undefined && isRefusal(code) && !answer?.authentic),
  ].join('')
}

function hint(outcomeUnknown: boolean, idempotencyKey: string, unsignedRefusal: boolean): string {
  if (unsignedRefusal) return '. This refusal is unsigned, as one must be before the signature was checked'
  if (!outcomeUnknown) return ''
  return `. Whether it was done is not known: call again with the idempotency key ${idempotencyKey} to find out`
}

const optionalText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const faultsOf = (value: unknown): ParamFault[] =>
  Array.isArray(value)
    ? value.map((fault) => ({ path: String(Object(fault).path), message: String(Object(fault).message) }))
    : []
