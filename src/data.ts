import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type Config, ConfigError } from './config.js'
import { makePrivate, protect, type Steps, writePrivate } from './files.js'
import { adminKeyFile, databaseFile, isInitialised, lockFile, nodeFile, pendingFile, type Where } from './folder.js'
import { generateKey } from './generate.js'
import type { Surroundings } from './instance.js'
import { KeyRing, UnknownMasterKey } from './keyring.js'
import { makeMasterKey, masterKeyFile, masterKeys } from './master-key.js'
import { sqliteNode } from './store/audit.js'
import { bootstrap } from './store/bootstrap.js'
import { copyState } from './store/copy-rows.js'
import type { Db } from './store/db.js'
import { share, takeAlone } from './store/folder-lock.js'
import { Meta } from './store/meta.js'
import { isBehind, lastMigration, type Migrated, migrate, waitingIn } from './store/migrate.js'
import { openSqlite } from './store/sqlite.js'

/** An opened data folder: its database, migrated, and the keys derived from its master key. */
export interface Data {
  readonly db: Db
  readonly vault: KeyRing
  /** Names the audit chain of whoever uses the folder. */
  readonly node: string
}

/** `DIR/admin-key.json`: what a client needs to act as the owner of the first account. */
export interface AdminKey {
  readonly cdn: number
  readonly api_key: string
  readonly secret: string
}

/** What the master key opens, without a database. Throws {@link ConfigError} when it is missing or no key. */
export const openMaster = (config: Config, { randomBytes }: Pick<Surroundings, 'randomBytes'>): KeyRing =>
  new KeyRing(() => masterKeys(config, randomBytes), randomBytes)

/** Opens an initialised folder. Throws {@link ConfigError} when there is none, or the master key is another. */
export async function openData(config: Config, around: Surroundings, options?: OpenOptions): Promise<Data> {
  if (!isInitialised(config)) {
    throw new ConfigError([
      `${config.data} holds no Countersign data: run "countersign init --data ${config.data}" first`,
    ])
  }
  return openMade(config, around, options)
}

/** The same of a folder that was initialised already: a process that began to do so at the same time may still leave its mark there. */
export async function openMade(config: Config, around: Surroundings, options?: OpenOptions): Promise<Data> {
  protect(config.data)
  const vault = openMaster(config, around)
  const db = await openDatabase(config, around, options)
  try {
    await vault.refresh(db)
    return { db, vault, node: nodeOf(config) }
  } catch (error) {
    await db.close()
    throw error instanceof UnknownMasterKey ? new ConfigError([error.message]) : error
  }
}

/**
 * Makes the folder, the master key, the database, the account and its owner's key; undefined where another data folder
 * made that of a PostgreSQL database before. Safe to run again after a crash, and by several processes at once: the first
 * to commit has made it, the others of its folder return what it made.
 */
export async function initialise(config: Config, cdn: number, around: Surroundings): Promise<AdminKey | undefined> {
  const folder = config.data
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (!isInitialised(config)) writeFileSync(pendingFile(folder), '', { mode: 0o600 })
  protect(folder)
  const db = await openDatabase(config, around)
  try {
    await requireOwn(db, config)
    if (!config.masterKey && !config.masterKeyFile) makeMasterKey(folder, around.randomBytes)
    const vault = openMaster(config, around)
    await makeInstance(db, vault, config, cdn, around)
    await vault.refresh(db)
  } catch (error) {
    throw error instanceof UnknownMasterKey ? new ConfigError([error.message]) : error
  } finally {
    await db.close()
  }
  if (config.databaseUrl) makePrivate(nodeFile(folder), `${around.randomName(nodeLength)}\n`)
  rmSync(pendingFile(folder), { force: true })
  return existsSync(adminKeyFile(folder)) ? JSON.parse(readFileSync(adminKeyFile(folder), 'utf8')) : undefined
}

const nodeLength = 12

/** What the audit chain of a folder is called. */
export function nodeOf({ data, databaseUrl }: Where): string {
  return databaseUrl ? readFileSync(nodeFile(data), 'utf8').trim() : sqliteNode
}

