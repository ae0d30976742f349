import { existsSync, linkSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { localCodes } from '../schemas/codes.js'
import { chainMacOf, resealChainKey, sealChainKey } from './checkpoint.js'
import { type Config, ConfigError } from './config.js'
import { nodeOf, openDatabase } from './data.js'
import { syncFolder } from './files.js'
import { isInitialised, lockFile } from './folder.js'
import type { Surroundings } from './instance.js'
import { KeyRing, paramsBinding, previousBinding, UnknownMasterKey } from './keyring.js'
import { makeKey, masterKeyFile, masterKeys, nextKeyFile, readKey } from './master-key.js'
import type { Vault } from './seal.js'
import { bindRows } from './store/bind-rows.js'
import { NewerSchema, unknownMigrations } from './store/compatible.js'
import { type Db, everything } from './store/db.js'
import { FolderInUse, takeAlone } from './store/folder-lock.js'
import { KeyMeta } from './store/key-meta.js'
import { localEntry } from './store/local-entry.js'
import { instanceAlone } from './store/locked-names.js'
import { type Reseal, resealRows } from './store/reseal.js'
import { turnKey } from './store/turn-key.js'

export interface RekeyOptions {
  /** Where the new key goes when the environment holds the key. */
  readonly newKeyFile: string | undefined
  readonly uid: number
  /** Called with the number of values that were sealed anew so far. */
  readonly onRows: (rows: number) => void
}

/** What a change of the master key did. */
export interface Rekeyed {
  /** Whether it went on with one that was cut short. */
  readonly resumed: boolean
  readonly resealed: number
  /** Values that neither key opens, left as they are. */
  readonly damaged: readonly string[]
  /** The file of the new key, and of the one before, which older backups need. */
  readonly keyFile: string
  readonly oldKeyFile: string | undefined
}

type Around = Pick<Surroundings, 'now' | 'randomBytes' | 'migrations'>

/**
 * Gives the data folder another master key while it is in use. In this order, each step durable before the next: the new key
 * in a file beside the old one; the moment from which it is in force, one transaction; every row sealed anew; the key
 * before forgotten by the database; the file put in place. Cut short anywhere, it is finished by calling it again.
 */
export async function rekey(config: Config, around: Around, options: RekeyOptions): Promise<Rekeyed> {
  if (!isInitialised(config)) throw new ConfigError([`${config.data} holds no Countersign data`])
  const next = nextFile(config, options.newKeyFile)
  const lock = takeAlone(rekeyLock(config.data), 'the master key is being changed: wait until that has ended')
  try {
    return await change(config, next, around, options)
  } finally {
    lock.release()
  }
}

/** For verbs that nobody may use the database beside. */
export const inUse = 'other gateways are connected to the database: stop every one of them first'

/** Two at once would put each other's key in place. */
export const rekeyLock = (folder: string): string => join(folder, 'rekey.lock')

async function change(config: Config, next: string, around: Around, options: RekeyOptions): Promise<Rekeyed> {
  // A gateway whose key comes from the environment cannot be handed another one.
  if (config.masterKey || config.databaseUrl) takeAlone(lockFile(config.data)).release()
  const db = await openDatabase(config, around, { patient: true })
  try {
    await requireKnown(db, around.migrations)
    // Its nodes cannot be handed the key: each would refuse everything until it is started with the new one.
    if (!(await db.takeAlone())) throw new FolderInUse(inUse)
    const resumed = existsSync(next)
    const ring = new KeyRing(() => masterKeys(config, around.randomBytes, next), around.randomBytes)
    if (!resumed) makeKey(next, around.randomBytes)
    const target = readKey(next, around.randomBytes)
    await ring.refresh(db)
    // What a version before wrote is bound first: it is sealed anew as it is bound.
    await db.transaction((session) => bindRows(session, ring, around.randomBytes(32).toString('hex')))
    if (ring.fingerprint !== target.vault.fingerprint)
      await turn(db, ring, target.vault, nodeOf(config), around, options)
    await ring.refresh(db)
    const { rows, damaged } = await resealRows(db, resealing(ring), options.onRows)
    await db.transaction(async (session) => {
      const state = await new KeyMeta(session).read()
      await new KeyMeta(session).write({ ...state, previous: undefined })
    })
    return { resumed, resealed: rows, damaged, ...putInPlace(config, next) }
  } catch (error) {
    throw error instanceof UnknownMasterKey ? new ConfigError([error.message]) : error
  } finally {
    await db.close()
  }
}

/** What a newer version keeps sealed, this one cannot seal again. */
async function requireKnown(db: Db, migrations: string): Promise<void> {
  const unknown = await unknownMigrations(db, migrations)
  if (unknown.length > 0) {
    throw new NewerSchema(
      `a newer version has upgraded the database (${unknown.join(', ')}): run its "countersign rekey"`,
    )
  }
}

function nextFile(config: Config, newKeyFile: string | undefined): string {
  if (!config.masterKey && newKeyFile === undefined) return nextKeyFile(config)
  if (config.masterKey && newKeyFile !== undefined) return newKeyFile
  const why = config.masterKey
    ? 'COUNTERSIGN_MASTER_KEY holds the key: say with --new-key-file where the new one is to be written'
    : '--new-key-file is for a key that COUNTERSIGN_MASTER_KEY holds: here the file of the key is replaced'
  throw new ConfigError([why])
}

async function turn(
  db: Db,
  ring: KeyRing,
  to: Vault,
  node: string,
  around: Around,
  { uid }: RekeyOptions,
): Promise<void> {
  const now = Math.floor(around.now() / 1000)
  await db.transaction(async (session) => {
    // No write of another process is in flight at the turn, and every later one looks which key is in force.
    await session.lock(instanceAlone)
    await ring.refresh(session)
    const from = { open: ring.open.bind(ring), seal: ring.seal.bind(ring), mac: chainMacOf(ring) }
    const earlier = [ring.derive('params'), ...ring.earlierParamsKeys].map((key) => key.export().toString('base64'))
    await session.tell([everything])
    await turnKey(session, {
      from,
      to: { open: to.open, seal: to.seal, mac: chainMacOf(to) },
      state: {
        fingerprint: to.fingerprint,
        previous: to.seal(ring.key.toString('base64'), previousBinding),
        paramsKeys: earlier.slice(0, kept).map((key) => to.seal(key, paramsBinding)),
      },
      chainKey: sealChainKey(ring, to),
      resealChainKey: (sealed) => resealChainKey(sealed, ring, to),
      node,
      entry: localEntry({
        command: 'rekey',
        code: localCodes.REKEYED.code,
        uid,
        now,
        detail: { master_key: to.fingerprint },
      }),
      now,
    })
  })
}

/** Outcomes are compared under so many keys before the one in force: more changes than that within COUNTERSIGN_KEEP would cost a resend its outcome. */
const kept = 8

const resealing = (ring: KeyRing): Reseal => ({
  seal(sealed, binding) {
    if (!ring.previous) return undefined
    let text: string
    try {
      text = ring.previous.open(sealed, binding)
    } catch {
      ring.open(sealed, binding)
      return undefined
    }
    return ring.seal(text, binding)
  },
  tag(tag, text) {
    if (ring.previous?.isTagged(text, tag)) return ring.tag(text)
    if (!ring.isTagged(text, tag)) throw new Error('the row is not as it was written')
    return undefined
  },
})

/** Puts the new key in the place of the old one, which stays beside it: backups made before need it. */
function putInPlace(config: Config, next: string): Pick<Rekeyed, 'keyFile' | 'oldKeyFile'> {
  if (config.masterKey) return { keyFile: next, oldKeyFile: undefined }
  const file = masterKeyFile(config)
  const oldKeyFile = freeName(`${file}.old`)
  linkSync(file, oldKeyFile)
  renameSync(next, file)
  syncFolder(dirname(file))
  return { keyFile: file, oldKeyFile }
}

function freeName(wanted: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`
    if (!existsSync(name)) return name
  }
}
