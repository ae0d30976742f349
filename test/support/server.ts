import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Answer, type Credentials, type Envelope, send } from '../../clients/typescript/index.js'
import { root } from './instance.js'

export const main = join(root, 'dist/src/main.js')
/** What is installed under the name `countersign`: it becomes node with {@link main}. */
export const program = join(root, 'bin/countersign')

/** A gateway in a process of its own, as `countersign serve` starts it. */
export interface TestServer {
  readonly url: string
  readonly port: number
  readonly folder: string
  readonly process: ChildProcess
  readonly owner: Credentials
  /** What it wrote to stderr so far. */
  log(): string
  call(cmd: string, params?: object, envelope?: Partial<Envelope>): Promise<Answer>
  /** Waits until the process has ended; the exit code, or the signal's name. */
  ended(): Promise<number | string>
  /** Ends the process and waits for it, as {@link ended}. */
  stop(signal?: NodeJS.Signals): Promise<number | string>
}

export interface ServerOptions {
  /** An existing data folder; by default a new one, which `removeFolder` takes away. */
  readonly folder?: string
  readonly env?: Readonly<Record<string, string>>
  readonly port?: number
  /** A program with arguments to start it under, such as strace. */
  readonly under?: readonly string[]
  /** The main file of another version. */
  readonly program?: string
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'countersign-'))
export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true })

/** Settings of whoever runs the tests are not those of the gateways under test. */
const surrounding = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_')))

/** Gateways that have not ended. */
const living = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

/**
 * Starts `countersign serve` and waits until it listens. It ends with the tests at the latest, and keeps none of them from ending: one
 * that fails, or waits for what never comes, fails plainly and leaves no gateway behind.
 */
export async function startServer({
  folder = temporaryFolder(),
  env = {},
  port = 0,
  under = [],
  program: version = main,
}: ServerOptions = {}): Promise<TestServer> {
  const [first = '', ...args] = [...under, process.execPath, version, 'serve', '--data', folder, '--port', String(port)]
  const child = spawn(first, args, { env: { ...surrounding, ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
  living.add(child)
  child.once('exit', () => living.delete(child))
  let log = ''
  const closed = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal ?? '')),
  )
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.on('data', (chunk) => {
      log += chunk
      const match = /listening on (http:\/\/\S+)\/control/.exec(log)
      if (match?.[1]) resolve(match[1])
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`the gateway did not start:\n${log}`)))
  })
  const { stderr } = child
  child.unref()
  if (stderr instanceof Socket) stderr.unref()
  const ended = () => {
    child.ref()
    if (stderr instanceof Socket) stderr.ref()
    return closed
  }
  // A further node of a database has none: it did not make the account.
  const file = join(folder, 'admin-key.json')
  const { api_key, secret } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { api_key: '', secret: '' }
  const owner = { apiKey: api_key, secret }
  return {
    url,
    port: Number(new URL(url).port),
    folder,
    process: child,
    owner,
    log: () => log,
    call: (cmd, params = {}, envelope = {}) =>
      send(url, cmd, params, owner, { timestamp: Math.floor(Date.now() / 1000), ...envelope }),
    ended,
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended()
    },
  }
}

/** A server that ends with its test; a folder that it made goes too. */
export async function serverFor(t: Pick<TestContext, 'after'>, options: ServerOptions = {}): Promise<TestServer> {
  const server = await startServer(options)
  t.after(async () => {
    await server.stop('SIGKILL')
    if (options.folder === undefined) removeFolder(server.folder)
  })
  return server
}

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly input?: string | Buffer
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Runs a program to its end without stopping the event loop: the test itself may be what it talks to. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(program, args, {
    env: { ...surrounding, ...options.env },
    ...(options.cwd && { cwd: options.cwd }),
  })
  const out = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk) => {
      out[name] += chunk
    })
  }
  // A program that ends without reading its input is no fault of the test.
  child.stdin.on('error', () => undefined).end(options.input ?? '')
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { status, ...out }
}

/** Runs the command line to its end, as {@link run} does. */
export const runCli = (args: readonly string[], options?: RunOptions): Promise<Ran> =>
  run(process.execPath, [main, ...args], options)

const checks: Readonly<Record<string, string>> = { 'php-curl': 'php -m | grep -qix curl' }

/** Whether every program (or extension, such as php-curl) is here; else the test is {@link unchecked}. */
export function hasPrograms(t: TestContext, ...programs: readonly string[]): boolean {
  const absent = (program: string) => spawnSync('sh', ['-c', checks[program] ?? `command -v ${program}`]).status !== 0
  const missing = programs.filter(absent)
  return missing.length === 0 || unchecked(t, `${missing.join(', ')} is not installed`)
}

/** Skips a test, loudly; in CI it fails, since a guarantee that was not checked there is checked nowhere. */
export function unchecked(t: TestContext, why: string): false {
  const what = `not checked, because ${why}: ${t.name}`
  if (process.env.CI) throw new Error(what)
  process.stderr.write(`\ncountersign: ${what}\n`)
  t.skip(what)
  return false
}
