import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { localCodes } from '../schemas/codes.js'
import { chainMacOf, headFile } from './checkpoint.js'
import { type Config, ConfigError } from './config.js'
import { nodeOf, openDatabase, openMaster } from './data.js'
import { mebibytes, type Steps, sync, syncFolder, UnsoundFile } from './files.js'
import { databaseFile, lockFile, pendingFile } from './folder.js'
import type { Surroundings } from './instance.js'
import { type KeyRing, UnknownMasterKey } from './keyring.js'
import { inUse } from './rekey.js'
import { requireSound } from './soundness.js'
import { Audit, sqliteNode } from './store/audit.js'
import { Claims } from './store/claims.js'
import { CopyNotes, foldLog } from './store/copies.js'
import type { Db } from './store/db.js'
import { FolderInUse, takeAlone } from './store/folder-lock.js'
import { FileHealth, Health } from './store/health.js'
import { floorRaised } from './store/ledger.js'
import { localEntry } from './store/local-entry.js'
import { Meta } from './store/meta.js'
import { migrate } from './store/migrate.js'
import { openSqlite } from './store/sqlite.js'

export interface Restored {
  /** When the backup was made, Unix seconds; undefined when the file does not say. */
  readonly madeAt: number | undefined
  /** Until this moment every message is answered 1503, Unix seconds. */
  readonly floor: number
  /** Where what was replaced is kept; undefined when there was nothing. */
  readonly aside: string | undefined
}

type Around = Pick<Surroundings, 'now' | 'randomBytes' | 'migrations'> & Steps

/**
 * Puts a backup in the place of the database of a folder that nobody uses. Whatever may have been signed before is refused
 * from then on: the floor stands in the file before it is put in place (protocol §4). Throws FolderInUse,
 * {@link UnsoundFile}, NewerSchema, and {@link ConfigError} when the master key is another.
 */
export async function restore(
  config: Config,
  from: string | undefined,
  around: Around,
  uid: number,
): Promise<Restored> {
  if (config.databaseUrl) return restored(config, from, around, uid)
  if (from === undefined) throw new ConfigError(['name the backup that is to be restored'])
  mkdirSync(config.data, { recursive: true, mode: 0o700 })
  const lock = takeAlone(lockFile(config.data))
  const staged = join(config.data, '.restoring.db')
  try {
    discard(staged)
    const vault = openMaster(config, around)
    stage(from, staged, around)
    await requireCountersign(from, staged)
    const known = await history(databaseFile(config.data))
    const restored = await prepare(staged, vault, config, around, uid, known)
    const aside = swap(config.data, staged, around.now())
    return { ...restored, aside }
  } finally {
    discard(staged)
    lock.release()
  }
}

/** A database that PostgreSQL has put back: whatever may have been signed before is refused from now on. */
async function restored(config: Config, from: string | undefined, around: Around, uid: number): Promise<Restored> {
  if (from !== undefined) {
    throw new ConfigError([
      'PostgreSQL puts its own backups back (pg_restore, or to a point in time); then run "countersign restore" without a file',
    ])
  }
  const vault = openMaster(config, around)
  const db = await openDatabase(config, around, { patient: true })
  try {
    if (!(await db.takeAlone())) throw new FolderInUse(inUse)
    await vault.refresh(db)
    const now = Math.floor(around.now() / 1000)
    const newest = (await new Claims(db).newest()) ?? 0
    const window = Math.max(config.window, await new Health(db).largestWindow())
    const floor = Math.max(now, newest) + window
    await enter(db, vault, nodeOf(config), { madeAt: undefined, floor, now, uid })
    putHeadAside(config.data, `audit.head.replaced-${stampOf(around.now())}`)
    return { madeAt: undefined, floor, aside: undefined }
  } catch (error) {
    throw error instanceof UnknownMasterKey ? new ConfigError([error.message]) : error
  } finally {
    await db.close()
  }
}

/** A copy in the data folder, with the log that may lie beside it, is what is looked at, changed and put in place. */
function stage(from: string, staged: string, { onStep }: Steps): void {
  onStep(`copying ${mebibytes(statSync(from).size)}`)
  copyFileSync(from, staged)
  chmodSync(staged, 0o600)
  if (existsSync(`${from}-wal`)) copyFileSync(`${from}-wal`, `${staged}-wal`)
  try {
    onStep('checking every page of the copy')
    requireSound(staged)
  } catch (error) {
    throw error instanceof UnsoundFile ? new UnsoundFile(error.message.replace(staged, from)) : error
  }
}

