import { isDone } from '../schemas/codes.js'
import type { Carrier, Dialect, Outcome, PasswordProof, Spelled } from '../src/dialect.js'
import { decodeUtf8 } from '../src/encoding.js'
import { malformed } from '../src/refusal.js'
import { cdn, namedUser, parameters, text } from './envelope.js'

const served: ReadonlySet<string> = new Set(['get-user', 'set-user', 'toggle-user'])
/** What promises more than a message without signature and timestamp can have. */
const signedOnly = ['timestamp', 'idempotency_key', 'dry_run']

/** Cesbo Astra's API: JSON with `cmd` and the password of a panel user. Neither signed nor dated, so off unless it is named. */
export const astra: Dialect = {
  name: 'astra',
  names: 'passwords',
  serves: (command) => served.has(command),
  recognises({ json, form, wire }) {
    if (!json || form || !/^basic( |$)/i.test(wire.authorization ?? '')) return false
    const { command, api_key, signature } = json.value
    return command === undefined && api_key === undefined && signature === undefined && wire.signature === undefined
  },
  decode(carrier) {
    const { value, hasNul } = requireJson(carrier)
    for (const name of signedOnly) {
      if (value[name] !== undefined) throw malformed(`${name}: needs a signed message, which this is not`)
    }
    return {
      command: text(value, 'cmd', 'the name of a command'),
      params: parameters(value),
      timestamp: undefined,
      idempotencyKey: undefined,
      dryRun: false,
      cdn: cdn(value.cdn),
      audience: value.audience === undefined ? undefined : text(value, 'audience', 'the name of an instance'),
      hasNul,
      proof: readBasic(carrier.wire.authorization ?? ''),
    }
  },
  encode(outcome) {
    const { entry, refused, command, result } = outcome
    if (refused || !isDone(entry.code)) return failure(outcome)
    const body = command === 'get-user' ? result : { [command ?? '']: 'ok' }
    return { status: 200, body: JSON.stringify(body) }
  },
}

function requireJson({ json }: Carrier): NonNullable<Carrier['json']> {
  if (!json) throw malformed('expected a JSON object with cmd')
  return json
}

/** `Basic` and the base64 of `LOGIN:PASSWORD` (RFC 7617); LOGIN is `NAME` or `CDN/NAME`. */
function readBasic(authorization: string): PasswordProof {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization) ?? []
  const credentials = encoded === undefined ? '' : decodeUtf8(Buffer.from(encoded, 'base64'))
  const colon = credentials.indexOf(':')
  if (colon < 0) throw malformed('Authorization: expected Basic, and the base64 of LOGIN:PASSWORD in UTF-8')
  const [login, password] = [credentials.slice(0, colon), credentials.slice(colon + 1)]
  return { kind: 'password', ...namedUser(login), password }
}

function failure({ entry, code, detail }: Outcome): Spelled {
  const { suggestion } = detail
  const hint = suggestion === undefined ? '' : `: did you mean ${suggestion}?`
  const message = own.get(code) ?? faults(detail) ?? detail.message ?? entry.message
  const body = JSON.stringify({ error: message + hint, code: entry.code })
  const challenge = [['WWW-Authenticate', 'Basic realm="countersign"']] as const
  return { status: entry.http, body, ...(entry.http === 401 && { headers: challenge }) }
}

/** Where the code's own text speaks of keys. */
const own: ReadonlyMap<string, string> = new Map([
  ['UNAUTHENTICATED', 'Unknown login or wrong password'],
  ['KEY_INACTIVE', 'This user is disabled or has expired'],
])

const faults = ({ errors }: Outcome['detail']): string | undefined =>
  errors?.map(({ path, message }) => `${path || 'the request'} ${message}`).join('; ')
