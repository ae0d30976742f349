import { createHmac, createSecretKey } from 'node:crypto'
import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { AuditEntry } from '../../src/store/audit.js'
import type { Claim } from '../../src/store/claims.js'
import type { Db, Queries } from '../../src/store/db.js'
import { type Entry, Ledger } from '../../src/store/ledger.js'
import { migrate } from '../../src/store/migrate.js'
import { Notes } from '../../src/store/notes.js'
import { openPostgres, type PostgresOptions } from '../../src/store/postgres.js'
import { openSqlite, type SqliteOptions } from '../../src/store/sqlite.js'
import { root } from '../support/instance.js'
import { emptySchema, onPostgres } from '../support/postgres.js'
import { removeFolder, temporaryFolder } from '../support/server.js'

export const migrations = join(root, 'migrations')

/** A folder with the migrations that come before one. */
export function before(t: TestContext, first: string): string {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  cpSync(migrations, folder, { recursive: true })
  for (const name of readdirSync(folder)) if (name >= first) rmSync(join(folder, name))
  return folder
}

/** A file for a database, in a folder that goes with the test. */
export function databaseFile(t: TestContext): string {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  return join(folder, 'test.db')
}

/** A database that is closed when the test ends. */
export function open(t: TestContext, file = databaseFile(t), options: SqliteOptions = {}): Db {
  const db = openSqlite(file, options)
  t.after(() => db.close())
  return db
}

/** A migrated database with account 1, of the engine that is tested unless it is to be a file. */
export async function migrated(t: TestContext, file?: string, options?: SqliteOptions): Promise<Db> {
  const db = onPostgres && file === undefined && !options ? await openSchema(t) : open(t, file, options)
  await migrate(db, migrations, 1)
  await db.transaction((session) =>
    session.run(
      `insert into accounts (account, name, enable, version, created_at) values (1, 'one', 1, 0, 1) on conflict do nothing`,
    ),
  )
  return db
}

/** An empty schema of PostgreSQL, as a database. */
export async function openSchema(t: TestContext, options: Partial<PostgresOptions> = {}): Promise<Db> {
  const { url, drop } = await emptySchema()
  const db = openPostgres(url, options)
  t.after(async () => {
    await db.close()
    await drop()
  })
  return db
}

export const chainMac = (text: string): string =>
  createHmac('sha256', createSecretKey('the audit key', 'utf8')).update(text).digest('hex')

export interface TestLedger extends Ledger {
  /** What the operator was told, in order. */
  readonly troubles: string[]
  /** Resolves when the operator is told this. */
  told(what: RegExp): Promise<void>
}

/** A ledger of its own on a database. */
export function ledgerOn(db: Db, claimsPerPartition?: number, notes = new Notes()): TestLedger {
  const troubles: string[] = []
  const waiting: { what: RegExp; resolve: () => void }[] = []
  const ledger = new Ledger({
    db,
    node: 'sqlite',
    chainMac,
    notes,
    ...(claimsPerPartition !== undefined && { claimsPerPartition }),
    now: () => 1_000,
    onDoubt: () => undefined,
    onTrouble(what) {
      troubles.push(what)
      for (const waiter of waiting) if (waiter.what.test(what)) waiter.resolve()
    },
  })
  const told = (what: RegExp) =>
    new Promise<void>((resolve, reject) => {
      // The ledger's own timers keep no process alive; this one does.
      const late = setTimeout(() => reject(new Error(`not told ${what}, but: ${troubles.join('; ')}`)), 10_000)
      waiting.push({
        what,
        resolve() {
          clearTimeout(late)
          resolve()
        },
      })
    })
  return Object.assign(ledger, { troubles, told })
}

let requests = 0

/** An entry under an identity; its answer is `'ran'` the first time and `'seen'` later. */
export function entry(identity: string, effect: (queries: Queries) => Promise<unknown>, keep = true): Entry<string> {
  const request_id = `request-${String(++requests).padStart(6, '0')}`
  const claim: Claim = {
    request_id,
    identity_digest: identity,
    account: 1,
    principal: 'owner:1',
    command: 'test',
    timestamp: 1_000,
    mac: '',
    params_mac: '',
    code: 10001,
    outcome: null,
    sealed: 0,
    created_at: 1_000,
  }
  return {
    name: 'test',
    identity,
    timestamp: 1_000,
    async run(queries) {
      await effect(queries)
      return { keep, claim, audit: [auditEntry({ request_id })], value: 'ran' }
    },
    seen: async () => 'seen',
  }
}

export const auditEntry = (given: Partial<AuditEntry> = {}): AuditEntry => ({
  at_ms: 1_000_000,
  account: 1,
  principal: 'owner:1',
  key_id: 'ck_1',
  address: '127.0.0.1',
  dialect: 'native',
  command: 'test',
  target: null,
  code: 10001,
  dry_run: 0,
  request_id: '',
  detail: null,
  ...given,
})

/** Adds a row by hand. */
export const put =
  (id: string, value = '1') =>
  (queries: Queries): Promise<number> =>
    queries.run(`insert into records (account, kind, id, value) values (1, 'test', $1, $2)`, [id, value])

/** The rows that were put, by id. */
export const puts = async (db: Queries): Promise<string[]> =>
  (await db.all<{ id: string }>(`select id from records where kind = 'test' order by id`)).map(({ id }) => id)

export const counts = (db: Queries): Promise<{ records: number; claims: number; audit: number } | undefined> =>
  db.get(
    'select (select count(*) from records) as records, (select count(*) from claims) as claims, (select count(*) from audit) as audit',
  )
