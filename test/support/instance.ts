import { createHmac, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nanoid } from 'nanoid'
import { type Logger, pino } from 'pino'
import { type Credentials, type Envelope, signMessage } from '../../clients/typescript/index.js'
import { commands } from '../../commands/index.js'
import { dialects } from '../../dialects/index.js'
import { native } from '../../dialects/native.js'
import type { Command } from '../../src/command.js'
import { readEnv, toConfig } from '../../src/config.js'
import { initialise, openData } from '../../src/data.js'
import type { Wire } from '../../src/dialect.js'
import { type Instance, type InstanceOptions, openInstance } from '../../src/instance.js'
import type { KeyRing } from '../../src/keyring.js'
import type { Reply } from '../../src/reply.js'
import type { Db } from '../../src/store/db.js'
import { onPostgres, type Place, usedSchema } from './postgres.js'

export const root = join(import.meta.dirname, '..', '..', '..')
export const migrations = join(root, 'migrations')

export interface TestInstance extends Instance {
  readonly folder: string
  readonly db: Db
  readonly vault: KeyRing
  /** The key that init made for account 1. */
  readonly owner: Credentials
  /** Moves the clock, in seconds; it starts at the real time and runs on. */
  readonly clock: { offset: number }
  /** Unix seconds on that clock. */
  seconds(): number
  /** Sends bytes to `/control` as they are. */
  post(body: string | Buffer, wire?: Partial<Wire>): Promise<Reply>
  /** Signs and sends a command natively; the reply's JSON. `by` defaults to the owner. */
  call(cmd: string, params?: object, options?: Partial<Envelope> & { by?: Credentials }): Promise<TestReply>
}

/** The JSON of a reply; members that are not there are undefined. */
export interface TestReply {
  readonly code: number
  readonly status: string
  readonly message: string
  readonly request_id: string
  readonly replayed?: boolean
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results that are as different as the commands
  readonly result?: any
  readonly errors?: readonly { path: string; message: string }[]
  readonly skew?: number
  readonly server_time?: number
  readonly retry_after?: number
  readonly suggestion?: string
  readonly address?: string
  readonly dry_run?: boolean
}

export interface TestOptions extends Partial<InstanceOptions> {
  /** Further commands beside the gateway's own. */
  readonly extra?: readonly Command[]
  /** An existing data folder to open; by default a new one is made, and removed by `close`. */
  readonly folder?: string
  /** A database of PostgreSQL to use, whatever engine this run of the tests is on. `close` drops it. */
  readonly place?: Place
  /** Wraps the database before the instance gets it. */
  readonly wrap?: (db: Db) => Db
}

/** A real gateway on a real SQLite file, without HTTP. Call `close` at the end. */
export async function testInstance(options: TestOptions = {}): Promise<TestInstance> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'countersign-'))
  const place = options.place ?? (onPostgres ? (placeOf(folder) ?? (await usedSchema())) : undefined)
  const clock = { offset: 0 }
  const logger: Logger = options.logger ?? pino({ level: 'silent' })
  const around = {
    now: () => Date.now() + clock.offset * 1000,
    elapsed: () => performance.now() + clock.offset * 1000,
    randomBytes,
    randomName: nanoid,
    migrations: join(root, 'migrations'),
    logger,
  }
  const { now = around.now, randomBytes: bytes = randomBytes, randomName = nanoid } = options
  const config = toConfig(
    readEnv({ COUNTERSIGN_DATA: folder, COUNTERSIGN_DATABASE_URL: place?.url }),
    dialects.map(({ name }) => name),
  )
  const admin = options.folder
    ? undefined
    : await initialise(config, 1, { ...around, now, randomBytes: bytes, randomName })
  const { db: opened, vault, node } = await openData(config, around)
  // The server's clock goes with the one that a test sets.
  if (onPostgres) Object.assign(opened, { serverClock: async () => now() })
  const db = options.wrap?.(opened) ?? opened
  places.set(folder, place)
  const instance = await openInstance({
    ...config,
    ...around,
    db,
    vault,
    node,
    native,
    dialects,
    // Tests set the clock on purpose.
    settling: 0,
    ...options,
    commands: [...commands, ...(options.extra ?? [])],
  })
  const owner = { apiKey: admin?.api_key ?? '', secret: admin?.secret ?? '' }
  const seconds = () => Math.floor(now() / 1000)
  const post = (body: string | Buffer, wire: Partial<Wire> = {}) => instance.handle(wireOf(body, wire))
  return {
    ...instance,
    folder,
    db,
    vault,
    owner,
    clock,
    seconds,
    post,
    async call(cmd, params = {}, { by = owner, ...envelope } = {}) {
      const { body } = signMessage(cmd, params, by, { timestamp: seconds(), ...envelope })
      return JSON.parse((await post(body)).body)
    },
    async close() {
      await instance.close()
      if (options.folder) return
      await place?.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The schemas of data folders that are in use: one that is opened again has its own. */
const places = new Map<string, Place | undefined>()

export const placeOf = (folder: string): Place | undefined => places.get(folder)

export function wireOf(body: string | Buffer, wire: Partial<Wire> = {}): Wire {
  return {
    method: 'POST',
    path: '/control',
    query: '',
    host: 'localhost',
    origin: undefined,
    secFetchSite: undefined,
    contentType: 'application/json',
    contentEncoding: undefined,
    authorization: undefined,
    signature: undefined,
    address: '127.0.0.1',
    ...wire,
    body: Buffer.from(body),
  }
}

/** Base64 HMAC-SHA256, as a client would write it. */
export const mac = (secret: string, text: string | Buffer): string =>
  createHmac('sha256', secret).update(text).digest('base64')
