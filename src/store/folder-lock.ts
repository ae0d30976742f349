import Database from 'better-sqlite3'

/** Held while a process uses a data folder; the system takes it back from one that was killed. */
export interface FolderLock {
  release(): void
}

const patience = 5_000
const inUse = 'the data folder is in use: stop the gateway on it, and wait for other verbs to end'

/**
 * Takes part in the use of a data folder: any number of processes may. Throws when somebody has the folder to himself for
 * longer than five seconds. The file is never replaced, so that a database can be: whoever waits here opens the new one.
 */
export const share = (file: string): FolderLock =>
  // A reader of an empty database keeps its read lock.
  lock(file, patience, 'begin; select count(*) from sqlite_master', inUse)

/** Takes a data folder, or one kind of work in it, for oneself; throws {@link FolderInUse}, saying `why`, when another process has it. */
export const takeAlone = (file: string, why = inUse): FolderLock => lock(file, 0, 'begin exclusive', why)

/** Another process uses the folder. */
export class FolderInUse extends Error {}

/** SQLite takes the lock, since Node has none for files. */
function lock(file: string, timeout: number, sql: string, why: string): FolderLock {
  const database = new Database(file, { timeout })
  try {
    // A write-ahead log would lock otherwise.
    database.pragma('journal_mode = delete')
    database.exec(sql)
  } catch (error) {
    database.close()
    throw isBusy(error) ? new FolderInUse(why) : error
  }
  return { release: () => void database.close() }
}

const isBusy = (error: unknown): boolean =>
  error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code)
