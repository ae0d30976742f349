import { randomBytes } from 'node:crypto'
import type { Credentials } from '../../../clients/typescript/index.js'
import { command, request } from './wire.js'

/** One way in which an account with every right over itself may try to make others feel it. */
export interface Phase {
  readonly name: string
  readonly connections: number
  /** Requests that are under way on each connection. */
  readonly depth: number
  /** The nth request of the phase, as bytes. */
  next(by: Credentials, n: number): Buffer
  /** True where answers are never read. */
  readonly unread?: boolean
  /** Milliseconds after which each connection is closed and replaced. */
  readonly lifetime?: number
}

/** The largest things that the hostile account makes before the phases. */
export interface Largest {
  readonly users: number
  readonly slices: number
  readonly series: number
}

export const server = 'edge-1'
const run = randomBytes(6).toString('hex')
const fresh = (n: number) => `hostile-${run}-${n}-${randomBytes(4).toString('hex')}`
const hundred = <T>(make: (index: number) => T): T[] => Array.from({ length: 100 }, (_, index) => make(index))
const now = () => Math.floor(Date.now() / 1000)

/** Texts that nearly match for as long as they can. */
export const longName = (n: number): string => `${'a'.repeat(240)}${n}`
export const slowGlob = (n: number): string => `${'*a'.repeat(120)}*b${n}`

/** Samples of as many streams as a report may carry, with viewers up to the size of a body. */
export function report(by: Credentials, series: number, tag: string): Buffer {
  const samples = Array.from({ length: Math.min(1_000, series) }, (_, n) => ({
    id: tag,
    time: now(),
    app: longName(n % 10),
    stream: longName(n),
    connections: n,
    bytes_in: n,
    bytes_out: n,
    viewers: Array.from({ length: 10 }, (_, viewer) => `viewer-${n}-${viewer}`),
  }))
  return command(by, 'stats/report', { server, samples }, fresh(0))
}

/** One of several, in turn. */
const oneOf = (n: number, makers: readonly (() => Buffer)[]): Buffer => makers[n % makers.length]?.() ?? Buffer.alloc(0)

/** Made once: most of what these phases send is read again and again, and the hostile process is to be as fast as it can. */
function kept(make: (by: Credentials) => Buffer): (by: Credentials) => Buffer {
  let made: Buffer | undefined
  let at = 0
  return (by) => {
    if (!made || now() - at > 60) {
      made = make(by)
      at = now()
    }
    return made
  }
}

const listUsers = kept((by) => command(by, 'list-users', { pagesize: 1_000 }))
const listSlices = kept((by) => command(by, 'slices/list', {}))
const listAudit = kept((by) => command(by, 'audit/list', { pagesize: 1_000 }))
const verifyAudit = kept((by) => command(by, 'audit/verify', {}))
const listKeys = kept((by) => command(by, 'keys/list', {}))
const listTokens = kept((by) => command(by, 'access-tokens/list', {}))
const listDevices = kept((by) => command(by, 'device-passwords/list', {}))
const listSubowners = kept((by) => command(by, 'subowners/list', {}))
const listCommands = kept((by) => command(by, 'commands', {}))
const realtime = kept((by) => command(by, 'stats/realtime', { group_by: 'slice' }))
const daily = kept((by) => command(by, 'stats/daily', { date: new Date().toISOString().slice(0, 10) }))
const indepth = (group: string, bucket: string) =>
  kept((by) => {
    const to = Math.ceil(now() / 86_400) * 86_400
    return command(by, 'stats/indepth', { from: to - 2 * 86_400, to, bucket, group_by: group })
  })
