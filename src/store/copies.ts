import Database from 'better-sqlite3'
import type { Queries } from './db.js'
import { Meta } from './meta.js'

/** Writes a consistent copy of a database to a file that does not exist yet; whoever writes meanwhile does not wait. Blocks until it is done. */
export function copyDatabase(from: string, to: string): void {
  const database = new Database(from, { readonly: true, fileMustExist: true, timeout: 5_000 })
  try {
    // One read transaction: the online backup begins anew whenever another process has written, and under load never ends.
    database.prepare('vacuum into ?').run(to)
  } finally {
    database.close()
  }
}

/** Writes into a copy when it was made (Unix seconds), and leaves it as one file. */
export function markCopy(file: string, madeAt: number): void {
  const database = new Database(file, { fileMustExist: true })
  try {
    database.pragma('journal_mode = delete')
    database.pragma('synchronous = full')
    database
      .prepare('insert into meta (name, value) values (?, ?) on conflict (name) do update set value = excluded.value')
      .run('copied_at', String(madeAt))
  } finally {
    database.close()
  }
}

/** Brings what the log of a database holds into its file, so that the log is gone; false when it cannot be read. */
export function foldLog(file: string): boolean {
  try {
    const database = new Database(file, { fileMustExist: true })
    try {
      database.pragma('journal_mode = delete')
      return true
    } finally {
      database.close()
    }
  } catch {
    return false
  }
}

/** Notes of copies in the database itself: `doctor` and `restore` read them. */
export class CopyNotes {
  constructor(private readonly queries: Queries) {}

  /** When the last backup was made, Unix seconds; undefined for never. */
  async lastBackup(): Promise<number | undefined> {
    return this.moment('last_backup')
  }

  /** When this database was copied from another, Unix seconds; undefined in one that is no copy. */
  async copiedAt(): Promise<number | undefined> {
    return this.moment('copied_at')
  }

  async backedUp(at: number): Promise<void> {
    await new Meta(this.queries).set('last_backup', String(at))
  }

  /** A copy that is in use is none any more; what it was made from was backed up by it. */
  async inUse(): Promise<void> {
    const at = await this.copiedAt()
    if (at !== undefined) await this.backedUp(at)
    await new Meta(this.queries).remove('copied_at')
  }

  private async moment(name: string): Promise<number | undefined> {
    const value = await new Meta(this.queries).get(name)
    return value === undefined ? undefined : Number(value)
  }
}
