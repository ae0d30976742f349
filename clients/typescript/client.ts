import { randomInt, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Commands } from './commands.js'
import { answeredError, type CountersignError, type Failure, TransportError, UnprovenReplyError } from './errors.js'
import { judge } from './judge.js'
import type { Credentials } from './sign.js'
import { type Answer, send, Unanswered } from './transport.js'

/** How a client behaves; everything may be left out. Times in milliseconds. */
export interface ClientOptions {
  /** How long one attempt may take; the gateway itself waits up to 10 s for a request that is still running. */
  readonly timeout?: number
  /** How often a call is sent again after its first attempt. */
  readonly retries?: number
  /** The longest single wait before another attempt; a gateway that asks for more gets no other. */
  readonly longestWait?: number
  /** The number of the account, to be sent with every message. */
  readonly cdn?: number
  /** The name of the instance that messages are for, where its operator has given it one. */
  readonly audience?: string
}

export interface CallOptions {
  /**
   * 8 to 128 characters of `A-Za-z0-9._~:+/=-`. Give one, and store it before the call, when the job must survive its own
   * end: called again with it, the command is not done twice. Without it each call has one of its own.
   */
  readonly idempotencyKey?: string
  /** Check everything, keep nothing. */
  readonly dryRun?: boolean
}

/** A command that was done. */
export interface Reply<R = unknown> {
  readonly code: number
  readonly message: string
  readonly cmd: string
  readonly requestId: string
  /** Unix seconds. */
  readonly serverTime: number
  /** True when an earlier attempt, of this call or another one with its idempotency key, did it. */
  readonly replayed: boolean
  readonly dryRun: boolean
  readonly result: R
}

const firstWait = 200
const reserved = new Set(['cmd', 'api_key', 'timestamp', 'signature', 'idempotency_key', 'dry_run', 'cdn', 'audience'])

/** Signs commands, sends each until it is answered, and believes only what the gateway has signed. */
export class Client extends Commands {
  /** Seconds that the gateway's clock is ahead, as a signed 1402 has told. */
  private ahead = 0
  private readonly options: Required<Pick<ClientOptions, 'timeout' | 'retries' | 'longestWait'>> & ClientOptions

  constructor(
    readonly url: string,
    private readonly credentials: Credentials,
    options: ClientOptions = {},
  ) {
    super()
    if (!/^https?:\/\/[^/]/.test(url)) throw new TypeError(`"${url}" is not an http or https URL of a gateway`)
    this.options = { timeout: 30_000, retries: 6, longestWait: 60_000, ...options }
  }

