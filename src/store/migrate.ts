import { appliedTo, compatibleSince, requireCompatible } from './compatible.js'
import { type Db, everything, type Queries, type Session, StorageError } from './db.js'
import { instanceAlone } from './locked-names.js'
import { Meta } from './meta.js'
import { type Migration, migrationsOf, schemaName, statementsOf } from './migration-files.js'
import { migrationSteps } from './migration-steps.js'

/** Gateways are connected that do not work with what a migration makes of the database. */
export class OlderGateways extends Error {}

export interface MigrateOptions {
  /** Told what is done, and how far it is. */
  readonly onStep?: (what: string) => void
  /** Also applies the contracts, which otherwise wait until a later migration needs them. */
  readonly finish?: boolean
}

/** What an upgrade did, and what is left of it. */
export interface Migrated {
  readonly applied: readonly string[]
  /** The contracts that wait. */
  readonly waiting: readonly string[]
  /** The last of all that are applied. */
  readonly schema: string
}

const table = 'create table if not exists migrations (id text not null primary key, applied_at bigint not null)'

/** Programs from this schema on record which programs may use the database, and look it up. */
const recordedFrom = 32

/**
 * Applies the numbered `.sql` files of a folder that the database has not seen, in order, and returns them. Safe to run by several at
 * once. Throws NewerSchema when a newer version has made the database unfit for this one, and {@link OlderGateways},
 * with nothing applied, when gateways are connected that the files would make it unfit for.
 */
export async function migrate(
  db: Db,
  folder: string,
  now: number,
  { onStep = () => undefined, finish = false }: MigrateOptions = {},
): Promise<string[]> {
  const known = migrationsOf(folder)
  if ((await appliedTo(db)).size < known.length) await patiently(db, (session) => session.run(table))
  const applied = await appliedTo(db)
  await requireCompatible(db, known, applied)
  const isEmpty = applied.size === 0
  const due = dueOf(known, applied, finish || isEmpty)
  const since = sinceOf(known, applied, due)
  // Nobody uses an empty database, and it has no place yet to record it in.
  if (!isEmpty) await leaveOut(db, known, since)
  const done: string[] = []
  for (const { file } of due) {
    if ((await appliedTo(db)).has(file)) continue
    onStep(`applying ${file}`)
    if (await apply(db, folder, file, now, onStep)) done.push(file)
  }
  if (isEmpty) await patiently(db, (session) => record(session, since))
  return done
}

/** Whether a start has something to apply to a database. */
export async function isBehind(db: Queries, folder: string): Promise<boolean> {
  return dueOf(migrationsOf(folder), await appliedTo(db), false).length > 0
}

/** The contracts that wait in a database. */
export async function waitingIn(db: Queries, folder: string): Promise<string[]> {
  const applied = await appliedTo(db)
  const known = migrationsOf(folder)
  const due = dueOf(known, applied, false)
  return known.filter((one) => !applied.has(one.file) && !due.includes(one)).map(({ file }) => file)
}

/** What is to be applied: all that a program needs. Contracts that nothing follows can wait. */
function dueOf(known: readonly Migration[], applied: ReadonlySet<string>, all: boolean): readonly Migration[] {
  const pending = known.filter(({ file }) => !applied.has(file))
  return all ? pending : pending.slice(0, pending.findLastIndex(({ kind }) => kind === 'expand') + 1)
}

/** The schema of the oldest program that works with the database when that has been applied. */
const sinceOf = (known: readonly Migration[], applied: ReadonlySet<string>, due: readonly Migration[]): number =>
  Math.max(0, ...known.filter((one) => applied.has(one.file) || due.includes(one)).map(({ since }) => since))

/**
 * Records that programs of schemas below `since` must not use the database. Before anything is changed for the others: what an older
 * one wrote in between would be lost on them.
 */
async function leaveOut(db: Db, known: readonly Migration[], since: number): Promise<void> {
  const recorded = await compatibleSince(db)
  if (since < recordedFrom || (recorded !== undefined && recorded >= since)) return
  // Programs from before it was recorded do not say which schema they know.
  const older = (await db.programs()).filter((schema) => schema < since && (schema > 0 || recorded === undefined))
  if (older.length > 0) throw olderGateways(older, since)
  const below = known.map(({ number }) => number).filter((number) => number < since)
  await patiently(db, async (session) => {
    // No write of an older program is under way at the turn, and every later one looks what is recorded.
    await session.lock(instanceAlone)
    if (!(await session.keepOut(below))) throw olderGateways([], since)
    await record(session, since)
  })
}

async function record(session: Session, since: number): Promise<void> {
  if (since < recordedFrom) return
  await new Meta(session).raiseCompatibleSince(since)
  await session.tell([everything])
}

function olderGateways(older: readonly number[], since: number): OlderGateways {
  const named = older.filter((schema) => schema > 0).map(schemaName)
  const which = named.length > 0 ? `gateways with schema ${named.join(', ')}` : 'gateways of an older version'
  return new OlderGateways(
    `${which} are connected to the database, which would then be for schema ${schemaName(since)} and later alone: update them first, or stop them`,
  )
}

/** False when another process was faster. */
async function apply(
  db: Db,
  folder: string,
  file: string,
  now: number,
  onStep: (what: string) => void,
): Promise<boolean> {
  let mine = false
  await patiently(db, async (session) => {
    // Inserting the id is the lock: the second one finds it taken and does nothing.
    const sql = 'insert into migrations (id, applied_at) values ($1, $2) on conflict do nothing'
    mine = (await session.run(sql, [file, now])) === 1
    if (!mine) return
    for (const statement of statementsOf(folder, file)) await session.run(statement)
    await migrationSteps.get(file)?.(session, (rows) => onStep(`applying ${file}: ${rows.toLocaleString('en')} rows`))
  })
  return mine
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
export const lastMigration = async (db: Queries): Promise<string | undefined> =>
  [...(await appliedTo(db))].sort().at(-1)
