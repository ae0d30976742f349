import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Db, type Queries, type Session, StorageError } from './db.js'
import { migrationSteps } from './migration-steps.js'

/** The database was made by a newer version of the program: it must not be touched. */
export class NewerSchema extends Error {}

/** The names of the migrations of a folder, in order. */
export const migrationFiles = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /^\d{4}-.+\.sql$/.test(name))
    .sort()

const table = 'create table if not exists migrations (id text not null primary key, applied_at bigint not null)'

/** Applies the numbered `.sql` files of a folder that the database has not seen, in order, and returns them. Safe to run by several at once. */
export async function migrate(
  db: Db,
  folder: string,
  now: number,
  onStep: (what: string) => void = () => undefined,
): Promise<string[]> {
  const files = migrationFiles(folder)
  if ((await applied(db)).size < files.length) await patiently(db, (session) => session.run(table))
  refuseNewer(await applied(db), files)
  const done: string[] = []
  for (const file of files) {
    if ((await applied(db)).has(file)) continue
    onStep(`applying ${file}`)
    await patiently(db, async (session) => {
      // Inserting the id is the lock: whoever comes second finds it taken and does nothing.
      const mine = await session.run('insert into migrations (id, applied_at) values ($1, $2) on conflict do nothing', [
        file,
        now,
      ])
      if (mine === 0) return
      for (const statement of statements(readFileSync(join(folder, file), 'utf8'))) await session.run(statement)
      await migrationSteps.get(file)?.(session, (rows) => onStep(`applying ${file}: ${rows.toLocaleString('en')} rows`))
      done.push(file)
    })
  }
  return done
}

/** Whether a database has not seen every migration of a folder. */
export async function isBehind(db: Queries, folder: string): Promise<boolean> {
  const known = await applied(db)
  return migrationFiles(folder).some((file) => !known.has(file))
}

/** Another process that migrates may take longer than a lock is waited for: about a minute is. */
async function patiently<T>(db: Db, work: (session: Session) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await db.transaction(work)
    } catch (error) {
      if (!(error instanceof StorageError) || error.kind !== 'locked' || tries === mostTries) throw error
    }
  }
}

const mostTries = 30

/** The newest migration that the database has seen. */
export const lastMigration = async (db: Queries): Promise<string | undefined> => [...(await applied(db))].sort().at(-1)

async function applied(db: Queries): Promise<ReadonlySet<string>> {
  try {
    const rows = await db.all<{ id: string }>('select id from migrations')
    return new Set(rows.map(({ id }) => id))
  } catch (error) {
    if (error instanceof StorageError) throw error
    // There is no such table yet.
    return new Set()
  }
}

function refuseNewer(ids: ReadonlySet<string>, files: readonly string[]): void {
  const unknown = [...ids].filter((id) => !files.includes(id))
  if (unknown.length === 0) return
  throw new NewerSchema(
    `the database has migrations that this version does not know (${unknown.join(', ')}): run the newer version of Countersign`,
  )
}

const statements = (sql: string): string[] =>
  sql
    .replace(/^--.*$/gm, '')
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
