import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError } from './config.js'
import { generateKey } from './generate.js'
import type { Surroundings } from './instance.js'
import { openVault, parseMasterKey, type Vault } from './seal.js'
import { bootstrap } from './store/bootstrap.js'
import type { Db } from './store/db.js'
import { Meta } from './store/meta.js'
import { migrate } from './store/migrate.js'
import { openSqlite } from './store/sqlite.js'

/** An opened data folder: its database, migrated, and the keys derived from its master key. */
export interface Data {
  readonly db: Db
  readonly vault: Vault
}

/** `DIR/admin-key.json`: what a client needs to act as the owner of the first account. */
export interface AdminKey {
  readonly cdn: number
  readonly api_key: string
  readonly secret: string
}

export const adminKeyFile = (folder: string): string => join(folder, 'admin-key.json')
export const databaseFile = (folder: string): string => join(folder, 'countersign.db')

/** Whether the folder holds a database already. */
export const isInitialised = (folder: string): boolean =>
  existsSync(databaseFile(folder)) && !existsSync(pendingFile(folder))

/** Whether `serve` may initialise the folder: it is not there, is empty, or an initialisation was cut short. */
export const isEmpty = (folder: string): boolean =>
  !existsSync(folder) || existsSync(pendingFile(folder)) || readdirSync(folder).length === 0

/** Stands while an initialisation is under way: one that was cut short is done again. */
const pendingFile = (folder: string): string => join(folder, '.initialising')

/** What the master key opens, without a database. Throws {@link ConfigError} when it is missing or no key. */
export const openMaster = (config: Config, { randomBytes }: Pick<Surroundings, 'randomBytes'>): Vault =>
  openVault(readMasterKey(config), randomBytes)

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
  if ((await new Meta(db).get('master_key')) !== vault.fingerprint) {
    await db.close()
    throw new ConfigError(['the master key is not the one this database was made with'])
  }
  return { db, vault }
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
  if (!config.masterKey && !config.masterKeyFile) makeMasterKey(folder, around)
  const vault = openVault(readMasterKey(config), around.randomBytes)
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
    writeSecret(folder, 'admin-key.json', `${JSON.stringify(adminKey)}\n`)
  })
  await db.close()
  rmSync(pendingFile(folder), { force: true })
  return JSON.parse(readFileSync(adminKeyFile(folder), 'utf8'))
}

/** Makes `master.key` unless it is there; of several processes one makes it. */
function makeMasterKey(folder: string, { randomBytes }: Surroundings): void {
  const file = join(folder, 'master.key')
  if (existsSync(file)) return
  const mine = `.master.key.${process.pid}`
  writeSecret(folder, mine, `${randomBytes(32).toString('base64')}\n`)
  try {
    linkSync(join(folder, mine), file)
  } catch {
    // Another process was first; where it was something else, reading the key says so.
  }
  rmSync(join(folder, mine))
  syncFolder(folder)
}

async function openDatabase({ data }: Config, { now, migrations }: Surroundings): Promise<Db> {
  const db = openSqlite(databaseFile(data))
  try {
    await migrate(db, migrations, Math.floor(now() / 1000))
  } catch (error) {
    await db.close()
    throw error
  }
  return db
}

function readMasterKey({ data, masterKey, masterKeyFile }: Config): Buffer {
  const file = masterKeyFile || join(data, 'master.key')
  const from = masterKey ? 'COUNTERSIGN_MASTER_KEY' : file
  if (!masterKey && !existsSync(file)) {
    throw new ConfigError([
      `${file}: the master key is missing; without it the secrets in the database cannot be opened`,
    ])
  }
  const key = parseMasterKey(masterKey || readFileSync(file, 'utf8'))
  if (!key) throw new ConfigError([`${from}: expected 32 bytes in base64 or hex`])
  return key
}

function writeSecret(folder: string, name: string, text: string): void {
  const file = join(folder, name)
  writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true })
  renameSync(`${file}.new`, file)
  syncFolder(folder)
}

/** A file that was renamed or linked survives a power cut only once its folder is on disk. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

/** The folder is for its owner alone, and so is every file in it (protocol §11). */
function protect(folder: string): void {
  chmodSync(folder, 0o700)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile()) restrict(join(folder, entry.name))
  }
}

function restrict(file: string): void {
  try {
    chmodSync(file, 0o600)
  } catch (error) {
    // Another process may have taken its file away meanwhile.
    if (existsSync(file)) throw error
  }
}
