import { type Queries, StorageError } from './db.js'
import { Meta } from './meta.js'
import { type Migration, migrationFiles, schemaName } from './migration-files.js'

/** The database is not for this program: a newer one has changed it. It must not be touched. */
export class NewerSchema extends Error {}

/** The migrations that a database has seen; none where it has no such table yet. */
export async function appliedTo(db: Queries): Promise<ReadonlySet<string>> {
  const rows = await orNothing(db.all<{ id: string }>('select id from migrations'))
  return new Set(rows?.map(({ id }) => id))
}

/** The schema of the oldest program that may use a database; undefined before migration 0032. */
export const compatibleSince = (db: Queries): Promise<number | undefined> => orNothing(new Meta(db).compatibleSince())

/** A table that is not there yet says nothing; a fault of the storage is none of that. */
async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof StorageError) throw error
    return undefined
  }
}

/** The migrations of a database that a program with this folder does not know. */
export async function unknownMigrations(db: Queries, folder: string): Promise<string[]> {
  const known = new Set(migrationFiles(folder))
  return [...(await appliedTo(db))].filter((id) => !known.has(id)).sort()
}

/**
 * Whether a program that knows these migrations may use a database that has seen those: it knows all of them, or what it does
 * not know is newer than all it knows, and is for programs of its schema, too.
 */
export function isCompatible(
  known: readonly Migration[],
  applied: ReadonlySet<string>,
  since: number | undefined,
): boolean {
  const { file: newest = '', number: own = 0 } = known.at(-1) ?? {}
  if (since !== undefined && since > own) return false
  const unknown = [...applied].filter((id) => !known.some(({ file }) => file === id))
  if (unknown.length === 0) return true
  return since !== undefined && unknown.every((id) => id > newest) && known.every(({ file }) => applied.has(file))
}

/** Throws {@link NewerSchema} unless {@link isCompatible}. */
export async function requireCompatible(
  db: Queries,
  known: readonly Migration[],
  applied: ReadonlySet<string>,
): Promise<void> {
  const since = await compatibleSince(db)
  if (isCompatible(known, applied, since)) return
  const unknown = [...applied].filter((id) => !known.some(({ file }) => file === id)).sort()
  throw new NewerSchema(
    `the database has migrations that this version does not know${unknown.length > 0 ? ` (${unknown.join(', ')})` : ''} and does not work with: run the newer version of Countersign`,
  )
}

/** The same of a program that serves: by its schema alone, since it looked at the rest when it started. */
export async function requireStillCompatible(queries: Queries, schema: number): Promise<void> {
  const since = (await new Meta(queries).compatibleSince()) ?? 0
  if (since <= schema) return
  throw new NewerSchema(
    `the database was upgraded to what this version (schema ${schemaName(schema)}) does not work with: run the newer version of Countersign`,
  )
}
