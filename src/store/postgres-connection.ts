import type { Writable } from 'node:stream'
import pg from 'pg'
import type { Value } from './db.js'
import { isLost, isOldPlan, meaning } from './postgres-errors.js'

/** Milliseconds. */
const lockTimeout = 2_000
const statementTimeout = 10_000
const connectTimeout = 5_000
/** A server that says nothing for longer than it may take over a statement is not there. */
const silence = 15_000
/** The same where a statement may take as long as it needs. */
const longSilence = 86_400_000

const bigint = 20
const numeric = 1700

/** Whole numbers, as SQLite gives them: sums of bigint are numeric to PostgreSQL. */
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === bigint || oid === numeric
      ? Number
      : pg.types.getTypeParser(oid, format ?? 'text')) as typeof pg.types.getTypeParser,
}

/** Lifts the limit of a statement, also one that the URL gives. */
export const takeTime = 'set statement_timeout = 0'

/** How every connection of the gateway is opened. `patient`: one whose statements may take as long as they need. */
export const clientOptions = (url: string, application: string, patient = false): pg.ClientConfig => ({
  connectionString: url,
  application_name: application,
  types,
  pipeline: true,
  keepAlive: true,
  connectionTimeoutMillis: connectTimeout,
  query_timeout: patient ? longSilence : silence,
  statement_timeout: statementTimeout,
  lock_timeout: lockTimeout,
  // A gateway that was stopped in the middle of a transaction must not hold its locks for ever.
  idle_in_transaction_session_timeout: statementTimeout,
})

interface Statement {
  /** The same on every connection. */
  readonly name: string
  readonly text: string
}

const statements = new Map<string, Statement>()

function statementOf(sql: string): Statement {
  const known = statements.get(sql)
  if (known) return known
  const statement = { name: `c${statements.size + 1}`, text: byCodePoint(sql) }
  statements.set(sql, statement)
  return statement
}

/** Text is compared by its bytes, as SQLite does, whatever language the database was made for. */
const byCodePoint = (sql: string): string =>
  /^\s*(create|alter) table\b/i.test(sql) ? sql.replace(/\btext\b/g, 'text collate "C"') : sql

export interface Answer<T> {
  readonly rows: T[]
  readonly rowCount: number | null
  readonly command: string
}

/** One connection that somebody took from a pool, or holds for good. */
export class Connection {
  /** True once it is of no further use. */
  spoilt = false

  private gathering = false

  constructor(private readonly client: pg.Client | pg.PoolClient) {}

  /** Sends at once: what is asked without waiting travels together, and is answered in order. */
  query<T extends object>(sql: string, params: readonly Value[] = []): Promise<Answer<T>> {
    return this.send({ ...statementOf(sql), values: [...params] })
  }

  /** By the simple protocol: for what is no statement that can be prepared. */
  control(sql: string): Promise<Answer<object>> {
    return this.send({ text: sql })
  }

  /** What is asked in one turn goes out as one write: that call of the system is a third of what a question costs. */
  private gather(): void {
    // The types of pg leave it out.
    const { connection } = this.client as { connection?: { stream?: Pick<Writable, 'cork' | 'uncork'> } }
    const stream = connection?.stream
    if (this.gathering || !stream) return
    this.gathering = true
    stream.cork()
    queueMicrotask(() => {
      this.gathering = false
      stream.uncork()
    })
  }

  private send<T extends object>(config: pg.QueryConfig): Promise<Answer<T>> {
    this.gather()
    return new Promise((resolve, reject) => {
      this.client.query(config, (error: Error | null | undefined, result: pg.QueryResult) => {
        if (!error) return resolve(result as unknown as Answer<T>)
        if (isLost(error) || isOldPlan(error)) this.spoilt = true
        reject(meaning(error))
      })
    })
  }
}
