import { envelopeMembers, idempotencyKeyPattern, timestampPattern } from '../schemas/envelope.js'
import type { Message } from '../src/dialect.js'
import type { Scan } from '../src/json.js'
import { withoutSignature } from '../src/json.js'
import { malformed } from '../src/refusal.js'

const maxKeyId = 128
const keyPattern = new RegExp(idempotencyKeyPattern)

/** Reads the members that the dialects with JSON envelopes share (protocol §2). Throws 1400, saying what was expected. */
export function readEnvelope(scan: Scan, commandMember: 'cmd' | 'command'): Omit<Message, 'proof'> {
  const { value } = scan
  return {
    command: text(value, commandMember, 'the name of a command'),
    params: parameters(value),
    keyId: keyId(text(value, 'api_key', 'the public id of a key')),
    timestamp: timestamp(scan),
    idempotencyKey: idempotencyKey(value.idempotency_key),
    dryRun: dryRun(value.dry_run),
    cdn: cdn(value.cdn),
    audience: value.audience === undefined ? undefined : text(value, 'audience', 'the name of an instance'),
    hasNul: scan.hasNul,
  }
}

/** The signature of the body, and the text it signs. */
export function readBodyProof(scan: Scan): Message['proof'] {
  const { signature } = scan.value
  if (typeof signature !== 'string') throw malformed('signature: expected a string (base64 or lower-case hex)')
  return { signed: withoutSignature(scan), mac: signature }
}

function parameters(value: Scan['value']): Record<string, unknown> {
  const params: Record<string, unknown> = {}
  for (const name of Object.keys(value)) {
    if (!envelopeMembers.has(name)) params[name] = value[name]
    else if (name.startsWith('_')) throw malformed(`${name}: reserved`)
  }
  return params
}

function text(value: Scan['value'], name: string, what: string): string {
  const given = value[name]
  if (typeof given === 'string' && given !== '') return given
  throw malformed(given === undefined ? `${name}: missing; expected ${what}` : `${name}: expected ${what}, as a string`)
}

function keyId(id: string): string {
  if (id.startsWith('cs_')) throw malformed('api_key: this is the secret, not the id')
  if (id.length > maxKeyId) throw malformed(`api_key: expected at most ${maxKeyId} characters`)
  return id
}

function timestamp({ value, timestamp: spelled }: Scan): number {
  const given = value.timestamp
  const expected = 'timestamp: expected whole Unix seconds, such as 1795332418'
  if (given === undefined) throw malformed(`${expected}; it is missing`)
  if (typeof given !== 'number' && typeof given !== 'string') throw malformed(expected)
  if (spelled !== undefined && timestampPattern.test(spelled)) return Number(spelled)
  throw malformed(spelled && /^[0-9]{12,}$/.test(spelled) ? `${expected}, not milliseconds` : expected)
}

function idempotencyKey(given: unknown): string | undefined {
  if (given === undefined || (typeof given === 'string' && keyPattern.test(given))) return given
  throw malformed('idempotency_key: expected 8 to 128 characters of A-Z a-z 0-9 . _ ~ : + / = -')
}

function dryRun(given: unknown): boolean {
  if (given === undefined || typeof given === 'boolean') return given ?? false
  throw malformed('dry_run: expected true or false')
}

function cdn(given: unknown): number | undefined {
  if (given === undefined) return undefined
  const number = typeof given === 'string' && /^(0|[1-9][0-9]{0,15})$/.test(given) ? Number(given) : given
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number
  throw malformed('cdn: expected an account number')
}
