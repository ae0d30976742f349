import { type Credentials, type Envelope, isAuthentic, signMessage } from './sign.js'

/** A reply, with whether it was proven to come from the gateway. */
export interface Reply {
  readonly status: number
  /** The JSON as it came, or undefined when it was something else. */
  readonly json:
    | { readonly code: number; readonly status: string; readonly message: string; readonly [name: string]: unknown }
    | undefined
  readonly text: string
  readonly authentic: boolean
}

/** The gateway could not be reached, or something else answered: sending the same message again is safe. */
export class TransportError extends Error {}

/** `/control` is appended unless the URL ends so. */
export const controlUrl = (url: string): string =>
  /\/control\/?$/.test(url) ? url : `${url.replace(/\/$/, '')}/control`

/** Signs and sends one command, once. Rejects with {@link TransportError} after `timeout` milliseconds or without an answer. */
export async function send(
  url: string,
  cmd: string,
  params: object,
  credentials: Credentials,
  envelope: Envelope,
  timeout = 30_000,
): Promise<Reply> {
  const { body, mac } = signMessage(cmd, params, credentials, envelope)
  try {
    const response = await fetch(controlUrl(url), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(timeout),
    })
    const text = await response.text()
    const authentic = isAuthentic(
      response.headers.get('Countersign-Reply'),
      mac,
      response.status,
      text,
      credentials.secret,
    )
    return { status: response.status, json: parse(text), text, authentic }
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
    throw new TransportError(`no answer from ${controlUrl(url)}${cause}`, { cause: error })
  }
}

function parse(text: string): Reply['json'] {
  try {
    const value = JSON.parse(text)
    return typeof value?.code === 'number' ? value : undefined
  } catch {
    return undefined
  }
}
