import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError } from './config.js'
import { protect, type Steps, writePrivate } from './files.js'
import { generateKey } from './generate.js'
import type { Surroundings } from './instance.js'
import { KeyRing, UnknownMasterKey } from './keyring.js'
import { makeMasterKey, masterKeys } from './master-key.js'
import { bootstrap } from './store/bootstrap.js'
import type { Db } from './store/db.js'
import { share, takeAlone } from './store/folder-lock.js'
import { Meta } from './store/meta.js'
import { lastMigration, migrate } from './store/migrate.js'
import { openSqlite } from './store/sqlite.js'

/** An opened data folder: its database, migrated, and the keys derived from its master key. */
export interface Data {
  readonly db: Db
  readonly vault: KeyRing
}

/** `DIR/admin-key.json`: what a client needs to act as the owner of the first account. */
export interface AdminKey {
  readonly cdn: number
  readonly api_key: string
  readonly secret: string
}

export const adminKeyFile = (folder: string): string => join(folder, 'admin-key.json')
export const databaseFile = (folder: string): string => join(folder, 'countersign.db')
export const lockFile = (folder: string): string => join(folder, 'countersign.lock')

/** Whether the folder holds a database already. */
export const isInitialised = (folder: string): boolean =>
  existsSync(databaseFile(folder)) && !existsSync(pendingFile(folder))

/** Whether `serve` may initialise the folder: it is not there, is empty, or an initialisation was cut short. */
export const isEmpty = (folder: string): boolean =>
  !existsSync(folder) || existsSync(pendingFile(folder)) || readdirSync(folder).length === 0

/** Stands while an initialisation is under way: one that was cut short is done again. */
export const pendingFile = (folder: string): string => join(folder, '.initialising')

/** What the master key opens, without a database. Throws {@link ConfigError} when it is missing or no key. */
export const openMaster = (config: Config, { randomBytes }: Pick<Surroundings, 'randomBytes'>): KeyRing =>
  new KeyRing(() => masterKeys(config, randomBytes), randomBytes)

/** Opens an initialised folder. Throws {@link ConfigError} when there is none, or the master key is another. */
export async function openData(config: Config, around: Surroundings): Promise<Data> {
  if (!isInitialised(config.data)) {
    throw new ConfigError([
      `${config.data} holds no Countersign data: run "countersign init --data ${config.data}" first`,
    ])
  }
  protect(config.data)
  const vault = openMaster(config, around)
  const db = await openDatabase(config, around)
  try {
    await vault.refresh(db)
    return { db, vault }
  } catch (error) {
    await db.close()
    throw error instanceof UnknownMasterKey ? new ConfigError([error.message]) : error
  }
}

/**
 * Makes the folder, the master key, the database, the account and its owner's key. Safe to run again after a crash, and
 * by several processes at once: the first to commit has made it, the others return what it made.
 */
export async function initialise(config: Config, cdn: number, around: Surroundings): Promise<AdminKey> {
  const folder = config.data
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (!existsSync(databaseFile(folder))) writeFileSync(pendingFile(folder), '', { mode: 0o600 })
  protect(folder)
  if (!config.masterKey && !config.masterKeyFile) makeMasterKey(folder, around.randomBytes)
  const vault = openMaster(config, around)
  const db = await openDatabase(config, around)
  const { keyId, secret } = generateKey(around)
  const now = Math.floor(around.now() / 1000)
  const ownerId = around.randomBytes(16).toString('hex')
  const adminKey = { cdn, api_key: keyId, secret }
  const first = { account: cdn, ownerId, keyId, secret, fingerprint: vault.fingerprint }
  await db.transaction(async (session) => {
    if ((await new Meta(session).get('master_key')) !== undefined) return
    await bootstrap(session, vault, first, now)
    // Before the commit: where the database is made, its owner's key has been handed out.
    writePrivate(adminKeyFile(folder), `${JSON.stringify(adminKey)}\n`)
  })
  await db.close()
  rmSync(pendingFile(folder), { force: true })
  return JSON.parse(readFileSync(adminKeyFile(folder), 'utf8'))
}

/** Applies what the database has not seen, while nobody else uses the folder; that, and the last of all. */
export async function migrateData(
  config: Config,
  { now, migrations, onStep }: Pick<Surroundings, 'now' | 'migrations'> & Steps,
): Promise<{ applied: string[]; schema: string }> {
  if (!isInitialised(config.data)) throw new ConfigError([`${config.data} holds no Countersign data`])
  const lock = takeAlone(lockFile(config.data))
  try {
    const db = openSqlite(databaseFile(config.data))
    try {
      const applied = await migrate(db, migrations, Math.floor(now() / 1000), onStep)
      return { applied, schema: (await lastMigration(db)) ?? '' }
    } finally {
      await db.close()
    }
  } finally {
    lock.release()
  }
}

/** Opens the database of a folder, taking part in its use until it is closed. `migrations: false` leaves its schema as it is. */
export async function openDatabase(
  { data }: Pick<Config, 'data'>,
  { now, migrations }: Pick<Surroundings, 'now' | 'migrations'>,
  options: { readonly migrations: boolean } = { migrations: true },
): Promise<Db> {
  const lock = share(lockFile(data))
  try {
    const db = openSqlite(databaseFile(data), { onClosed: lock.release })
    try {
      if (options.migrations) await migrate(db, migrations, Math.floor(now() / 1000))
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
