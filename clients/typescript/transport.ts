import { type Credentials, type Envelope, isAuthentic, signMessage } from './sign.js'

/** What came back over HTTP, with whether it was proven to come from the gateway. */
export interface Answer {
  readonly status: number
  /** The JSON as it came, or undefined when it was something else. */
  readonly json:
    | { readonly code: number; readonly status: string; readonly message: string; readonly [name: string]: unknown }
    | undefined
  readonly text: string
  readonly authentic: boolean
  /** The header `Retry-After`, where it names seconds. */
  readonly retryAfter: number | undefined
}

/** Nothing came back. Sending again under the same idempotency key is safe. */
export class Unanswered extends Error {
  constructor(
    message: string,
    /** False when there was no connection, so that nothing can have happened. */
    readonly sent: boolean,
    cause: unknown,
  ) {
    super(message, { cause })
  }
}

/** `/control` is appended unless the URL ends so. */
export const controlUrl = (url: string): string =>
  /\/control\/?$/.test(url) ? url : `${url.replace(/\/$/, '')}/control`

/** Signs and sends one command, once. Rejects with {@link Unanswered} after `timeout` milliseconds or without an answer. */
export async function send(
  url: string,
  cmd: string,
  params: object,
  credentials: Credentials,
  envelope: Envelope,
  timeout = 30_000,
): Promise<Answer> {
  const { body, mac } = signMessage(cmd, params, credentials, envelope)
  const { status, headers, text } = await post(controlUrl(url), body, timeout)
  const authentic = isAuthentic(headers.get('Countersign-Reply'), mac, status, text, credentials.secret)
  return { status, json: parse(text), text, authentic, retryAfter: seconds(headers.get('Retry-After')) }
}

async function post(url: string, body: string, timeout: number) {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeout),
    })
    // Not response.text(): that swallows a byte order mark, and the reply is signed over its bytes.
    const text = Buffer.from(await response.arrayBuffer()).toString('utf8')
    return { status: response.status, headers: response.headers, text }
  } catch (error) {
    throw new Unanswered(`no answer from ${url}${reasonOf(error)}`, mayHaveArrived(error), error)
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if (error.name === 'TimeoutError') return ': it took too long'
  return error.cause instanceof Error && error.cause.message !== '' ? `: ${error.cause.message}` : ''
}

/** No connection, or one whose certificate was refused: nothing was sent. */
const unconnected =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_CERT_.*|CERT_.*|UNABLE_TO_.*|.*SELF_SIGNED_CERT.*)$/

function mayHaveArrived(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return !(cause instanceof Error && 'code' in cause && unconnected.test(String(cause.code)))
}

const seconds = (header: string | null): number | undefined =>
  header !== null && /^\d{1,9}$/.test(header) ? Number(header) : undefined

function parse(text: string): Answer['json'] {
  try {
    const value = JSON.parse(text)
    return typeof value?.code === 'number' ? value : undefined
  } catch {
    return undefined
  }
}
