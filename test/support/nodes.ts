import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { type Credentials, signMessage } from '../../clients/typescript/index.js'
import { emptyDatabase } from './postgres.js'
import { removeFolder, type ServerOptions, startServer, type TestServer, temporaryFolder } from './server.js'

/** Gateways with data folders of their own on one database. */
export interface Nodes {
  readonly servers: TestServer[]
  readonly owner: Credentials
  readonly databaseUrl: string
  readonly env: Readonly<Record<string, string>>
  /** Rows of the database, read beside the gateways. */
  rows<T>(sql: string, params?: readonly unknown[]): Promise<T[]>
  /** Ends a node, with SIGKILL unless another signal is given, and starts it again on its folder. */
  restart(index: number, options?: { readonly signal?: NodeJS.Signals; readonly program?: string }): Promise<void>
  stop(): Promise<void>
}

/** Starts them all at the same moment on an empty database. */
export async function nodesFor(
  t: TestContext,
  count: number,
  databaseUrl?: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Nodes> {
  const place = databaseUrl === undefined ? await emptyDatabase() : undefined
  const url = databaseUrl ?? place?.url ?? ''
  const env = {
    COUNTERSIGN_DATABASE_URL: url,
    COUNTERSIGN_MASTER_KEY: randomBytes(32).toString('base64'),
    ...settings,
  }
  const folders = Array.from({ length: count }, temporaryFolder)
  const servers = await Promise.all(folders.map((folder) => startServer({ folder, env })))
  const owner = servers.find((server) => server.owner.apiKey !== '')?.owner ?? { apiKey: '', secret: '' }
  const nodes: Nodes = {
    servers,
    owner,
    databaseUrl: url,
    env,
    async rows(sql, params = []) {
      const client = new pg.Client(url)
      await client.connect()
      try {
        return (await client.query(sql, [...params])).rows
      } finally {
        await client.end()
      }
    },
    async restart(index, { signal = 'SIGKILL', program } = {}) {
      const [server, folder] = [servers[index], folders[index]]
      if (!server || folder === undefined) throw new Error('there is no such node')
      await server.stop(signal)
      servers[index] = await startedAgain({ folder, env, port: server.port, ...(program && { program }) })
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop('SIGKILL')))
    },
  }
  t.after(async () => {
    await nodes.stop()
    await place?.drop()
    folders.forEach(removeFolder)
  })
  return nodes
}

const restartDelay = 200
const restartPatience = 30_000

/** As a service manager does it: a gateway that finds its database away ends, and is started again. */
async function startedAgain(options: ServerOptions): Promise<TestServer> {
  const end = performance.now() + restartPatience
  for (;;) {
    try {
      return await startServer(options)
    } catch (error) {
      if (!String(error).includes('the storage failed') || performance.now() > end) throw error
      await setTimeout(restartDelay)
    }
  }
}

/** The JSON of a reply, or undefined when there was none to read. */
export async function posted(url: string, body: string | Buffer): Promise<Record<string, unknown> | undefined> {
  try {
    const response = await fetch(`${url}/control`, { method: 'POST', body, signal: AbortSignal.timeout(15_000) })
    return JSON.parse(await response.text())
  } catch {
    return undefined
  }
}

export const signed = (nodes: Nodes, cmd: string, params: object, idempotencyKey?: string, timestamp = now()): string =>
  signMessage(cmd, params, nodes.owner, { timestamp, ...(idempotencyKey !== undefined && { idempotencyKey }) }).body

export const now = (): number => Math.floor(Date.now() / 1000)

/** In milliseconds. */
const answerPatience = 60_000

export interface Spread {
  readonly count: number
  readonly parallel: number
  /** One of so many is sent again after it was answered, to another node. */
  readonly resendOneIn: number
  readonly tag: string
  /** Called after each command that was answered. */
  readonly onDone?: (done: number) => void
  /** Asked before each command; false ends it before there are `count`. */
  readonly more?: () => boolean
  /** Milliseconds that a client rests after each command. */
  readonly rest?: number
  /** Called with each reply, and with undefined where a node gave none. */
  readonly onReply?: (reply: Record<string, unknown> | undefined) => void
}

/**
 * Makes tickets on all nodes, each under an idempotency key of its own, sent again until it is answered; what an honest
 * client would do. What was answered wrongly.
 */
export async function spread(nodes: Nodes, options: Spread): Promise<string[]> {
  const { count, parallel, resendOneIn, tag, onDone, more = () => true, rest = 0, onReply } = options
  const faults: string[] = []
  let next = 0
  let done = 0
  const urlOf = (n: number) => nodes.servers[n % nodes.servers.length]?.url ?? ''
  async function answered(body: string, first: number): Promise<Record<string, unknown>> {
    const end = performance.now() + answerPatience
    for (let attempt = first; performance.now() < end; attempt++) {
      const reply = await posted(urlOf(attempt), body)
      onReply?.(reply)
      if (reply?.code === 2011) return reply
      if (reply && ![1411, 1429, 1503, 1504, 1507].includes(Number(reply.code))) faults.push(JSON.stringify(reply))
      if (faults.length > 20) return {}
      if (attempt > first) await setTimeout(20)
    }
    faults.push('nobody answered for a minute')
    return {}
  }
  async function worker(): Promise<void> {
    for (let n = next++; n < count && more(); n = next++) {
      const params = { app: 'demo-edge', video: `${tag}/${n}`, ip: '192.0.2.0/24', pass: `${tag}${n}` }
      const body = signed(nodes, 'sevu.request', params, `${tag}-${String(n).padStart(8, '0')}`)
      await answered(body, n)
      if (n % resendOneIn === 0) {
        const again = await answered(body, n + 1)
        if (again.replayed !== true) faults.push(`sent again, ${tag} ${n} was not answered from its outcome`)
      }
      onDone?.(++done)
      if (rest > 0) await setTimeout(rest)
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return faults
}

/** What is not there exactly once of `count` commands of a {@link spread}, and chains that do not fit their rows. */
export async function countFaults(nodes: Nodes, tag: string, count: number): Promise<string[]> {
  const one = async (sql: string) => Number((await nodes.rows<{ n: string }>(sql, [`${tag}/%`]))[0]?.n)
  const tickets = await one('select count(*) as n from tickets where video like $1')
  const different = await one('select count(distinct video) as n from tickets where video like $1')
  const audited = Number(
    (
      await nodes.rows<{ n: string }>(
        `select count(*) as n from claims c where c.command = 'sevu.request' and exists
         (select 1 from audit a where a.request_id = c.request_id and a.code = c.code)`,
      )
    )[0]?.n,
  )
  const told = [
    ['tickets', tickets],
    ['different tickets', different],
  ] as const
  const faults = told.filter(([, n]) => n !== count).map(([what, n]) => `${n} ${what}, not ${count}`)
  if (audited < count) faults.push(`${audited} claims with their audit row, not ${count}`)
  return faults
}
