import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Flood, FloodAnswer, Flooded } from './flood.js'
import type { Answer, Job, Report } from './load.js'

/** Users that are there before anything is measured: type 3, so that no administrator has to be looked for. */
export const users = 1_000
export type Mode = 'writes' | 'reads'

/** Somebody who answers the same requests, started afresh for each mode. */
export interface Contender {
  readonly name: 'gateway' | 'http' | 'express'
  /** What the table calls it, by mode. */
  readonly label: Readonly<Record<Mode, string>>
}

export const contenders: readonly Contender[] = [
  { name: 'gateway', label: { writes: 'Countersign: toggle-user', reads: 'Countersign: get-user' } },
  { name: 'http', label: { writes: 'node:http, grouped durable commits', reads: 'node:http, HMAC check only' } },
  {
    name: 'express',
    label: { writes: 'Express, a durable transaction a command', reads: 'Express, express.raw and HMAC check' },
  },
]

/** A contender that listens. */
export interface Running {
  readonly contender: Contender
  readonly pid: number
  readonly port: number
  readonly apiKey: string
  readonly secret: string
  readonly database: string
  stop(): Promise<void>
}

const serverCore = 0
const loadCore = 1
const startLimit = 20_000
const stopLimit = 12_000
const compiled = join(import.meta.dirname, '..')

/** Whether programs can be kept on a core of their own. */
export const pinned =
  availableParallelism() > 1 &&
  [serverCore, loadCore].every((core) => spawnSync(...onCore(core, ['true'])).status === 0)

function onCore(core: number, command: readonly string[]): [program: string, args: string[]] {
  return ['taskset', ['-c', String(core), ...command]]
}

const living = new Set<ChildProcess>()
const folders = new Set<string>()

/** Ends, by their ids, the processes that are still there and removes every folder: for the end, whatever its reason. */
export function cleanUp(): void {
  for (const child of living) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  folders.clear()
}

const tmpfs = 0x01021994

/** A new folder on a disk: in memory an fsync costs nothing, and nothing would be measured. */
export function newFolder(): string {
  const parent = statfsSync(tmpdir()).type === tmpfs ? compiled : tmpdir()
  const folder = mkdtempSync(join(parent, 'countersign-bench-'))
  folders.add(folder)
  return folder
}

/** Starts a contender and waits until it listens. `under` is a program to start it with, such as strace. */
export async function start(contender: Contender, mode: Mode, under: readonly string[] = []): Promise<Running> {
  const folder = newFolder()
  const isGateway = contender.name === 'gateway'
  const secret = randomBytes(32).toString('base64url')
  const program = isGateway
    ? ['src/main.js', 'serve', '--data', folder, '--port', '0']
    : [`bench/reference-${contender.name}.js`, mode, folder, String(users)]
  const command = [...under, process.execPath, join(compiled, program[0] ?? ''), ...program.slice(1)]
  // Settings of the shell must not reach the gateway.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_')))
  const child = launch(pinned ? onCore(serverCore, command) : [command[0] ?? '', command.slice(1)], {
    ...env,
    BENCH_SECRET: secret,
  })
  const port = await listening(child, contender.label[mode])
  const given = isGateway && JSON.parse(readFileSync(join(folder, 'admin-key.json'), 'utf8'))
  return {
    contender,
    pid: child.pid ?? 0,
    port,
    apiKey: isGateway ? given.api_key : 'bench',
    secret: isGateway ? given.secret : secret,
    database: join(folder, 'countersign.db'),
    stop: () => stop(child),
  }
}

function launch([program, args]: [string, string[]], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  living.add(child)
  child.once('exit', () => living.delete(child))
  return child
}

function listening(child: ChildProcess, name: string): Promise<number> {
  let said = ''
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${name} ${why}:\n${said}`))
    const timer = setTimeout(() => fail('does not listen'), startLimit)
    child.stderr?.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4_000)
      const port = /listening on http:\/\/\S+?:([0-9]+)\/control/.exec(said)?.[1]
      if (port === undefined) return
      clearTimeout(timer)
      resolve(Number(port))
    })
    child.once('error', (error) => fail(error.message))
    child.once('exit', () => fail('ended'))
  })
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimit)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

const ticksPerSecond = 100

/** Processor time that a process has used so far; NaN where there is no /proc. */
export function cpuSeconds(pid: number): number {
  try {
    const [, , , , , , , , , , , user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(user) + Number(system)) / ticksPerSecond
  } catch {
    return Number.NaN
  }
}

/** The load generator's process. */
export interface Load {
  perform(job: Job): Promise<Report>
}

export function startLoad(): Load {
  const child = generator('load')
  return { perform: async (job) => (await child<Answer & { report: Report }>(job)).report }
}

/** The process that sends more than can be served. */
export function startFlood(): { perform(job: Flood): Promise<Flooded> } {
  const child = generator('flood')
  return { perform: async (job) => (await child<FloodAnswer & { flooded: Flooded }>(job)).flooded }
}

/** Starts a generator; what it is asked and answers. */
function generator(name: 'load' | 'flood'): <T extends object>(job: object) => Promise<T> {
  const command = [process.execPath, join(compiled, `bench/${name}.js`)]
  const child = launch(pinned ? onCore(loadCore, command) : [command[0] ?? '', command.slice(1)], process.env)
  child.stderr?.pipe(process.stderr)
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', () => reject(new Error('the load generator ended')))
  })
  ended.catch(() => undefined)
  return async <T extends object>(job: object) => {
    const answered = new Promise<T | { error: string }>((resolve) => child.once('message', resolve))
    child.send(job)
    const answer = await Promise.race([answered, ended])
    if ('error' in answer) throw new Error(String(answer.error))
    return answer
  }
}
