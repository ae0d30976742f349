import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Credentials, type Envelope, type Reply, send } from '../../clients/typescript/index.js'
import { root } from './instance.js'

export const main = join(root, 'dist/src/main.js')

/** A gateway in a process of its own, as `countersign serve` starts it. */
export interface TestServer {
  readonly url: string
  readonly port: number
  readonly folder: string
  readonly process: ChildProcess
  readonly owner: Credentials
  /** What it wrote to stderr so far. */
  log(): string
  call(cmd: string, params?: object, envelope?: Partial<Envelope>): Promise<Reply>
  /** Ends the process and waits for it; the exit code, or the signal's name. */
  stop(signal?: NodeJS.Signals): Promise<number | string>
}

export interface ServerOptions {
  /** An existing data folder; by default a new one, which `removeFolder` takes away. */
  readonly folder?: string
  readonly env?: Readonly<Record<string, string>>
  readonly port?: number
  /** A program with arguments to start it under, such as strace. */
  readonly under?: readonly string[]
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'countersign-'))
export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true })

/** Starts `countersign serve` and waits until it listens. */
export async function startServer({
  folder = temporaryFolder(),
  env = {},
  port = 0,
  under = [],
}: ServerOptions = {}): Promise<TestServer> {
  const [program = '', ...args] = [...under, process.execPath, main, 'serve', '--data', folder, '--port', String(port)]
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  const ended = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? '')),
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
  const { api_key: apiKey, secret } = JSON.parse(readFileSync(join(folder, 'admin-key.json'), 'utf8'))
  const owner = { apiKey, secret }
  return {
    url,
    port: Number(new URL(url).port),
    folder,
    process: child,
    owner,
    log: () => log,
    call: (cmd, params = {}, envelope = {}) =>
      send(url, cmd, params, owner, { timestamp: Math.floor(Date.now() / 1000), ...envelope }),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

/** Runs the command line to its end. */
export function cli(
  args: readonly string[],
  options: { input?: string | Buffer; env?: Record<string, string>; cwd?: string } = {},
) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    input: options.input ?? '',
    env: { ...process.env, ...options.env },
    ...(options.cwd && { cwd: options.cwd }),
  })
  return { status, stdout, stderr }
}
