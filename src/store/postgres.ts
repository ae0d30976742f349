import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { Conflict, type Db, limited, type Piece, type Session, StorageError, type Value } from './db.js'
import { type Answer, Connection, clientOptions, takeTime } from './postgres-connection.js'
import { afterAll, isLost, isReadOnly, meaning } from './postgres-errors.js'
import { Listener, listening, useLock } from './postgres-listener.js'
import { PostgresSession, programs } from './postgres-session.js'

export interface PostgresOptions {
  /** Transactions under way at the same time. */
  readonly lanes?: number
  /** Commands that may share one. */
  readonly maxBatch?: number
  /** Whether statements may take as long as they need: for what is done beside the gateways, on tables of any size. */
  readonly patient?: boolean
  /** Called once it is closed for good. */
  readonly onClosed?: () => void
}

/** Opens a PostgreSQL database by its URL (`postgres://user:password@host:port/database?sslmode=…`). Nothing is connected yet. */
export function openPostgres(url: string, options: PostgresOptions = {}): Db {
  return new Postgres(url, options)
}

const defaultLanes = 4
const defaultBatch = 16
/** Two more than one account reads with at a time. */
const readers = 6
/** One that no lane uses: for what is written beside the ledger. */
const spare = 1
const idleFor = 60_000
/** How often a transaction is run again that others stood in the way of, and how long it waits between, in milliseconds. */
const attempts = 6
const waitBetween = 3
/** Two processes that stood in each other's way would meet again if both waited for the same time. */
const ownPace = 1 + (process.pid % 8) / 8

/** Programs that share their lock in this schema; those that ask whether something was told, and hold none, are older than it. */
const joined = `
  with held as (
    select pid, cast(classid as bigint) as class, cast(objid as bigint) as schema from pg_locks
    where locktype = 'advisory' and objsubid = 2 and mode = 'ShareLock' and granted
      and database = (select oid from pg_database where datname = current_database()))
  select schema from held where class = ${programs}
  union select 0 from pg_stat_activity
    where datname = current_database() and application_name = '${listening}' and query = 'select 1'
    and pid not in (select pid from held)
  order by schema`

class Postgres implements Db {
  readonly exclusive = false
  readonly lanes: number
  readonly maxBatch: number
  private writing: pg.Pool
  private reading: pg.Pool
  private listener: Listener | undefined
  /** Holds the database for this process alone. */
  private keeper: pg.Client | undefined
  private closed = false
  /** The server's numbers for the connections of this process: what they tell is known here. */
  private readonly backends = new Set<number>()

  constructor(
    private readonly url: string,
    private readonly options: PostgresOptions,
  ) {
    this.lanes = options.lanes ?? defaultLanes
    this.maxBatch = options.maxBatch ?? defaultBatch
    this.writing = this.writers()
    this.reading = this.readers()
  }

  async all<T extends object>(sql: string, params?: readonly Value[]): Promise<T[]> {
    return (await this.read<T>(sql, params)).rows
  }

  async get<T extends object>(sql: string, params?: readonly Value[]): Promise<T | undefined> {
    return (await this.read<T>(sql, params)).rows[0]
  }

  async piece<T extends object>(sql: string, params: readonly Value[], most: number): Promise<Piece<T>> {
    const { rows } = await this.read<T>(limited(sql, params), [...params, most])
    return { rows, more: rows.length === most }
  }

