import { setTimeout as delay } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { type Db, limited, type Piece, type Session, StorageError, type Value } from './db.js'
import { mostRows, PageCache } from './page-cache.js'
import { Checkpoints } from './sqlite-checkpoints.js'

export interface SqliteOptions {
  /** Longest time to wait for another process to end its write, in milliseconds. */
  readonly patience?: number
  /** Prepares both connections further; tests use it to limit their size. */
  readonly configure?: (connection: Database.Database) => void
  /** Called once it is closed for good. */
  readonly onClosed?: () => void
  /** Pages of 4 KiB in the log, about, at which it is written back. */
  readonly logPages?: number
  /** Tables of which any row may be read next: how much of the file is kept in memory follows their size. */
  readonly readAtRandom?: readonly string[]
}

/** Opens (and creates) a SQLite database file in WAL mode with `synchronous=FULL`. */
export function openSqlite(file: string, options: SqliteOptions = {}): Db {
  return new Sqlite(file, options)
}

/** Blocks the event loop, so it stays short; {@link SqliteOptions.patience} is waited for without blocking. */
const busyTimeout = 15
/** The writer meets another process at `begin` alone, where it waits without blocking. */
const beginTimeout = 1
/** KiB of pages that the reader keeps: it drops them at every commit. */
const readerCache = 1_024
/** What is changed again before the log is written back is written once: with a quarter of these, a million users are written to a tenth slower. */
const defaultLogPages = 65_536
/** How many times as many it has when whoever writes it back has fallen behind, and the writer does it. */
const late = 4
/** Pages in the log at which the writer copies them itself, where nobody else does. */
const ownCheckpoint = 4_000
const pageSize = 4_096
const defaultPatience = 5_000
const retryAfter = 4
const full = 2
/** Milliseconds after which a piece of a longer answer ends. */
const longestPiece = 1
/** Reads that share a transaction, at most: whoever reads on and on must not keep the log from being written back. */
const readsAtOnce = 256

class Sqlite implements Db {
  readonly maxBatch = 256
  readonly lanes = 1
  readonly exclusive = true
  private writer: Connection
  private reader: Connection
  private version: number
  /** What the reader said of commits when the writer was last asked. */
  private seen: number | undefined
  private checked = false
  private closed = false
  /** Reads of the read transaction that is open; 0 when none is. */
  private reads = 0
  /** Where it is open, or was. */
  private readingOn: Connection
  /** Settles when the last transaction that was asked for has ended. */
  private last: Promise<unknown> = Promise.resolve()
  private readonly checkpoints: Checkpoints
  private readonly pageCache = new PageCache({
    rows: () => this.rowsReadAtRandom(),
    resize: (size) => this.writer.keepPages(size),
  })
  private readonly logPages: number
  private autocheckpoint: number

  constructor(
    private readonly file: string,
    private readonly options: SqliteOptions,
  ) {
    // Nobody is served yet, so waiting may block: a process that ends locks the file while it empties the log.
    const { patience = defaultPatience, logPages = defaultLogPages } = options
    this.logPages = logPages
    this.autocheckpoint = late * logPages
    this.writer = this.connect(false, patience)
    this.reader = this.connect(true, patience)
    this.readingOn = this.reader
    this.version = this.dataVersion()
    this.checkpoints = new Checkpoints({
      file,
      pagesBetween: logPages,
      finish: () => this.inTurn(async () => void this.checkpoint('passive')),
      onLost: () => {
        this.autocheckpoint = ownCheckpoint
        this.writer.limitLog(ownCheckpoint)
      },
    })
  }

  all<T extends object>(sql: string, params?: readonly Value[]): Promise<T[]> {
    return promised(() => this.reading().all<T>(sql, params))
  }

  get<T extends object>(sql: string, params?: readonly Value[]): Promise<T | undefined> {
    return promised(() => this.reading().get<T>(sql, params))
  }

  piece<T extends object>(sql: string, params: readonly Value[], most: number): Promise<Piece<T>> {
    return promised(() => this.reading().piece<T>(sql, params, most))
  }

  /**
   * What is read in one turn of the event loop shares a transaction: to open one costs twice what a look-up does. It ends
   * before anything is committed here, so what was acknowledged is always seen. The writer does it whenever it does not write:
   * what it keeps of pages stands across its own commits, while the reader must read each again after every one.
   */
  private reading(): Connection {
    if (this.reads >= readsAtOnce) this.endReading()
    if (this.reads === 0) {
      this.readingOn = this.writer.inTransaction ? this.reader : this.writer
      this.readingOn.beginReading()
      setImmediate(() => this.endReading())
    }
    this.reads++
    this.pageCache.read()
    return this.readingOn
  }

