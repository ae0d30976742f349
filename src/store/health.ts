import Database from 'better-sqlite3'
import type { ChainMac } from './audit.js'
import type { Checkpoint } from './audit-checkpoint.js'
import { chainHeads } from './audit-heads.js'
import { AuditTrail } from './audit-trail.js'
import { type BareNames, type BareNaming, namesNoLongerBare } from './bare-names.js'
import { isBound } from './bind-rows.js'
import { compatibleSince } from './compatible.js'
import { CopyNotes } from './copies.js'
import { limited, type Queries, type Value } from './db.js'
import { Forgotten, type ForgottenMoments } from './forgotten.js'
import { Meta } from './meta.js'
import { waitingIn } from './migrate.js'
import { type PromisedValues, Promises } from './promises.js'
import type { Sealing } from './store.js'
import { type UnsoundRows, unsoundRows } from './unsound.js'

const told = 5

interface Orphan {
  readonly table: string
  /** Null where the rows of the table have no numbers. */
  readonly rowid: number | null
  readonly parent: string
}

/** Looks a database over without writing to it. */
export class Health {
  constructor(protected readonly queries: Queries) {}

  async migrations(): Promise<string[]> {
    return (await this.queries.all<{ id: string }>('select id from migrations order by id')).map(({ id }) => id)
  }

  /** See {@link waitingIn}. */
  waiting(folder: string): Promise<string[]> {
    return waitingIn(this.queries, folder)
  }

  /** The schema of the oldest program that may use the database; undefined where none was recorded. */
  compatibleSince(): Promise<number | undefined> {
    return compatibleSince(this.queries)
  }

  meta(name: string): Promise<string | undefined> {
    return new Meta(this.queries).get(name)
  }

  floor(): Promise<number> {
    return new Meta(this.queries).floor()
  }

  lastBackup(): Promise<number | undefined> {
    return new CopyNotes(this.queries).lastBackup()
  }

  async hasAccount(account: number): Promise<boolean> {
    return (await this.queries.get('select 1 as one from accounts where account = $1', [account])) !== undefined
  }

  /** See {@link namesNoLongerBare}. */
  namesNoLongerBare(naming: BareNaming, now: number): Promise<BareNames | undefined> {
    return namesNoLongerBare(this.queries, naming, now)
  }

  /** What processes on this database have promised and still hold to; undefined before the migration that notes it. */
  async inForce(own: PromisedValues, now: number): Promise<PromisedValues | undefined> {
    return (await this.notesPromises()) ? new Promises(this.queries).inForce(own, now) : undefined
  }

  /** Up to when the levels of the statistics were forgotten. */
  forgotten(): Promise<ForgottenMoments> {
    return new Forgotten(this.queries).moments()
  }

  /** The largest window that any process is known to have used; 0 where none is. Seconds. */
  async largestWindow(): Promise<number> {
    const noted = (await this.notesPromises()) ? await new Promises(this.queries).largest('window') : 0
    return Math.max(noted, Number((await this.meta('window')) ?? 0))
  }

  private async notesPromises(): Promise<boolean> {
    return (await this.migrations()).includes('0029-promises.sql')
  }

  /** Lets a vault take the keys that this database is sealed under; rejects when they are not at hand. */
  follow(vault: { refresh(queries: Queries): Promise<void> }): Promise<void> {
    return vault.refresh(this.queries)
  }

  /** When the newest of the last rows of all audit chains was written, Unix milliseconds; undefined when there is none. */
  async newestRow(): Promise<number | undefined> {
    const heads = await chainHeads(this.queries)
    return heads.length === 0 ? undefined : Math.max(...heads.map(({ at_ms }) => at_ms))
  }

  /** The same of one chain. */
  async newestRowOf(node: string): Promise<number | undefined> {
    return (await chainHeads(this.queries)).find((head) => head.node === node)?.at_ms
  }

  /** Whether rows are bound to what their rights rest on, and those that are not as they were written. */
  async unsound(sealing: Sealing): Promise<UnsoundRows & { readonly bound: boolean }> {
    const bound = await isBound(this.queries, sealing)
    return { bound, ...(bound ? await unsoundRows(this.queries, sealing) : { keys: [], others: [] }) }
  }

  /** Why a checkpoint does not agree with the audit trail; undefined when it does. */
  disagrees(checkpoint: Checkpoint, mac: ChainMac): Promise<string | undefined> {
    return new AuditTrail(this.queries, mac).disagrees(checkpoint)
  }
}

/** The same of a database file. Throws what SQLite throws when the file cannot be read. */
export class FileHealth extends Health {
  private readonly database: Database.Database

  constructor(file: string) {
    const database = new Database(file, { readonly: true, fileMustExist: true, timeout: 1_000 })
    super(readingOf(database))
    this.database = database
  }

  close(): void {
    this.database.close()
  }

  /** What SQLite doubts about the file, and rows whose parent is missing; the first few of them. */
  faults(): string[] {
    const pages = this.database.pragma(`integrity_check(${told})`) as { integrity_check: string }[]
    const orphans = this.database.pragma('foreign_key_check') as Orphan[]
    return [
      ...pages.map((row) => row.integrity_check).filter((line) => line !== 'ok'),
      ...orphans
        .slice(0, told)
        .map(
          ({ table, rowid, parent }) =>
            `${table} row${rowid === null ? '' : ` ${rowid}`}: its row in ${parent} is missing`,
        ),
    ]
  }

  /** The first damaged page, without looking whether indexes and tables agree: faster than {@link faults}. */
  damage(): string | undefined {
    const [row] = this.database.pragma('quick_check(1)') as { quick_check: string }[]
    return row?.quick_check === 'ok' ? undefined : row?.quick_check
  }

  /** Whether it has the tables that every version of Countersign makes first. */
  async isCountersign(): Promise<boolean> {
    const rows = await this.queries.all<{ name: string }>(
      `select name from sqlite_master where type = 'table' and name in ('migrations', 'meta', 'claims', 'audit')`,
    )
    return rows.length === 4
  }
}

function readingOf(database: Database.Database): Queries {
  const named = (params: readonly Value[]) => Object.fromEntries(params.map((value, index) => [index + 1, value]))
  return {
    all: async <T extends object>(sql: string, params: readonly Value[] = []) =>
      database.prepare(sql).all(named(params)) as T[],
    get: async <T extends object>(sql: string, params: readonly Value[] = []) =>
      database.prepare(sql).get(named(params)) as T | undefined,
    piece: async <T extends object>(sql: string, params: readonly Value[], most: number) => {
      const rows = database.prepare(limited(sql, params)).all(named([...params, most])) as T[]
      return { rows, more: rows.length === most }
    },
    run: () => Promise.reject(new Error('this database is only looked at')),
  }
}
