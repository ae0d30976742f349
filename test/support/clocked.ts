import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Credentials, type Envelope, signMessage } from '../../clients/typescript/index.js'
import type { TestReply } from './instance.js'
import { emptyDatabase } from './postgres.js'
import { type Ran, removeFolder, runCli, temporaryFolder } from './server.js'

/** What such a process is asked. */
export type Asked =
  | { readonly what: 'set'; readonly offset: number }
  | { readonly what: 'forget' | 'end' }
  | { readonly what: 'post'; readonly body: string }
  | { readonly what: 'local'; readonly cmd: string; readonly params: Record<string, unknown> }

type Settings = Readonly<Record<string, string | number>>

/** A gateway in a process of its own whose clock a test sets. */
export interface Clocked {
  /** What it logged. */
  log(): string
  forget(): Promise<number>
  /** A command of the owner, signed now unless it says when. */
  call(cmd: string, params?: object, envelope?: Partial<Envelope>): Promise<TestReply>
  post(body: string): Promise<TestReply>
  /** A command of the operator at the command line. */
  local(
    cmd: string,
    params: Record<string, unknown>,
  ): Promise<{ readonly code?: number; readonly result?: unknown; readonly failed?: string }>
  end(): Promise<void>
}

/** Gateways with settings of their own on one database: on SQLite they share a folder, on PostgreSQL each has one. */
export class ClockedGateways {
  /** Seconds that all their clocks are from the real one. */
  private offset = 0
  private readonly running = new Set<ChildProcess>()
  private readonly all: ((asked: Asked) => Promise<unknown>)[] = []
  private folders: string[] = []
  private owner: Credentials = { apiKey: '', secret: '' }
  private readonly masterKey = randomBytes(32).toString('base64')

  private constructor(private readonly databaseUrl: string | undefined) {}

  static async on(engine: 'sqlite' | 'postgres', t: TestContext): Promise<ClockedGateways> {
    const place = engine === 'postgres' ? await emptyDatabase() : undefined
    const gateways = new ClockedGateways(place?.url)
    t.after(async () => {
      for (const child of gateways.running) child.kill('SIGKILL')
      await place?.drop()
      gateways.folders.forEach(removeFolder)
    })
    return gateways
  }

  /** Unix seconds on their clocks. */
  get now(): number {
    return Math.floor(Date.now() / 1000) + this.offset
  }

  async set(offset: number): Promise<void> {
    this.offset = offset
    await Promise.all(this.all.map((ask) => ask({ what: 'set', offset })))
  }

  signed(cmd: string, params: object, envelope: Partial<Envelope> = {}): string {
    return signMessage(cmd, params, this.owner, { timestamp: this.now, ...envelope }).body
  }

  /** Starts one more. */
  async start(settings: Settings): Promise<Clocked> {
    const { ask, log, ended } = await this.spawn(this.envOf(settings, this.folder()))
    const { call, post } = this.callsOf(ask)
    return {
      log,
      call,
      post,
      forget: () => ask({ what: 'forget' }) as Promise<number>,
      local: (cmd, params) => ask({ what: 'local', cmd, params }) as ReturnType<Clocked['local']>,
      end: async () => {
        this.all.splice(this.all.indexOf(ask), 1)
        await ask({ what: 'end' })
        await ended
      },
    }
  }

  /** Runs a verb on the folder of the first one. */
  run(args: readonly string[], settings: Settings): Promise<Ran> {
    return runCli(args, { env: this.envOf(settings, this.folders[0] ?? '') })
  }

  private folder(): string {
    const [shared] = this.folders
    if (shared !== undefined && this.databaseUrl === undefined) return shared
    const folder = temporaryFolder()
    this.folders = [...this.folders, folder]
    return folder
  }

  private envOf(settings: Settings, folder: string): Record<string, string> {
    const named = Object.entries(settings).map(([name, value]) => [`COUNTERSIGN_${name}`, String(value)])
    return {
      COUNTERSIGN_DATA: folder,
      COUNTERSIGN_MASTER_KEY: this.masterKey,
      ...(this.databaseUrl !== undefined && { COUNTERSIGN_DATABASE_URL: this.databaseUrl }),
      ...Object.fromEntries(named),
    }
  }

  private callsOf(ask: (asked: Asked) => Promise<unknown>): Pick<Clocked, 'call' | 'post'> {
    const post = (body: string) => ask({ what: 'post', body }) as Promise<TestReply>
    return { post, call: (cmd, params = {}, envelope = {}) => post(this.signed(cmd, params, envelope)) }
  }

  private async spawn(env: Record<string, string>) {
    const child = fork(join(import.meta.dirname, 'clocked-gateway.js'), [String(this.offset)], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.running.add(child)
    let log = ''
    child.stderr?.on('data', (chunk) => {
      log += chunk
    })
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => {
        this.running.delete(child)
        resolve()
      })
    })
    const waiting = new Map<number, (value: unknown) => void>()
    const ready = new Promise<unknown>((resolve, reject) => {
      waiting.set(0, resolve)
      child.once('exit', () => reject(new Error(`the gateway did not start:\n${log}`)))
    })
    child.on('message', ({ id, value }: { id: number; value: unknown }) => {
      waiting.get(id)?.(value)
      waiting.delete(id)
    })
    await ready
    let asked = 0
    const ask = (what: Asked) =>
      new Promise<unknown>((resolve) => {
        waiting.set(++asked, resolve)
        child.send({ id: asked, ...what })
      })
    this.all.push(ask)
    const file = join(env.COUNTERSIGN_DATA ?? '', 'admin-key.json')
    if (this.owner.apiKey === '' && existsSync(file)) {
      const { api_key: apiKey, secret } = JSON.parse(readFileSync(file, 'utf8'))
      this.owner = { apiKey, secret }
    }
    return { ask, ended, log: () => log }
  }
}