  private endReading(): void {
    if (this.reads === 0) return
    this.reads = 0
    try {
      this.readingOn.endReading()
    } catch {
      // The connection is beyond use, or closed: the next read says so.
    }
  }

  run(): Promise<number> {
    return Promise.reject(new Error('writes need a transaction'))
  }

  transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.inTurn(() => this.alone(work))
  }

  /** There is one writing connection: whoever comes second waits, and does not write into the first one's transaction. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.last.then(work)
    this.last = turn.catch(() => undefined)
    return turn
  }

  private async alone<T>(work: (session: Session) => Promise<T>): Promise<T> {
    await this.begin()
    const session = new SqliteSession(this.writer)
    const before = session.written
    let result: T
    try {
      result = await work(session)
      if (session.fault) throw session.fault
      if (!session.open) throw new StorageError('full', 'the engine rolled the transaction back')
    } catch (error) {
      this.rollback()
      throw session.fault ?? error
    }
    this.endReading()
    try {
      this.writer.exec('commit')
    } catch (error) {
      this.rollback()
      throw new StorageError('fault', 'the commit failed', { cause: error })
    }
    try {
      if (!this.checked) this.checkDurability()
      this.checkpoints.committed(session.written - before)
      this.pageCache.committed()
    } catch (error) {
      // It is committed: whoever is told otherwise would do it again.
      throw error instanceof StorageError ? error : new StorageError('fault', 'after the commit', { cause: error })
    }
    return result
  }

  /** The reader tells of every commit, its own process's too; only the writer, and only where it does not read, tells them apart. */
  changedElsewhere(): boolean {
    if (this.reads === 0 || this.readingOn === this.writer) {
      const seen = this.reader.pragma('data_version')
      if (seen === this.seen) return false
      this.seen = seen
      this.endReading()
    }
    const version = this.dataVersion()
    if (version === this.version) return false
    this.version = version
    this.endReading()
    return true
  }

  /** `changedElsewhere` says it all: the file tells of every commit. */
  listen(): void {}

  /** They are its own, and checked after the first write. */
  async lossySettings(): Promise<string[]> {
    return []
  }

  /** Its clock is the one of this machine. */
  async serverClock(): Promise<undefined> {}

  async joined(): Promise<void> {}

  async takeAlone(): Promise<boolean> {
    return true
  }

  async programs(): Promise<number[]> {
    return []
  }

  async repair(): Promise<void> {
    if (this.closed) throw new StorageError('fault', 'the database was closed')
    await this.checkpoints.stop()
    this.disconnect()
    this.writer = this.connect(false, busyTimeout)
    this.reader = this.connect(true, busyTimeout)
    // A commit whose fsync failed may be in the log of a file that looks healthy: only a checkpoint makes it durable.
    if (!this.checkpoint('truncate'))
      throw new StorageError('busy', 'the log could not be written back: another process reads it')
    this.version = this.dataVersion()
    this.seen = undefined
    this.checked = false
  }

  async close(): Promise<void> {
    this.closed = true
    await this.checkpoints.stop()
    this.disconnect()
    this.options.onClosed?.()
  }

  /** Writes the log back into the file; false while another process stands in the way. */
  private checkpoint(mode: 'passive' | 'truncate'): boolean {
    this.endReading()
    return this.writer.all<{ busy: number }>(`pragma wal_checkpoint(${mode})`)[0]?.busy === 0
  }

  private disconnect(): void {
    this.endReading()
    for (const connection of [this.reader, this.writer]) {
      try {
        connection.close()
      } catch {
        // A broken file may refuse even this; what is durable is already on disk.
      }
    }
  }

  private connect(readonly: boolean, timeout: number): Connection {
    const connection = new Database(this.file, { readonly, timeout })
    try {
      if (!readonly) connection.pragma('journal_mode = wal')
      connection.pragma('synchronous = full')
      connection.pragma('foreign_keys = on')
      connection.pragma('trusted_schema = off')
      connection.pragma(`cache_size = -${readonly ? readerCache : this.pageCache.size}`)
      connection.pragma('temp_store = memory')
      connection.pragma(`wal_autocheckpoint = ${this.autocheckpoint}`)
      // A log that grew while a backup read beside it gives its room back; what it usually takes it keeps, for a file that grows is slower to sync.
      connection.pragma(`journal_size_limit = ${2 * this.logPages * pageSize}`)
      connection.pragma(`busy_timeout = ${readonly ? busyTimeout : beginTimeout}`)
      this.options.configure?.(connection)
    } catch (error) {
      connection.close()
      throw error
    }
    return new Connection(connection)
  }

  private async begin(): Promise<void> {
    const deadline = performance.now() + (this.options.patience ?? defaultPatience)
    for (;;) {
      this.endReading()
      this.fitPageCache()
      try {
        this.writer.exec('begin immediate')
        return
      } catch (error) {
        const storage = storageError(error)
        if (storage?.kind !== 'busy')
          throw storage ?? new StorageError('fault', 'no transaction can be started', { cause: error })
        if (performance.now() > deadline) throw storage
        await delay(retryAfter)
      }
    }
  }

  private fitPageCache(): void {
    try {
      this.pageCache.fit()
    } catch {
      // Whoever begins a transaction meets the same fault, and tells of it.
    }
  }

  private rowsReadAtRandom(): number {
    const { readAtRandom = [] } = this.options
    if (readAtRandom.length === 0) return 0
    const rows = readAtRandom.map((table) => `select 1 from ${table}`).join(' union all ')
    const sql = `select count(*) as counted from (${rows} limit ${mostRows})`
    return this.writer.get<{ counted: number }>(sql)?.counted ?? 0
  }

  private rollback(): void {
    try {
      if (this.writer.inTransaction) this.writer.exec('rollback')
    } catch {
      // The engine has rolled back by itself, or the file is beyond use: repair() closes the connection.
    }
  }

  /** better-sqlite3 falls to NORMAL in WAL when nothing says otherwise, and a power cut then loses acknowledged commands. */
  private checkDurability(): void {
    if (this.writer.pragma('synchronous') < full)
      throw new StorageError('fault', 'synchronous is not FULL after a write')
    this.checked = true
  }

  private dataVersion(): number {
    return this.writer.pragma('data_version')
  }
}

