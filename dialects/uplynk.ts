import { isDone } from '../schemas/codes.js'
import type { Carrier, Dialect, Outcome } from '../src/dialect.js'
import { decodeUtf8, inflate, lenientBase64 } from '../src/encoding.js'
import { type Scan, scanJson } from '../src/json.js'
import { malformed } from '../src/refusal.js'
import { idempotencyKey, keyId, namedUser, text, timestamp } from './envelope.js'

/**
 * Uplynk's dialect: `POST …api2/<command>` with the form fields `msg` (base64 of zlib of JSON) and `sig` (hex HMAC-SHA256
 * of `msg` as it stands). The path is not signed, which is why little may be called (protocol §9.3).
 */
export const uplynk: Dialect = {
  name: 'uplynk',
  names: 'owners',
  methods: (path) => (commandAt(path) === undefined ? undefined : ['POST']),
  recognises: ({ wire }) => commandAt(wire.path) !== undefined,
  decode(carrier) {
    const { form, wire } = carrier
    const command = decodedCommandAt(wire.path)
    const { msg, sig } = signedFields(form)
    const scan = readMsg(msg, carrier)
    const { value } = scan
    const owner = text(value, '_owner', 'the id of a principal or of a key')
    const user = namedUser(owner)
    keyId(user.login, '_owner')
    return {
      command,
      params: unpaged(command, parameters(value)),
      timestamp: timestamp(scan, '_timestamp'),
      idempotencyKey: idempotencyKey(value, '_idempotency_key'),
      dryRun: false,
      cdn: undefined,
      audience: undefined,
      misdirected: misdirection(command, value._cmd),
      hasNul: scan.hasNul,
      proof: {
        kind: 'owner',
        owner,
        user,
        signed: msg,
        mac: sig.trim().toLowerCase(),
      },
    }
  },
  encode(outcome) {
    const { entry, refused, result, replayed, dryRun } = outcome
    const done = isDone(entry.code) && !refused
    const reply = {
      ...result,
      ...(done ? { error: 0 } : { error: entry.code, msg: message(outcome) }),
      replayed: replayed || undefined,
      dry_run: dryRun || undefined,
    }
    const busy = refused && (entry.http === 429 || entry.http === 503)
    return { status: busy ? entry.http : 200, body: JSON.stringify(reply) }
  },
}

const endpoint = '/control/'
const marker = 'api2/'

/** What a path calls: all that follows its first `api2/`, without a final slash; undefined for any other path. */
function commandAt(path: string): string | undefined {
  if (!path.startsWith(endpoint)) return undefined
  const rest = decoded(path.slice(endpoint.length)) ?? path
  const at = rest.indexOf(marker)
  return at < 0 ? undefined : rest.slice(at + marker.length).replace(/\/$/, '')
}

function decodedCommandAt(path: string): string {
  if (decoded(path) === undefined) throw malformed('the path has a broken percent escape')
  return commandAt(path) ?? ''
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

function signedFields(form: ReadonlyMap<string, string> | undefined): { msg: string; sig: string } {
  const [msg, sig] = [form?.get('msg'), form?.get('sig')]
  if (msg !== undefined && sig !== undefined && form?.size === 2) return { msg, sig }
  throw malformed('expected a form with the fields msg and sig, and no others')
}

/** What a byte of DEFLATE can become, at most. */
const mostInflated = 1_032

function readMsg(msg: string, carrier: Carrier): Scan {
  const zlib = lenientBase64(msg)
  if (!zlib) throw malformed('msg: expected base64')
  // As much as it may become, until it is known: a stream that breaks off at its end has been inflated, too.
  carrier.inflated = Math.min(carrier.bodyLimit, zlib.length * mostInflated)
  const json = inflate(zlib, carrier.bodyLimit, 'msg')
  carrier.inflated = json.length
  return scanJson(decodeUtf8(json), '_timestamp')
}

const reserved: ReadonlySet<string> = new Set(['_owner', '_timestamp', '_cmd', '_idempotency_key'])

const parameters = (value: Scan['value']): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !reserved.has(name)))

/** The vendor's clients know no pages: without one they are answered every subowner, or 1414, and never a part. */
function unpaged(command: string, params: Record<string, unknown>): Record<string, unknown> {
  const pages = params.page ?? params.pagesize ?? params.all
  return command === 'subowners/list' && pages === undefined ? { ...params, all: true } : params
}

/** Commands that the vendor's own clients call, which know nothing of `_cmd`. */
const unbound = 'subowners/'

/** Why a message must not do what its path says: whoever saw it could have sent it to any other. */
function misdirection(command: string, cmd: unknown): string | undefined {
  if (cmd !== undefined && typeof cmd !== 'string') throw malformed('_cmd: expected the name of a command, as a string')
  if (cmd === undefined) {
    if (command.startsWith(unbound)) return undefined
    return 'The path is not signed: name the command in msg, too, as _cmd (only subowners/… may be called without)'
  }
  return cmd === command ? undefined : '_cmd names another command than the path'
}

function message({ entry, detail }: Outcome): string {
  const { errors = [], suggestion, address } = detail
  if (errors.length > 0)
    return errors.map(({ path, message }) => `${path.slice(1) || 'request'}: ${message}`).join('; ')
  // What the envelope calls idempotency_key begins with an underscore here.
  const told = (detail.message ?? entry.message).replaceAll(/(?<!_)idempotency_key/g, '_idempotency_key')
  if (suggestion !== undefined) return `${told}: did you mean ${suggestion}?`
  return address === undefined ? told : `${told}: ${address}`
}
