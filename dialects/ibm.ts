import { ibmErrors, isDone } from '../schemas/codes.js'
import type { Carrier, Dialect, Message, Outcome, Spelled, Wire } from '../src/dialect.js'
import { decodeForm } from '../src/encoding.js'
import { malformed, Refusal } from '../src/refusal.js'

const devices = '/users/self/device-passwords.json'
const device = /^\/users\/self\/device-passwords\/([^/]+)\.json$/
const anyMethod = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const served: ReadonlySet<string> = new Set([
  'device-passwords/list',
  'device-passwords/create',
  'device-passwords/revoke',
])

/** IBM Video's API of broadcasting devices, at its own paths, with a bearer token. Not signed, so off unless it is named. */
export const ibm: Dialect = {
  name: 'ibm',
  links: true,
  serves: (command) => served.has(command),
  methods(path) {
    if (path === devices) return ['GET', 'POST']
    if (device.test(path)) return ['DELETE']
    // Whatever else is asked for beside them is answered in the vendor's words.
    return path.startsWith('/users/') ? anyMethod : undefined
  },
  recognises: () => false,
  decode(carrier) {
    const { wire } = carrier
    requireMethod(wire)
    const asked = wire.path === devices ? collection(carrier) : single(wire)
    return {
      ...asked,
      timestamp: undefined,
      idempotencyKey: undefined,
      dryRun: false,
      cdn: undefined,
      audience: undefined,
      hasNul: Object.values(asked.params).some((value) => String(value).includes('\0')),
      proof: { kind: 'token', token: readToken(wire.authorization) },
    }
  },
  encode(outcome, { publicUrl = '' }) {
    if (outcome.refused || !isDone(outcome.entry.code)) return failure(outcome)
    const { command, result } = outcome
    if (command === 'device-passwords/revoke') return { status: 200, body: '' }
    const body = command === 'device-passwords/list' ? linked(Object(result), publicUrl) : result
    return { status: 200, body: JSON.stringify(body) }
  },
}

type Asked = Pick<Message, 'command' | 'params'>

function requireMethod({ path, method }: Wire): void {
  const methods = ibm.methods?.(path) ?? []
  if (!methods.includes(method)) throw new Refusal('METHOD_NOT_ALLOWED', { allow: methods.join(', ') })
}

function collection({ wire, form, json }: Carrier): Asked {
  if (json) throw malformed('expected a form')
  const query = fields(wire.query)
  if (wire.method === 'GET') return { command: 'device-passwords/list', params: Object.fromEntries(query) }
  const given = [...query, ...(form ?? [])]
  const params = new Map(given)
  if (params.size !== given.length) throw malformed('a field stands twice')
  // A form has no other way to say that there is none.
  if (params.get('valid_until') === '') params.delete('valid_until')
  return { command: 'device-passwords/create', params: Object.fromEntries(params) }
}

function single({ path }: Wire): Asked {
  const [, name] = device.exec(path) ?? []
  if (name === undefined) throw new Refusal('UNKNOWN_COMMAND', { message: 'Nothing is served under this path' })
  return { command: 'device-passwords/revoke', params: { user_name: decodeSegment(name) } }
}

function decodeSegment(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw malformed('the path has a broken percent escape')
  }
}

function fields(query: string): [name: string, value: string][] {
  if (query === '') return []
  const read = decodeForm(query)
  if (new Set(read.map(([name]) => name)).size !== read.length) throw malformed('a parameter stands twice')
  return read
}

/** `Bearer TOKEN`, or the token alone, as the vendor's SDK sends it for some; anything else is no token. */
const readToken = (authorization = ''): string => /^(?:bearer +)?([\x21-\x7e]+) *$/i.exec(authorization)?.[1] ?? ''

interface Listed {
  readonly device_passwords: readonly object[]
  readonly paging: { readonly page: number; readonly pagesize: number; readonly total: number }
}

/** The page with links to the pages beside it: `[]` when there are none, as the vendor writes it. */
function linked({ device_passwords, paging: { page, pagesize, total } }: Listed, publicUrl: string): object {
  const last = Math.ceil(total / pagesize)
  const link = (to: number) => `${publicUrl}${devices}?pagesize=${pagesize}&page=${to}`
  const paging = {
    ...(page > 1 && last > 0 && { previous: link(Math.min(page - 1, last)) }),
    ...(page < last && { next: link(page + 1) }),
  }
  return { device_passwords, paging: Object.keys(paging).length > 0 ? paging : [] }
}

function failure({ entry, code, detail }: Outcome): Spelled {
  const { http, error } = ibmErrors.get(code) ?? { http: entry.http, error: 'server_error' }
  const message = detail.allow
    ? `Method not allowed: use ${detail.allow}`
    : (own.get(code) ?? detail.message ?? entry.message)
  const headers: [string, string][] = [['Countersign-Error', headerText(`${entry.code} ${message}`)]]
  if (http === 401) headers.push(['WWW-Authenticate', 'Bearer realm="countersign"'])
  return { status: http, body: JSON.stringify({ error }), headers }
}

/** Where the code's own text speaks of keys. */
const own: ReadonlyMap<string, string> = new Map([
  ['UNAUTHENTICATED', 'The access token is missing, unknown or revoked'],
  ['KEY_INACTIVE', 'The access token has expired, or whom it acts for is disabled'],
  ['ADDRESS_REFUSED', 'The access token may not be used from this address'],
])

/** A message may repeat what a client sent: only what every reader of headers takes. */
const headerText = (message: string): string =>
  message
    .replaceAll('’', "'")
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 512)
