export type Value = string | number | null

/** Queries in the SQL that both engines share, with `$1` placeholders. Each rejects with {@link StorageError} on a fault of the storage. */
export interface Queries {
  all<T extends object>(sql: string, params?: readonly Value[]): Promise<T[]>
  /** The first row, or undefined. */
  get<T extends object>(sql: string, params?: readonly Value[]): Promise<T | undefined>
  /** The number of rows changed. */
  run(sql: string, params?: readonly Value[]): Promise<number>
  /**
   * The first rows of a query that has no limit of its own: at most `most`, at least one where there is one. An engine that holds the
   * event loop while it reads stops after some two milliseconds.
   */
  piece<T extends object>(sql: string, params: readonly Value[], most: number): Promise<Piece<T>>
}

/** Rows of a longer answer; `more` where others may follow. */
export interface Piece<T> {
  readonly rows: T[]
  readonly more: boolean
}

/** A query with one more parameter: how many rows it gives. */
export const limited = (sql: string, params: readonly Value[]): string => `${sql} limit $${params.length + 1}`

/** Names that a transaction locks before it reads anything. */
export interface LockedNames {
  /** Any number of transactions hold these at the same time. */
  readonly shared: ReadonlySet<string>
  /** One transaction at a time holds these, and nobody shares them meanwhile. */
  readonly alone: ReadonlySet<string>
}

/** One open write transaction. */
export interface Session extends Queries {
  savepoint(): Promise<void>
  /** Undoes what was done since the savepoint, and forgets it. */
  undo(): Promise<void>
  /** Keeps what was done since the savepoint, and forgets it. */
  keep(): Promise<void>
  /** False once the engine has rolled the transaction back by itself. */
  readonly open: boolean
  /** True where a query has ended by the time its promise is there: none is ever under way when the event loop turns. */
  readonly immediate: boolean
  /** How many statements that may write were begun. */
  readonly written: number
  /** The first fault of the storage that a query of this session met, even if its caller caught it. */
  readonly fault: StorageError | undefined
  /**
   * Locks names until the end of the transaction, each shared or for this transaction alone; a name in both lists is locked alone.
   * Call it once, before anything else: the names are locked in one fixed order, so that no two transactions wait for each other.
   * Does nothing where a transaction has the whole database to itself.
   */
  lock(names: LockedNames): Promise<void>
  /**
   * Keeps programs of these schemas from joining until the end of the transaction; false, at once, when one has joined. Nobody joins
   * a file: there it is always true.
   */
  keepOut(schemas: readonly number[]): Promise<boolean>
  /** Tells the other processes on this database, once it is committed, that something they may have cached has changed. */
  tell(what: readonly string[]): Promise<void>
}

/** Told by {@link Session.tell}: anything at all may have changed. */
export const everything = '*'

/** A database; its own queries see only what is committed, and only read. */
export interface Db extends Queries {
  /** How many commands may share a transaction. */
  readonly maxBatch: number
  /** How many transactions of this process may be under way at the same time. */
  readonly lanes: number
  /** Whether a transaction has the whole database to itself, so that nothing changes between its statements, and savepoints cost little. */
  readonly exclusive: boolean
  /**
   * Runs `work` in one write transaction and commits it durably. One waits for another, so `work` must not ask for one.
   * Rejects with a {@link StorageError} when the transaction could not start, was rolled back, or may or may not have
   * been committed.
   */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>
  /** True once when another process may have changed anything at all since it was last asked. */
  changedElsewhere(): boolean
  /**
   * Hands on what other processes {@link Session.tell}, where they can: elsewhere {@link changedElsewhere} says it. Joins the
   * programs that use the database, as one of this schema.
   */
  listen(onTold: (what: string) => void, schema: number): void
  /**
   * Resolves once this process, which listens, is known to those that want the database alone or keep its schema out. Rejects
   * when one does.
   */
  joined(): Promise<void>
  /**
   * Keeps every process that listens out until this one closes; false when one is there. For a file the lock of its folder does
   * that instead.
   */
  takeAlone(): Promise<boolean>
  /**
   * The schemas of the programs that have joined, each once, in order; 0 for one from before they said it, which may use another
   * schema of the server's database. None of a file.
   */
  programs(): Promise<number[]>
  /** Settings that let a crash of the storage's own lose what it had committed. */
  lossySettings(): Promise<string[]>
  /** What the clock of the database server says, Unix milliseconds; undefined where the database is a file. */
  serverClock(): Promise<number | undefined>
  /** Closes, opens again, and forces to disk what the log holds; rejects while the storage is still at fault. */
  repair(): Promise<void>
  close(): Promise<void>
}

/**
 * `busy`: another process holds the write lock, nothing was done. `locked`: another transaction kept a row for too long,
 * nothing was done. `full`: out of space, rolled back. `fault`: an I/O error, a corrupt or read-only file, a lost
 * connection; whether a commit under way took place is unknown until {@link Db.repair}.
 */
export type StorageKind = 'busy' | 'locked' | 'full' | 'fault'

export class StorageError extends Error {
  constructor(
    readonly kind: StorageKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** A transaction that went on at the same time stands in the way: the engine runs the work again. Nobody may catch it for long. */
export class Conflict extends Error {}
