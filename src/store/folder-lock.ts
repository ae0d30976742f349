import Database from 'better-sqlite3'

/** Held while a process uses a data folder; the system takes it back from one that was killed. */
export interface FolderLock {
  release(): void
}

const patience = 5_000

/**
 * Takes part in the use of a data folder: any number of processes may. Throws when somebody has the folder to himself for
 * longer than five seconds. The file is never replaced, so that a database can be: whoever waits here opens the new one.
 */
export function share(file: string): FolderLock {
  // SQLite takes the lock, since Node has none for files: a reader of an empty database keeps its read lock.
  const database = new Database(file, { timeout: patience })
  try {
    withoutLog(database)
    database.exec('begin; select count(*) from sqlite_master')
  } catch (error) {
    database.close()
    throw isBusy(error) ? new FolderInUse(inUse) : error
  }
  return { release: () => void database.close() }
}

/** Takes a data folder for oneself; throws {@link FolderInUse} when any process uses it. */
export function takeAlone(file: string): FolderLock {
  const database = new Database(file, { timeout: 0 })
  try {
    withoutLog(database)
    database.exec('begin exclusive')
  } catch (error) {
    database.close()
    throw isBusy(error) ? new FolderInUse(inUse) : error
  }
  return { release: () => void database.close() }
}

/** Another process uses the folder. */
export class FolderInUse extends Error {}

const inUse = 'the data folder is in use: stop the gateway on it, and wait for other verbs to end'

// A write-ahead log would lock otherwise. It waits for whoever has the folder to himself.
const withoutLog = (database: Database.Database) => database.pragma('journal_mode = delete')

const isBusy = (error: unknown): boolean =>
  error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code)
