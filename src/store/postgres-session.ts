import { createHash } from 'node:crypto'
import {
  Conflict,
  everything,
  type LockedNames,
  limited,
  type Piece,
  type Session,
  StorageError,
  type Value,
} from './db.js'
import type { Answer, Connection } from './postgres-connection.js'

/** The channel on which processes on one database tell each other what to forget. */
export const channel = 'countersign'

/** Bytes of what is told. */
const longest = 7_000
/** No name holds one. */
export const between = '\n'

const reads = /^\s*select\b/i
const rollsBackTo = /^\s*rollback to\b/i

/** The number of a lock in this schema: others of the database may hold an instance of their own. */
export const inSchema = (lock: string): string => `(${lock} # hashtextextended(current_schema(), 0))`

/** The first number of the locks that programs share for as long as they use this schema; the second is the schema that they know. */
export const programs = `(hashtext('countersign ' || current_schema()) & 2147483647)`

/** Advisory locks in the order of the lists. They end with the transaction. */
const takeLocks = `
  select case when alone then cast(pg_advisory_xact_lock(${inSchema('lock')}) as text)
              else cast(pg_advisory_xact_lock_shared(${inSchema('lock')}) as text) end as taken
  from unnest(cast($1 as bigint[]), cast($2 as boolean[])) as wanted (lock, alone)`

/** The number that PostgreSQL locks for a name. Two names with the same number only wait for each other. */
export const lockOf = (name: string): bigint => createHash('sha256').update(name).digest().readBigInt64BE()

/** One open transaction. An error ends it, but for `rollback to`: until then every query is answered with that error. */
export class PostgresSession implements Session {
  readonly immediate = false
  readonly open = true
  written = 0
  fault: StorageError | undefined
  /** Why the server takes no more statements. */
  failure: unknown
  private ended = false

  constructor(private readonly connection: Connection) {}

  /** Nothing that comes later may fall into the next transaction of the connection. */
  end(): void {
    this.ended = true
  }

  async all<T extends object>(sql: string, params?: readonly Value[]): Promise<T[]> {
    return (await this.query<T>(sql, params)).rows
  }

  async get<T extends object>(sql: string, params?: readonly Value[]): Promise<T | undefined> {
    return (await this.query<T>(sql, params)).rows[0]
  }

  async piece<T extends object>(sql: string, params: readonly Value[], most: number): Promise<Piece<T>> {
    const { rows } = await this.query<T>(limited(sql, params), [...params, most])
    return { rows, more: rows.length === most }
  }

  async run(sql: string, params?: readonly Value[]): Promise<number> {
    return (await this.query(sql, params)).rowCount ?? 0
  }

  async savepoint(): Promise<void> {
    await this.control('savepoint command')
  }

  async undo(): Promise<void> {
    await this.control('rollback to command')
    await this.control('release command')
  }

  async keep(): Promise<void> {
    await this.control('release command')
  }

  async lock({ shared, alone }: LockedNames): Promise<void> {
    const locks = new Map<bigint, boolean>()
    for (const name of shared) locks.set(lockOf(name), false)
    for (const name of alone) locks.set(lockOf(name), true)
    const sorted = [...locks].sort(([one], [other]) => (one < other ? -1 : 1))
    await this.query(takeLocks, [
      `{${sorted.map(([lock]) => lock).join(',')}}`,
      `{${sorted.map(([, isAlone]) => isAlone).join(',')}}`,
    ])
  }

  async keepOut(schemas: readonly number[]): Promise<boolean> {
    const sql = `select schema from unnest(cast($1 as integer[])) as kept (schema) where not pg_try_advisory_xact_lock(${programs}, schema)`
    return (await this.all(sql, [`{${schemas.join(',')}}`])).length === 0
  }

  async tell(what: readonly string[]): Promise<void> {
    const told = what.join(between)
    // Longer ones the server does not take.
    await this.query('select pg_notify($1, $2)', [channel, Buffer.byteLength(told) > longest ? everything : told])
  }

  private async query<T extends object>(sql: string, params?: readonly Value[]): Promise<Answer<T>> {
    if (this.ended) throw new StorageError('fault', 'the transaction has ended')
    if (rollsBackTo.test(sql)) this.failure = undefined
    if (this.failure !== undefined) throw this.failure
    if (!reads.test(sql)) this.written++
    try {
      return await this.connection.query<T>(sql, params)
    } catch (error) {
      throw this.failed(error)
    }
  }

  /** The first error is the cause of those that follow it. */
  private failed(error: unknown): unknown {
    // What was done before is lost, too, unless there is a savepoint.
    this.written++
    this.failure ??= error
    if (error instanceof StorageError && error.kind !== 'locked') this.fault ??= error
    return this.failure
  }

  /** What one savepoint was to hold cannot be told from what follows once one of these has failed. */
  private async control(sql: string): Promise<void> {
    try {
      await this.query(sql)
    } catch (error) {
      if (error instanceof Conflict) throw error
      this.fault ??=
        error instanceof StorageError ? error : new StorageError('fault', `"${sql}" failed`, { cause: error })
      throw this.fault
    }
  }
}