  /** Reads `api_key` and `secret` from a JSON file, such as the gateway's `admin-key.json`. */
  static fromKeyFile(url: string, file: string, options: ClientOptions = {}): Client {
    const { api_key: apiKey, secret } = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof apiKey !== 'string' || typeof secret !== 'string')
      throw new TypeError(`${file}: expected JSON with api_key and secret`)
    return new Client(url, { apiKey, secret }, options)
  }

  /** Runs a command; rejects with a {@link CountersignError} unless it was done. */
  async call<R = unknown>(cmd: string, params: object = {}, options: CallOptions = {}): Promise<Reply<R>> {
    requireParams(cmd, params)
    const idempotencyKey = options.idempotencyKey ?? randomUUID()
    const call: Call = { cmd, idempotencyKey, attempts: 0, unsure: false, timestamp: 0, corrected: false }
    for (;;) {
      const answer = await this.attempt(call, params, options.dryRun)
      const next = this.next(call, answer)
      if ('reply' in next) return replyOf<R>(next.reply, cmd)
      if (next.wait > 0) await pause(next.wait)
    }
  }

  private async attempt(call: Call, params: object, dryRun: boolean | undefined): Promise<Answer | Unanswered> {
    call.attempts++
    // Later than the one before: the same bytes again would be answered with secrets withheld.
    call.timestamp = Math.max(Math.floor(Date.now() / 1000) + this.ahead, call.timestamp + 1)
    const { cdn, audience, timeout } = this.options
    const { timestamp, idempotencyKey } = call
    const envelope = { timestamp, idempotencyKey, dryRun: dryRun || undefined, cdn, audience }
    try {
      return await send(this.url, call.cmd, params, this.credentials, envelope, timeout)
    } catch (error) {
      if (error instanceof Unanswered) return error
      throw error
    }
  }

  /** What follows an attempt: a reply, or a wait before the next one. Throws when there is nothing more to try. */
  private next(call: Call, answer: Answer | Unanswered): { reply: Answer } | { wait: number } {
    if (answer instanceof Unanswered) {
      call.unsure ||= answer.sent
      return this.again(call, undefined, () => new TransportError(answer.message, failureOf(call, undefined, answer)))
    }
    const verdict = judge(answer)
    if (verdict.kind === 'done') return { reply: answer }
    if (verdict.kind === 'stale' && !call.corrected) return this.correct(call, verdict.serverTime)
    if (verdict.kind === 'unproven') {
      call.unsure = true
      throw new UnprovenReplyError(verdict.what, failureOf(call, answer))
    }
    if (verdict.kind !== 'again') throw refusal(call, answer)
    call.unsure ||= !verdict.sure
    const retryAfter = answer.retryAfter ?? optionalNumber(answer.json?.retry_after)
    return this.again(call, retryAfter, () =>
      verdict.refused ? refusal(call, answer) : new TransportError(verdict.what, failureOf(call, answer)),
    )
  }

  /** Full jitter, after whatever the gateway has asked for: clients that failed together do not come back together. */
  private again(call: Call, retryAfter: number | undefined, error: () => CountersignError): { wait: number } {
    const { retries, longestWait } = this.options
    const asked = (retryAfter ?? 0) * 1000
    if (call.attempts > retries || asked > longestWait) throw error()
    const most = Math.min(longestWait - asked, firstWait * 2 ** (call.attempts - 1))
    return { wait: asked + randomInt(Math.max(1, Math.ceil(most))) }
  }

  private correct(call: Call, serverTime: number): { wait: number } {
    call.corrected = true
    call.timestamp = 0
    this.ahead = serverTime - Math.floor(Date.now() / 1000)
    return { wait: 0 }
  }
}

/** One call over all its attempts. */
interface Call {
  readonly cmd: string
  readonly idempotencyKey: string
  attempts: number
  /** Whether an attempt so far may have been done without our knowing. */
  unsure: boolean
  /** Of the newest attempt. */
  timestamp: number
  corrected: boolean
}

const failureOf = (call: Call, answer: Answer | undefined, cause?: unknown): Failure => ({
  cmd: call.cmd,
  idempotencyKey: call.idempotencyKey,
  outcomeUnknown: call.unsure,
  attempts: call.attempts,
  answer,
  cause,
})

function refusal(call: Call, answer: Answer): CountersignError {
  // Whoever is on the way can write what no signature proves.
  if (!answer.authentic) call.unsure = true
  return answeredError(answer.json?.code ?? Number.NaN, failureOf(call, answer))
}

function requireParams(cmd: string, params: object): void {
  if (cmd === '') throw new TypeError('the name of the command is missing')
  const wrong = Object.keys(params).find((name) => reserved.has(name))
  if (wrong !== undefined) throw new TypeError(`"${wrong}" belongs to the message and is no parameter of a command`)
}

function replyOf<R>({ json }: Answer, cmd: string): Reply<R> {
  const { code, message, request_id, server_time, replayed, dry_run, result = {} } = Object(json)
  return {
    code,
    message,
    cmd,
    requestId: request_id,
    serverTime: server_time,
    replayed: replayed === true,
    dryRun: dry_run === true,
    result,
  }
}

const optionalNumber = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)
