import { createHmac, timingSafeEqual } from 'node:crypto'

/** What identifies and proves a caller: the public id of a key, and its secret. */
export interface Credentials {
  readonly apiKey: string
  readonly secret: string
}

/** What a message says beside its command's parameters. `timestamp` in Unix seconds. */
export interface Envelope {
  readonly timestamp: number
  readonly idempotencyKey?: string | undefined
  readonly dryRun?: boolean | undefined
  readonly cdn?: number | undefined
  readonly audience?: string | undefined
}

/** A message as it is sent, and the MAC that its reply must be signed over. */
export interface SignedMessage {
  readonly body: string
  /** Lower-case hex. */
  readonly mac: string
}

/** Signs one command: the signature is the last member, over the text without it. */
export function signMessage(cmd: string, params: object, credentials: Credentials, envelope: Envelope): SignedMessage {
  const message = {
    cmd,
    ...params,
    api_key: credentials.apiKey,
    timestamp: envelope.timestamp,
    idempotency_key: envelope.idempotencyKey,
    dry_run: envelope.dryRun,
    ...(envelope.cdn !== undefined && { cdn: envelope.cdn }),
    ...(envelope.audience !== undefined && { audience: envelope.audience }),
  }
  return signText(JSON.stringify(message), credentials.secret)
}

/** Signs a JSON object that has members and no signature. */
export function signText(text: string, secret: string): SignedMessage {
  const mac = createHmac('sha256', secret).update(text).digest()
  return { body: `${text.slice(0, -1)},"signature":"${mac.toString('base64')}"}`, mac: mac.toString('hex') }
}

/** Whether the gateway's holder of the same secret wrote this reply to this request (`Countersign-Reply`). */
export function isAuthentic(
  header: string | null,
  requestMac: string,
  status: number,
  body: string,
  secret: string,
): boolean {
  if (header === null) return false
  const expected = createHmac('sha256', secret)
    .update(`countersign-reply\n${requestMac}\n${status}\n${body}`)
    .digest('base64')
  const given = Buffer.from(header)
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected))
}