/** One connection and its prepared statements. Its queries end before they return, and throw. */
class Connection {
  private readonly statements = new Map<string, Prepared>()

  /** How many statements that may write were begun. */
  written = 0
  private onlyReads = false

  constructor(private readonly database: Database.Database) {}

  get inTransaction(): boolean {
    return this.database.inTransaction
  }

  /** Begins a transaction that only reads. */
  beginReading(): void {
    this.run('begin')
    this.onlyReads = true
  }

  endReading(): void {
    this.onlyReads = false
    // The engine ends it by itself when something is wrong.
    if (this.database.inTransaction) this.exec('commit')
  }

  all<T extends object>(sql: string, params: readonly Value[] = []): T[] {
    try {
      const { statement, order, writes, columns } = this.prepared(sql)
      if (writes) this.writing()
      const rows = statement.all(...inOrder(params, order)) as Value[][]
      return rows.map((values) => rowOf(columns, values) as T)
    } catch (error) {
      throw this.fault(error)
    }
  }

  get<T extends object>(sql: string, params: readonly Value[] = []): T | undefined {
    try {
      const { statement, order, writes, columns } = this.prepared(sql)
      if (writes) this.writing()
      const values = statement.get(...inOrder(params, order)) as Value[] | undefined
      return values && (rowOf(columns, values) as T)
    } catch (error) {
      throw this.fault(error)
    }
  }

  /** Not by an iterator of several turns: the connection could do nothing else meanwhile. */
  piece<T extends object>(sql: string, params: readonly Value[], most: number): Piece<T> {
    try {
      const { statement, order, columns } = this.prepared(limited(sql, params))
      const rows: T[] = []
      const began = performance.now()
      for (const values of statement.iterate(...inOrder([...params, most], order)) as Iterable<Value[]>) {
        rows.push(rowOf(columns, values) as T)
        if (performance.now() - began > longestPiece) return { rows, more: true }
      }
      return { rows, more: rows.length === most }
    } catch (error) {
      throw this.fault(error)
    }
  }

  run(sql: string, params: readonly Value[] = []): number {
    try {
      const { statement, order, writes } = this.prepared(sql)
      if (writes) this.writing()
      return statement.run(...inOrder(params, order)).changes
    } catch (error) {
      throw this.fault(error)
    }
  }

  exec(sql: string): void {
    this.prepared(sql).statement.run()
  }

  pragma(name: string): number {
    try {
      return this.prepared(`pragma ${name}`).statement.pluck().get() as number
    } catch (error) {
      throw this.fault(error)
    }
  }

  /** Pages in the log at which a commit writes it back. */
  limitLog(pages: number): void {
    if (this.database.open) this.database.pragma(`wal_autocheckpoint = ${pages}`)
  }

  /** KiB of pages that are kept; what is more than that goes at once. */
  keepPages(size: number): void {
    this.database.pragma(`cache_size = -${size}`)
  }

  close(): void {
    this.statements.clear()
    this.database.close()
  }

  private writing(): void {
    if (this.onlyReads) throw new Error('writes need a transaction')
    this.written++
  }