/** What the database that goes knows of the time: its clients may have signed up to then. */
interface History {
  readonly floor: number
  readonly newest: number
  readonly window: number
}

const nothing: History = { floor: 0, newest: 0, window: 0 }

/** One that cannot be read knows nothing. */
async function history(file: string): Promise<History> {
  let health: FileHealth | undefined
  try {
    health = new FileHealth(file)
    return {
      floor: await health.floor(),
      newest: Math.floor(((await health.newestRow()) ?? 0) / 1000),
      window: await health.largestWindow(),
    }
  } catch {
    return nothing
  } finally {
    health?.close()
  }
}

async function prepare(
  staged: string,
  vault: KeyRing,
  { window }: Config,
  around: Around,
  uid: number,
  known: History,
): Promise<Omit<Restored, 'aside'>> {
  const own = await history(staged)
  const now = Math.floor(around.now() / 1000)
  const widest = Math.max(window, own.window, known.window)
  const floor = Math.max(now + widest, known.newest + widest, own.newest + widest, known.floor)
  const db = openSqlite(staged)
  try {
    await migrate(db, around.migrations, now, { onStep: around.onStep })
    await vault.refresh(db)
    const madeAt = await new CopyNotes(db).copiedAt()
    await enter(db, vault, sqliteNode, { madeAt, floor, now, uid })
    return { madeAt, floor }
  } catch (error) {
    throw error instanceof UnknownMasterKey
      ? new ConfigError([
          'the backup is sealed under another master key: give the one that was in force when it was made',
        ])
      : error
  } finally {
    await db.close()
    foldLog(staged)
  }
}

async function requireCountersign(from: string, staged: string): Promise<void> {
  const health = new FileHealth(staged)
  try {
    if (!(await health.isCountersign())) throw new UnsoundFile(`${from}: it is a database, but none of Countersign`)
  } finally {
    health.close()
  }
}

interface Entered {
  readonly madeAt: number | undefined
  readonly floor: number
  readonly now: number
  readonly uid: number
}

function enter(db: Db, vault: KeyRing, node: string, { madeAt, floor, now, uid }: Entered): Promise<void> {
  return db.transaction(async (session) => {
    await new Meta(session).raiseFloor(floor)
    await new CopyNotes(session).inUse()
    const detail = { made_at: madeAt ?? null, floor }
    const entry = localEntry({ command: 'restore', code: localCodes.RESTORED.code, uid, now, detail })
    const audit = new Audit(session)
    await audit.append(node, entry, await audit.head(node), chainMacOf(vault))
    await session.tell([floorRaised])
  })
}

/**
 * The old database gets a second name, its log goes (SQLite would replay it into the new file), and the new one takes its
 * place in one step: at every moment there is one of them, whole. The name that the old one is kept under.
 */
function swap(folder: string, staged: string, nowMs: number): string | undefined {
  const file = databaseFile(folder)
  sync(staged)
  const kept = existsSync(file) ? setAside(folder, nowMs) : undefined
  syncFolder(folder)
  renameSync(staged, file)
  rmSync(pendingFile(folder), { force: true })
  syncFolder(folder)
  return kept
}

function setAside(folder: string, nowMs: number): string {
  const file = databaseFile(folder)
  const stamp = stampOf(nowMs)
  const taken = new Set(readdirSync(folder))
  let kept = `countersign.db.replaced-${stamp}`
  for (let number = 2; taken.has(kept); number++) kept = `countersign.db.replaced-${stamp}-${number}`
  // A damaged one keeps its log beside it.
  const folded = foldLog(file)
  linkSync(file, join(folder, kept))
  if (!folded && existsSync(`${file}-wal`)) linkSync(`${file}-wal`, join(folder, `${kept}-wal`))
  rmSync(`${file}-wal`, { force: true })
  rmSync(`${file}-shm`, { force: true })
  putHeadAside(folder, `${kept}.audit.head`)
  return join(folder, kept)
}

/** The checkpoint knows rows that the restored trail does not have. */
function putHeadAside(folder: string, name: string): void {
  if (existsSync(headFile(folder))) renameSync(headFile(folder), join(folder, name))
}

const stampOf = (nowMs: number): string => new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')

function discard(staged: string): void {
  for (const left of ['', '-journal', '-wal', '-shm']) rmSync(`${staged}${left}`, { force: true })
}