const byMinute = indepth('stream', '1m')
const bySlice = indepth('slice', '1h')
const badMac = kept((by) => command({ ...by, secret: 'not the secret' }, 'ping', {}))
const malformed = kept(() => request('{"cmd":"ping",'))
const deep = kept(() => request(`{"a":${'['.repeat(30)}${'1,'.repeat(100_000)}1${']'.repeat(30)}}`))
const nearlyFields = kept(() => {
  const part = (name: string) =>
    `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${'a'.repeat(60_000)}b\r\n`
  const body = `${part('msg')}${part('sig')}--x\r\nContent-Disposition: form-data; name="c"\r\n\r\n${'a'.repeat(60_000)}\r\n--x--\r\n`
  return request(body, ['Content-Type: multipart/form-data; boundary=x'])
})
const readyz = Buffer.from('GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
const docs = Buffer.from('GET /docs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
const openapi = Buffer.from('GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
const nowhere = Buffer.from('GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')

const setUser = (n: number, more: object = {}) => ({
  id: `own-${n}`,
  user: { type: 3, comment: 'x'.repeat(500), ...more },
})
const slowReads = ['list-users', 'slices/list', 'stats/realtime', 'audit/list', 'subowners/list']

const twinsAtOnce = 200

export function phases(): readonly Phase[] {
  return [
    {
      name: 'large lists',
      connections: 64,
      depth: 8,
      next: (by, n) =>
        oneOf(n, [
          () => listUsers(by),
          () => listSlices(by),
          () => listAudit(by),
          () => listKeys(by),
          () => listTokens(by),
          () => listDevices(by),
          () => listSubowners(by),
          () => listCommands(by),
          () => verifyAudit(by),
        ]),
    },
    {
      name: 'statistics',
      connections: 32,
      depth: 4,
      next: (by, n) => oneOf(n, [() => realtime(by), () => byMinute(by), () => bySlice(by), () => daily(by)]),
    },
    {
      name: 'batches of slow reads',
      connections: 16,
      depth: 2,
      next: (by, n) => {
        const cmd = slowReads[n % slowReads.length] ?? ''
        const params = cmd === 'stats/realtime' ? { group_by: 'slice' } : {}
        return command(by, 'batch', { atomic: false, commands: hundred(() => ({ cmd, ...params })) }, fresh(n))
      },
    },
    {
      name: 'one hot row',
      connections: 256,
      depth: 2,
      next: (by, n) => command(by, 'toggle-user', { id: 'own-0' }, fresh(n)),
    },
    {
      name: 'batches that lock the account',
      connections: 64,
      depth: 2,
      next: (by, n) =>
        command(by, 'batch', { commands: hundred((i) => ({ cmd: 'set-user', ...setUser(i) })) }, fresh(n)),
    },
    {
      name: 'batches that are taken back',
      connections: 64,
      depth: 2,
      next: (by, n) => {
        const commands = hundred((i) =>
          i % 2 === 0 ? { cmd: 'toggle-user', id: `own-${i}` } : { cmd: 'toggle-user', id: 'nobody' },
        )
        return command(by, 'batch', { atomic: n % 2 === 0, commands }, fresh(n))
      },
    },
    {
      name: 'worst bodies',
      connections: 16,
      depth: 1,
      next: (by, n) =>
        oneOf(n, [() => report(by, 400, fresh(n)), () => deep(by), () => nearlyFields(by), () => malformed(by)]),
    },
    {
      name: 'idempotent twins',
      connections: 100,
      depth: 4,
      next: (() => {
        let twin: Buffer = Buffer.alloc(0)
        return (by: Credentials, n: number) => {
          if (n % twinsAtOnce === 0) twin = command(by, 'set-user', setUser(n % 50, { password: `p${n}` }), fresh(n))
          return twin
        }
      })(),
    },
    {
      name: 'password hashes',
      connections: 64,
      depth: 8,
      next: (by, n) =>
        oneOf(n, [
          () => command(by, 'set-user', setUser(n % 50, { password: `password ${n}` }), fresh(n)),
          () => {
            const commands = hundred((i) => ({ cmd: 'set-user', ...setUser(i, { password: `password ${i}` }) }))
            return command(by, 'batch', { commands }, fresh(n))
          },
        ]),
    },
    {
      name: 'dry runs',
      connections: 64,
      depth: 4,
      next: (by, n) =>
        oneOf(n, [
          () => command(by, 'set-user', setUser(n % 50), undefined, { dry_run: true }),
          () => {
            const commands = hundred((i) => ({ cmd: 'set-user', ...setUser(i) }))
            return command(by, 'batch', { commands }, undefined, { dry_run: true })
          },
        ]),
    },
    {
      name: 'keys that come and go',
      connections: 32,
      depth: 4,
      next: (by, n) =>
        oneOf(n, [
          () => command(by, 'keys/create', {}, fresh(n)),
          () => command(by, 'access-tokens/create', {}, fresh(n)),
          () => command(by, 'subowners/create', { username: `s-${run}-${n}`, password: `p${n}` }, fresh(n)),
          () => command(by, 'set-user', setUser(n % 50, { enable: n % 8 < 4 }), fresh(n)),
        ]),
    },
    {
      name: 'unread answers',
      connections: 128,
      depth: 256,
      unread: true,
      lifetime: 1_500,
      next: (by, n) => oneOf(n, [() => listSlices(by), () => listUsers(by), () => listCommands(by)]),
    },
    {
      name: 'connections that come and go',
      connections: 300,
      depth: 1,
      lifetime: 250,
      next: (by, n) => oneOf(n, [() => Buffer.from('POST /control HTTP/1.1\r\nHost: '), () => listCommands(by)]),
    },
    {
      name: 'paths beside the endpoint',
      connections: 20,
      depth: 64,
      next: (_by, n) => oneOf(n, [() => readyz, () => docs, () => openapi, () => nowhere]),
    },
    // The last: new connections from the address are refused for a minute after it.
    {
      name: 'wrong signatures',
      connections: 64,
      depth: 8,
      next: (by) => badMac(by),
    },
  ]
}
