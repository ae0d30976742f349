import { type ChildProcess, fork, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { cpuSeconds, newFolder, users } from './contenders.js'
import type { Answer, Job, Report } from './load.js'

/** A server whose databases may be made and dropped. */
const server = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const compiled = join(import.meta.dirname, '..')
const warmUp = 1.5
const perGateway = 32

interface Line {
  readonly label: string
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Microseconds of processor time a command: of the gateways, and of everything on the machine. */
  readonly cpu: number
}

/** Durable commands a second on SQLite and on PostgreSQL, by one gateway and by two on one database; undefined without a server. */
export async function engines(seconds: number, progress: (text: string) => void): Promise<string | undefined> {
  if (!(await reachable())) return undefined
  const lines: Line[] = []
  for (const { label, gateways, postgres } of [
    { label: 'SQLite, one gateway', gateways: 1, postgres: false },
    { label: 'PostgreSQL, one gateway', gateways: 1, postgres: true },
    { label: 'PostgreSQL, two gateways', gateways: 2, postgres: true },
  ]) {
    progress(`engines: ${label}`)
    lines.push(await measure(label, gateways, postgres, seconds))
  }
  return table(lines)
}

async function measure(label: string, count: number, postgres: boolean, seconds: number): Promise<Line> {
  const database = postgres ? await newDatabase() : undefined
  const gateways = await startAll(count, database?.url)
  try {
    const job = { users, connections: perGateway, apiKey: gateways.apiKey, secret: gateways.secret }
    const [first] = gateways.running
    if (!first) throw new Error('no gateway')
    await first.perform({ ...job, port: first.port, command: 'set-user', seconds: 60, requests: users })
    const all = (length: number) =>
      Promise.all(
        gateways.running.map(({ port, perform }) =>
          perform({ ...job, port, command: 'toggle-user', seconds: length, requests: Math.ceil(20_000 * length) }),
        ),
      )
    await all(warmUp)
    const before = gateways.running.map(({ pid }) => cpuSeconds(pid))
    const reports = await all(seconds)
    const used = gateways.running.reduce((sum, { pid }, index) => sum + cpuSeconds(pid) - (before[index] ?? 0), 0)
    const done = reports.reduce((sum, report) => sum + report.done, 0)
    const [worst] = reports.toSorted((a, b) => b.p99 - a.p99)
    if (!worst || done === 0) throw new Error(`${label}: ${reports[0]?.firstFailure}`)
    return { label, perSecond: done / seconds, p50: worst.p50, p99: worst.p99, cpu: (used / done) * 1e6 }
  } finally {
    await gateways.stop()
    await database?.drop()
  }
}

interface Gateways {
  readonly apiKey: string
  readonly secret: string
  readonly running: readonly { port: number; pid: number; perform(job: Job): Promise<Report> }[]
  stop(): Promise<void>
}

/** Gateways with data folders of their own and one master key, and a load generator for each. */
async function startAll(count: number, databaseUrl: string | undefined): Promise<Gateways> {
  const children: ChildProcess[] = []
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_'))),
    COUNTERSIGN_MASTER_KEY: randomBytes(32).toString('base64'),
    ...(databaseUrl && { COUNTERSIGN_DATABASE_URL: databaseUrl }),
  }
  const running: Gateways['running'][number][] = []
  let admin: { api_key: string; secret: string } | undefined
  for (let i = 0; i < count; i++) {
    const folder = newFolder()
    const child = spawn(process.execPath, [join(compiled, 'src/main.js'), 'serve', '--data', folder, '--port', '0'], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const load = fork(join(compiled, 'bench/load.js'))
    children.push(child, load)
    const port = await listening(child)
    admin ??= JSON.parse(readFileSync(join(folder, 'admin-key.json'), 'utf8'))
    running.push({ port, pid: child.pid ?? 0, perform: (job) => performed(load, job) })
  }
  const stop = async () => {
    await Promise.all(
      children.map(async (child) => {
        const ended = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGTERM')
        await ended
      }),
    )
  }
  return { apiKey: admin?.api_key ?? '', secret: admin?.secret ?? '', running, stop }
}

function listening(child: ChildProcess): Promise<number> {
  let said = ''
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', (chunk) => {
      said += chunk
      const port = /listening on http:\/\/\S+?:([0-9]+)\/control/.exec(said)?.[1]
      if (port !== undefined) resolve(Number(port))
    })
    child.once('exit', () => reject(new Error(`a gateway ended:\n${said}`)))
  })
}

async function performed(load: ChildProcess, job: Job): Promise<Report> {
  const answer = new Promise<Answer>((resolve) => load.once('message', resolve as (message: unknown) => void))
  load.send(job)
  const given = await answer
  if ('error' in given) throw new Error(given.error)
  return given.report
}

async function asked(sql: string): Promise<void> {
  const client = new pg.Client(server)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

const reachable = () =>
  asked('select 1').then(
    () => true,
    () => false,
  )

async function newDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `countersign_bench_${randomBytes(6).toString('hex')}`
  await asked(`create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => asked(`drop database ${name} with (force)`) }
}

function table(lines: readonly Line[]): string {
  const [, one] = lines
  const rows = lines.map(({ label, perSecond, p50, p99, cpu }) => {
    const ratio = one && label.includes('two') ? `${(perSecond / one.perSecond).toFixed(2)} times one` : ''
    const cells = [perSecond.toFixed(0).padStart(8), p50.toFixed(1).padStart(8), p99.toFixed(1).padStart(8)]
    return `${label.padEnd(28)}${cells.join('')}${cpu.toFixed(0).padStart(8)}   ${ratio}`.trimEnd()
  })
  return [
    `${''.padEnd(28)}${['a second', 'p50 ms', 'p99 ms', 'CPU us'].map((head) => head.padStart(8)).join('')}`,
    ...rows,
  ].join('\n')
}