  run(): Promise<number> {
    return Promise.reject(new Error('writes need a transaction'))
  }

  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(work)
      } catch (error) {
        if (!(error instanceof Conflict)) throw error
        if (attempt === attempts) throw afterAll(error)
        await delay(attempt * waitBetween * ownPace)
      }
    }
  }

  changedElsewhere(): boolean {
    return this.listener?.doubt() ?? false
  }

  listen(onTold: (what: string) => void, schema: number): void {
    this.listener ??= new Listener(this.url, (processId) => this.backends.has(processId), onTold, schema)
  }

  async programs(): Promise<number[]> {
    return (await this.all<{ schema: number }>(joined)).map(({ schema }) => schema)
  }

  async lossySettings(): Promise<string[]> {
    const rows = await this.all<{ name: string }>(
      `select name from pg_settings where name in ('fsync', 'full_page_writes') and setting = 'off' order by name`,
    )
    return rows.map(({ name }) => name)
  }

  async serverClock(): Promise<number | undefined> {
    const sql = 'select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as ms'
    return (await this.get<{ ms: number }>(sql))?.ms
  }

  async joined(): Promise<void> {
    await this.listener?.joined
  }

  async takeAlone(): Promise<boolean> {
    this.keeper ??= new pg.Client(clientOptions(this.url, 'countersign alone'))
    await this.keeper.connect()
    const { rows } = await this.keeper.query(`select pg_try_advisory_lock(${useLock}) as taken`)
    return rows[0].taken
  }

  /** Connects anew: after a failover the old connections may lead to a server that takes no more writes. */
  async repair(): Promise<void> {
    if (this.closed) throw new StorageError('fault', 'the database was closed')
    const old = [this.writing, this.reading]
    this.writing = this.writers()
    this.reading = this.readers()
    for (const pool of old) pool.end().catch(() => undefined)
    await this.held(this.writing, (connection) => connection.control('select 1'))
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await Promise.all([this.listener?.close(), this.keeper?.end(), this.writing.end(), this.reading.end()])
    this.options.onClosed?.()
  }

  private async read<T extends object>(sql: string, params?: readonly Value[]): Promise<Answer<T>> {
    const ask = () => this.held(this.reading, (connection) => connection.query<T>(sql, params))
    try {
      // Outside a transaction nobody stands in the way but a migration: on another connection it works.
      return await ask().catch((error: unknown) => (error instanceof Conflict ? ask() : Promise.reject(error)))
    } catch (error) {
      const { cause } = error instanceof StorageError ? error : { cause: undefined }
      if (isReadOnly(cause)) throw new Error('writes need a transaction', { cause })
      throw error instanceof Conflict ? afterAll(error) : error
    }
  }

  private async once<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.held(this.writing, async (connection) => {
      const session = new PostgresSession(connection)
      // The first statements of the work travel with it.
      const begun = connection.control('begin')
      begun.catch(() => undefined)
      let result: T
      try {
        result = await work(session)
        await begun
        if (session.fault ?? session.failure) throw session.fault ?? session.failure
      } catch (error) {
        session.end()
        if (!connection.spoilt) await connection.control('rollback').catch(() => undefined)
        throw session.fault ?? (session.failure instanceof Conflict ? session.failure : error)
      }
      session.end()
      await this.commit(connection)
      return result
    })
  }

  private async commit(connection: Connection): Promise<void> {
    let command: string
    try {
      command = (await connection.control('commit')).command
    } catch (error) {
      if (!connection.spoilt) throw error
      throw new StorageError('fault', 'the connection was lost at the commit', { cause: error })
    }
    // A transaction that met an error is rolled back by a commit, without a word.
    if (command !== 'COMMIT') throw new StorageError('full', 'the engine rolled the transaction back')
  }

  /** Takes a connection of a pool for a while; one that is of no further use is not given back. */
  private async held<T>(pool: pg.Pool, work: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.closed) throw new StorageError('fault', 'the database was closed')
    const client = await pool.connect().catch((error: unknown) => {
      throw isPoolFull(error) ? new StorageError('busy', 'no connection was free', { cause: error }) : meaning(error)
    })
    const connection = new Connection(client)
    try {
      return await work(connection)
    } catch (error) {
      if (error instanceof StorageError && error.kind === 'fault') connection.spoilt = true
      throw error
    } finally {
      client.release(connection.spoilt)
    }
  }

  private writers(): pg.Pool {
    // A cluster may be set to lose what it has just committed, for the sake of speed.
    const durably = `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`
    return this.pool(this.lanes + spare, 'countersign write', durably)
  }

  private readers(): pg.Pool {
    return this.pool(readers, 'countersign read', 'set default_transaction_read_only = on')
  }

  private pool(max: number, application: string, first: string): pg.Pool {
    const { patient = false } = this.options
    const pool = new pg.Pool({
      ...clientOptions(this.url, application, patient),
      max,
      idleTimeoutMillis: idleFor,
      onConnect: (client) => client.query(patient ? `${first}; ${takeTime}` : first),
    })
    pool.on('connect', (client) => {
      this.backends.add(backendOf(client))
      // One that is in use when it is lost tells whoever waits for an answer; unheard, the event would end the process.
      client.on('error', () => undefined)
    })
    pool.on('remove', (client) => this.backends.delete(backendOf(client)))
    // One that lay idle when it was lost: the pool has forgotten it, and whoever asks next gets another.
    pool.on('error', () => undefined)
    return pool
  }
}

/** The types of pg leave it out. */
const backendOf = (client: object): number => (client as { processID?: number }).processID ?? 0

const isPoolFull = (error: unknown): boolean =>
  isLost(error) && error instanceof Error && error.message === 'timeout exceeded when trying to connect'