/** A database of PostgreSQL and a folder that do not belong together must not be made to: each has what the other one lacks. */
async function requireOwn(db: Db, config: Config): Promise<void> {
  const { data: folder, databaseUrl, masterKey } = config
  if (!databaseUrl) return
  if ((await copyState(db)) === 'copying') {
    throw new ConfigError([
      'an instance is being copied into the database: run "countersign migrate --from ... --to-file ..." to its end',
    ])
  }
  const isMade = (await new Meta(db).get('master_key')) !== undefined
  const file = masterKeyFile(config)
  if (isMade && !masterKey && !existsSync(file)) {
    throw new ConfigError([
      `the database is in use under a master key that is not here: copy it to ${file}, or give COUNTERSIGN_MASTER_KEY`,
    ])
  }
  if (!isMade && existsSync(databaseFile(folder))) {
    const to = `countersign migrate --from sqlite:${databaseFile(folder)} --to-file FILE`
    throw new ConfigError([`${folder} holds an instance on SQLite, and the database is empty: ${to} takes it over`])
  }
}

async function makeInstance(db: Db, vault: KeyRing, config: Config, cdn: number, around: Surroundings): Promise<void> {
  const { keyId, secret } = generateKey(around)
  const ownerId = around.randomBytes(16).toString('hex')
  const adminKey = { cdn, api_key: keyId, secret }
  const first = { account: cdn, ownerId, keyId, secret, fingerprint: vault.fingerprint }
  await db.transaction(async (session) => {
    if (!(await bootstrap(session, vault, first, Math.floor(around.now() / 1000)))) return
    // Before the commit: where the database is made, its owner's key has been handed out.
    writePrivate(adminKeyFile(config.data), `${JSON.stringify(adminKey)}\n`)
  })
}

/**
 * Applies what the database has not seen. `finish`: contracts as well. Gateways of PostgreSQL may go on; a file is for nobody else
 * meanwhile, since its gateways do not say which version they are.
 */
export async function migrateData(
  config: Config,
  { now, migrations, onStep }: Pick<Surroundings, 'now' | 'migrations'> & Steps,
  finish: boolean,
): Promise<Migrated> {
  if (!isInitialised(config)) throw new ConfigError([`${config.data} holds no Countersign data`])
  const lock = (config.databaseUrl ? share : takeAlone)(lockFile(config.data))
  try {
    const db = await connect(config, { patient: true })
    try {
      const applied = await migrate(db, migrations, Math.floor(now() / 1000), { onStep, finish })
      return { applied, waiting: await waitingIn(db, migrations), schema: (await lastMigration(db)) ?? '' }
    } finally {
      await db.close()
    }
  } finally {
    lock.release()
  }
}

export interface OpenOptions {
  /** False leaves the schema as it is. */
  readonly migrations?: boolean
  /** Whether statements may take as long as they need: for a verb that reads or changes whole tables. */
  readonly patient?: boolean
}

/** Opens the database of a folder, taking part in its use until it is closed. */
export async function openDatabase(
  where: Where & Partial<Pick<Config, 'walSize'>>,
  around: Pick<Surroundings, 'now' | 'migrations'>,
  { migrations = true, patient = false }: OpenOptions = {},
): Promise<Db> {
  const lock = share(lockFile(where.data))
  try {
    const db = await connect(where, { patient, onClosed: lock.release })
    try {
      if (migrations) await upgrade(db, where, around)
      return db
    } catch (error) {
      await db.close()
      throw error
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** A migration takes as long as the tables are large, which the statements of a gateway may not. */
async function upgrade(db: Db, where: Where, { now, migrations }: Pick<Surroundings, 'now' | 'migrations'>) {
  const behind = !db.exclusive && (await isBehind(db, migrations))
  const patient = behind ? await connect(where, { patient: true }) : db
  try {
    await migrate(patient, migrations, Math.floor(now() / 1000))
  } finally {
    if (patient !== db) await patient.close()
  }
}

const pagesOfMebibyte = 256
const readAtRandom = ['users', 'stream_users']

/** The engine that the configuration names. */
async function connect(
  { data, databaseUrl, walSize }: Where & Partial<Pick<Config, 'walSize'>>,
  options: { readonly patient: boolean; readonly onClosed?: () => void },
): Promise<Db> {
  const { patient, ...closing } = options
  const log = walSize && { logPages: walSize * pagesOfMebibyte }
  if (!databaseUrl) return openSqlite(databaseFile(data), { ...closing, ...log, readAtRandom })
  // Its package is not needed, and may not be there, where SQLite is used.
  const { openPostgres } = await import('./store/postgres.js')
  return openPostgres(databaseUrl, { ...closing, patient })
}
