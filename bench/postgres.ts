import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { launched, users } from './contenders.js'
import { toggles } from './durability.js'
import { type Load, type Report, startLoad } from './load.js'
import { compiled, cpuSeconds, newFolder, stop } from './processes.js'
import { median, ratios } from './report.js'
import type { Job, Signer } from './requests.js'
import type { Bench, Figure, Result, Section } from './section.js'

/** A server whose databases may be made and dropped. */
const server = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const perGateway = 32
export const warmUp = 1.5
const most = 10_000
export const twoAgainstOne = 1.6

/** Durable commands a second on SQLite and on PostgreSQL, by one gateway and by two on one database. */
export const engines: Section = {
  name: 'engines',
  about:
    'durable writes on SQLite and PostgreSQL, by one gateway and by two on one database (only where PostgreSQL is there)',
  usual: true,
  async run(bench) {
    const title = 'Both engines, durable writes'
    if (!(await reachable())) return { title, figures: [], comparisons: [], notes: ['no PostgreSQL can be reached'] }
    return measure(title, bench)
  },
}

async function measure(title: string, bench: Bench): Promise<Result> {
  const database = { one: await newDatabase(), two: await newDatabase() }
  const sides: Side[] = []
  try {
    sides.push(await side('SQLite, one gateway', 1, undefined))
    sides.push(await side('PostgreSQL, one gateway', 1, database.one.url))
    sides.push(await side('PostgreSQL, two gateways', 2, database.two.url))
    for (const one of sides) await turn(one, warmUp)
    for (let round = 1; round <= bench.options.rounds; round++) {
      bench.progress(`round ${round} of ${bench.options.rounds}`)
      for (const one of sides) one.turns.push(await turn(one, bench.options.seconds))
    }
  } finally {
    for (const { gateways } of sides) await gateways.stop()
    await database.one.drop()
    await database.two.drop()
  }
  const [, one, two] = sides.map(({ turns }) => turns.map(({ perSecond }) => perSecond))
  return {
    title,
    figures: sides.map(figure),
    comparisons: [
      {
        label: 'PostgreSQL: two gateways against one',
        unit: 'times',
        rounds: ratios(two ?? [], one ?? []),
        must: twoAgainstOne,
      },
    ],
    notes: ['the gateways, the load and PostgreSQL share all cores'],
  }
}

/** What is measured together: gateways on one database. */
export interface Side {
  readonly label: string
  readonly gateways: Gateways
  readonly turns: Turn[]
}

export interface Turn {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Microseconds of the gateways' processor time a command. */
  readonly cpu: number
}

export async function side(label: string, count: number, url: string | undefined): Promise<Side> {
  const gateways = await startAll(count, url)
  const [first] = gateways.running
  if (!first) throw new Error('no gateway')
  const making = first.prepare({
    message: (n) => ({ cmd: 'set-user', id: `u${n % users}`, user: { type: 3, comment: 'bench' } }),
    once: true,
    connections: perGateway,
    seconds: 60,
    requests: users,
  })
  const { succeeded, firstFailure } = await making()
  if (succeeded !== users) throw new Error(`${label}: users could not be made: ${firstFailure}`)
  return { label, gateways, turns: [] }
}

/** All gateways at once: what they are sent was signed before. */
export async function turn({ label, gateways: { running } }: Side, seconds: number): Promise<Turn> {
  const job = { ...toggles(users), connections: perGateway, seconds, requests: Math.ceil(most * seconds) }
  const loads = running.map(({ prepare }) => prepare(job))
  const before = running.map(({ pid }) => cpuSeconds(pid))
  const reports = await Promise.all(loads.map((load) => load()))
  const used = running.reduce((sum, { pid }, index) => sum + cpuSeconds(pid) - (before[index] ?? 0), 0)
  const done = reports.reduce((sum, report) => sum + report.done, 0)
  const [worst] = reports.toSorted((a, b) => b.p99 - a.p99)
  if (!worst || done === 0) throw new Error(`${label}: ${reports[0]?.firstFailure}`)
  return { perSecond: done / worst.seconds, p50: worst.p50, p99: worst.p99, cpu: (used / done) * 1e6 }
}

export const figure = ({ label, turns }: Side): Figure => ({
  label,
  unit: 'a second',
  rounds: turns.map(({ perSecond }) => perSecond),
  p50: median(turns.map(({ p50 }) => p50)),
  p99: median(turns.map(({ p99 }) => p99)),
  cpu: median(turns.map(({ cpu }) => cpu)),
})

interface Gateway {
  readonly pid: number
  prepare(job: Omit<Job, 'port' | 'signer'>): () => Promise<Report>
}

interface Gateways {
  readonly running: readonly Gateway[]
  stop(): Promise<void>
}

/** Gateways with data folders of their own and one master key, and a load generator for each. */
async function startAll(count: number, databaseUrl: string | undefined): Promise<Gateways> {
  const children: ChildProcess[] = []
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_'))),
    COUNTERSIGN_MASTER_KEY: randomBytes(32).toString('base64'),
    ...launched.env,
    ...(databaseUrl && { COUNTERSIGN_DATABASE_URL: databaseUrl }),
  }
  const running: Gateway[] = []
  let admin: Signer | undefined
  for (let i = 0; i < count; i++) {
    const folder = newFolder()
    const child = spawn(
      process.execPath,
      [...launched.node, join(compiled, 'src/main.js'), 'serve', '--data', folder, '--port', '0'],
      { env, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    children.push(child)
    const port = await listening(child)
    admin ??= signerIn(folder)
    const signer = admin
    const load: Load = startLoad()
    running.push({
      pid: child.pid ?? 0,
      prepare: (job) => load.prepare({ ...job, port, signer: () => signer }),
    })
  }
  return {
    running,
    async stop() {
      await Promise.all(children.map(stop))
    },
  }
}

function signerIn(folder: string): Signer {
  const { api_key: apiKey, secret } = JSON.parse(readFileSync(join(folder, 'admin-key.json'), 'utf8'))
  return { apiKey, secret }
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

async function asked(sql: string): Promise<void> {
  const client = new pg.Client(server)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

export const reachable = () =>
  asked('select 1').then(
    () => true,
    () => false,
  )

export async function newDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `countersign_bench_${randomBytes(6).toString('hex')}`
  await asked(`create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => asked(`drop database ${name} with (force)`) }
}