  private prepared(sql: string): Prepared {
    const known = this.statements.get(sql)
    if (known) return known
    const order: number[] = []
    const positional = sql.replace(byKey, 'without rowid').replace(/\$([0-9]+)/g, (_, number) => {
      order.push(Number(number) - 1)
      return '?'
    })
    const straight = order.every((index, position) => index === position)
    const statement = this.database.prepare(positional)
    const columns = statement.reader
      ? statement
          .raw()
          .columns()
          .map(({ name }) => name)
      : []
    const prepared = { statement, order: straight ? undefined : order, writes: !statement.readonly, columns }
    this.statements.set(sql, prepared)
    return prepared
  }

  private fault(error: unknown): unknown {
    if (!this.database.open) return new StorageError('fault', 'the database is closed until it is repaired')
    if (this.database.readonly && isReadOnly(error)) return new Error('writes need a transaction', { cause: error })
    return storageError(error) ?? error
  }
}

/** The engine answers at once: what is left of a promise is its shape. */
function promised<T>(query: () => T): Promise<T> {
  try {
    return Promise.resolve(query())
  } catch (error) {
    return Promise.reject(error)
  }
}

/** What migrations say behind a table whose rows are to lie in the index of its primary key: nothing to any other engine. */
const byKey = '/*by key*/'

/** better-sqlite3 would take `$1` for a name, and binding by name costs more than by place. */
interface Prepared {
  readonly statement: Database.Statement
  /** Which parameter stands at which place; undefined when each stands once, in order. */
  readonly order: readonly number[] | undefined
  readonly writes: boolean
  readonly columns: readonly string[]
}

/** The driver takes longer to make an object of a row than an array (1.9 against 1.3 µs for ten columns). */
function rowOf(columns: readonly string[], values: readonly Value[]): Record<string, Value> {
  const row: Record<string, Value> = {}
  for (let i = 0; i < columns.length; i++) row[columns[i] as string] = values[i] as Value
  return row
}

/** They are given one by one: what an array holds the driver asks for more slowly (0.4 µs for fifteen). */
const inOrder = (params: readonly Value[], order: readonly number[] | undefined): readonly Value[] =>
  order ? order.map((index) => params[index] ?? null) : params

class SqliteSession implements Session {
  readonly immediate = true
  fault: StorageError | undefined

  constructor(private readonly connection: Connection) {}

  get open(): boolean {
    return this.connection.inTransaction
  }

  get written(): number {
    return this.connection.written
  }

  all<T extends object>(sql: string, params?: readonly Value[]): Promise<T[]> {
    try {
      return Promise.resolve(this.connection.all<T>(sql, params))
    } catch (error) {
      return this.failed(error)
    }
  }

  get<T extends object>(sql: string, params?: readonly Value[]): Promise<T | undefined> {
    try {
      return Promise.resolve(this.connection.get<T>(sql, params))
    } catch (error) {
      return this.failed(error)
    }
  }

  piece<T extends object>(sql: string, params: readonly Value[], most: number): Promise<Piece<T>> {
    try {
      return Promise.resolve(this.connection.piece<T>(sql, params, most))
    } catch (error) {
      return this.failed(error)
    }
  }

  run(sql: string, params?: readonly Value[]): Promise<number> {
    try {
      return Promise.resolve(this.connection.run(sql, params))
    } catch (error) {
      return this.failed(error)
    }
  }

  async savepoint(): Promise<void> {
    this.control('savepoint command')
  }

  async undo(): Promise<void> {
    this.control('rollback to command')
    this.control('release command')
  }

  async keep(): Promise<void> {
    this.control('release command')
  }

  async lock(): Promise<void> {}

  async keepOut(): Promise<boolean> {
    return true
  }

  async tell(): Promise<void> {}

  /** What one savepoint was to hold cannot be told from what follows once one of these has failed. */
  private control(sql: string): void {
    try {
      this.connection.exec(sql)
    } catch (error) {
      this.fault ??= storageError(error) ?? new StorageError('fault', `"${sql}" failed`, { cause: error })
      throw this.fault
    }
  }

  private failed(error: unknown): Promise<never> {
    if (error instanceof StorageError) this.fault ??= error
    return Promise.reject(error)
  }
}

const faults = /^SQLITE_(IOERR|CORRUPT|READONLY|NOMEM|CANTOPEN|NOTADB|PROTOCOL|AUTH|PERM)/

const isReadOnly = (error: unknown) => error instanceof Database.SqliteError && error.code === 'SQLITE_READONLY'

/** The storage's own failures; undefined for a mistake of the caller, such as a broken constraint. */
function storageError(error: unknown): StorageError | undefined {
  if (!(error instanceof Database.SqliteError)) return undefined
  if (error.code.startsWith('SQLITE_BUSY')) return new StorageError('busy', error.message, { cause: error })
  if (error.code.startsWith('SQLITE_FULL')) return new StorageError('full', error.message, { cause: error })
  return faults.test(error.code) ? new StorageError('fault', error.message, { cause: error }) : undefined
}
