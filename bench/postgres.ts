import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { users } from './contenders.js'
import { type Report, startLoad } from './load.js'
import { compiled, cpuSeconds, newFolder, stop } from './processes.js'
import type { Job, Signer } from './requests.js'
import type { Figure, Section } from './section.js'

/** A server whose databases may be made and dropped. */
const server = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const warmUp = 1.5
const perGateway = 32

const contenders = [
  { label: 'SQLite, one gateway', gateways: 1, postgres: false },
  { label: 'PostgreSQL, one gateway', gateways: 1, postgres: true },
  { label: 'PostgreSQL, two gateways on one database', gateways: 2, postgres: true },
]

/** Both engines in one table. Nothing is pinned to a core: the server of PostgreSQL works, too. */
export const engines: Section = {
  name: 'engines',
  about: `durable toggle-user on SQLite, on PostgreSQL, and by two gateways on one database; ${perGateway} connections a gateway`,
  usual: true,
  async run({ options, progress }) {
    const title = 'Durable commands a second on both engines'
    const must = { label: 'two gateways on one PostgreSQL against one', unit: 'times', must: 1.6 }
    if (!(await reachable())) {
      const notes = ['no PostgreSQL can be reached (TEST_POSTGRES_URL names another): nothing was measured']
      return { title, figures: [], comparisons: [], notes }
    }
    const figures: Figure[] = []
    for (const { label, gateways, postgres } of contenders) {
      progress(label)
      const rounds: Figure[] = []
      for (let round = 0; round < options.rounds; round++) {
        rounds.push(await measure(label, gateways, postgres, options.seconds))
      }
      const [last] = rounds.slice(-1)
      if (last) figures.push({ ...last, rounds: rounds.flatMap((one) => one.rounds) })
    }
    const [, one, two] = figures
    const times = (two?.rounds ?? []).map((rate, round) => rate / (one?.rounds[round] ?? Number.NaN))
    const notes = ['the gateways, the server of PostgreSQL and the load share the cores of one machine']
    return { title, figures, comparisons: [{ ...must, rounds: times }], notes }
  },
}

async function measure(label: string, count: number, postgres: boolean, seconds: number): Promise<Figure> {
  const database = postgres ? await newDatabase() : undefined
  const gateways = await startAll(count, database?.url)
  try {
    const job = { signers: [gateways.owner], connections: perGateway, once: true }
    const [first] = gateways.running
    if (!first) throw new Error('no gateway')
    const make = (n: number) => ({ cmd: 'set-user', id: `u${n}`, user: { type: 3, comment: 'bench' } })
    await first.perform({ ...job, port: first.port, message: make, seconds: 60, requests: users })
    const message = (n: number) => ({ cmd: 'toggle-user', id: `u${n % users}` })
    const all = (length: number) =>
      Promise.all(
        gateways.running.map(({ port, perform }) =>
          perform({ ...job, port, message, seconds: length, requests: Math.ceil(20_000 * length) }),
        ),
      )
    await all(warmUp)
    const before = gateways.running.map(({ pid }) => cpuSeconds(pid))
    const reports = await all(seconds)
    const used = gateways.running.reduce((sum, { pid }, index) => sum + cpuSeconds(pid) - (before[index] ?? 0), 0)
    const done = reports.reduce((sum, report) => sum + report.done, 0)
    const [worst] = reports.toSorted((a, b) => b.p99 - a.p99)
    if (!worst || done === 0) throw new Error(`${label}: ${reports[0]?.firstFailure}`)
    const { p50, p99 } = worst
    return { label, unit: 'a second', rounds: [done / seconds], p50, p99, cpu: (used / done) * 1e6 }
  } finally {
    await gateways.stop()
    await database?.drop()
  }
}

interface Gateways {
  readonly owner: Signer
  readonly running: readonly { port: number; pid: number; perform(job: Job): Promise<Report> }[]
  stop(): Promise<unknown>
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
    children.push(child)
    const port = await listening(child)
    admin ??= JSON.parse(readFileSync(join(folder, 'admin-key.json'), 'utf8'))
    const load = startLoad()
    running.push({ port, pid: child.pid ?? 0, perform: (job) => load.perform(job) })
  }
  const owner = { apiKey: admin?.api_key ?? '', secret: admin?.secret ?? '' }
  return { owner, running, stop: () => Promise.all(children.map(stop)) }
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
