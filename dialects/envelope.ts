import { envelopeMembers, idempotencyKeyPattern, timestampPattern } from '../schemas/envelope.js'
import type { MacProof, Message, NamedUser } from '../src/dialect.js'
import type { Scan } from '../src/json.js'
import { withoutSignature } from '../src/json.js'
import { malformed } from '../src/refusal.js'

const maxKeyId = 128
const keyPattern = new RegExp(idempotencyKeyPattern)

/** A signature beside the body, and what it covers. */
type Given = Pick<MacProof, 'signed' | 'mac'>

/**
 * Reads a signed JSON object (protocol §2 and §3); `header` is the signature of the header, if there is one. Throws 1400,
 * saying what was expected.
 */
export function readMessage(scan: Scan, commandMember: 'cmd' | 'command', header?: Given): Message {
  const { value } = scan
  const command = text(value, commandMember, 'the name of a command')
  const params = parameters(value)
  const key = keyId(text(value, 'api_key', 'the public id of a key'), 'api_key')
  return {
    command,
    params,
    timestamp: timestamp(scan, 'timestamp'),
    idempotencyKey: idempotencyKey(value, 'idempotency_key'),
    dryRun: dryRun(value.dry_run),
    cdn: cdn(value.cdn),
    audience: value.audience === undefined ? undefined : text(value, 'audience', 'the name of an instance'),
    hasNul: scan.hasNul,
    proof: proof(scan, key, header),
  }
}

function proof(scan: Scan, key: string, header: Given | undefined): MacProof {
  const { signature } = scan.value
  if (header) {
    if (signature !== undefined) throw malformed('signature: given in the body and in the header')
    return { kind: 'mac', keyId: key, signed: header.signed, mac: header.mac }
  }
  if (typeof signature !== 'string') throw malformed('signature: expected a string (base64 or lower-case hex)')
  return { kind: 'mac', keyId: key, signed: withoutSignature(scan), mac: signature }
}

/** What is no member of the envelope. */
export function parameters(value: Scan['value']): Record<string, unknown> {
  const params: Record<string, unknown> = {}
  for (const name of Object.keys(value)) {
    if (!envelopeMembers.has(name)) params[name] = value[name]
    else if (name.startsWith('_')) throw malformed(`${name}: reserved`)
  }
  return params
}

/** A text that must be there. */
export function text(value: Scan['value'], name: string, what: string): string {
  const given = value[name]
  if (typeof given === 'string' && given !== '') return given
  throw malformed(given === undefined ? `${name}: missing; expected ${what}` : `${name}: expected ${what}, as a string`)
}

/** An id of a key; refuses a secret that somebody mistook for one. */
export function keyId(id: string, name: string): string {
  if (id.startsWith('cs_')) throw malformed(`${name}: this is the secret, not the id`)
  if (id.length > maxKeyId) throw malformed(`${name}: expected at most ${maxKeyId} characters`)
  return id
}

/** `NAME`, or `CDN/NAME` with an account number. */
export function namedUser(text: string): NamedUser {
  const [, number, login] = /^([1-9][0-9]{0,15})\/(.+)$/s.exec(text) ?? []
  const account = Number(number)
  return login === undefined || !Number.isSafeInteger(account)
    ? { account: undefined, login: text }
    : { account, login }
}

/** Unix seconds, as the scan found them spelled. */
export function timestamp({ value, timestamp: spelled }: Scan, name: string): number {
  const given = value[name]
  const expected = `${name}: expected whole Unix seconds, such as 1795332418`
  if (given === undefined) throw malformed(`${expected}; it is missing`)
  if (typeof given !== 'number' && typeof given !== 'string') throw malformed(expected)
  if (spelled !== undefined && timestampPattern.test(spelled)) return Number(spelled)
  throw malformed(spelled && /^[0-9]{12,}$/.test(spelled) ? `${expected}, not milliseconds` : expected)
}

export function idempotencyKey(value: Scan['value'], name: string): string | undefined {
  const given = value[name]
  if (given === undefined || (typeof given === 'string' && keyPattern.test(given))) return given
  throw malformed(`${name}: expected 8 to 128 characters of A-Z a-z 0-9 . _ ~ : + / = -`)
}

function dryRun(given: unknown): boolean {
  if (given === undefined || typeof given === 'boolean') return given ?? false
  throw malformed('dry_run: expected true or false')
}

/** An account number. */
export function cdn(given: unknown): number | undefined {
  if (given === undefined) return undefined
  const number = typeof given === 'string' && /^(0|[1-9][0-9]{0,15})$/.test(given) ? Number(given) : given
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number
  throw malformed('cdn: expected an account number')
}
