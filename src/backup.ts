import { accessSync, chmodSync, constants, existsSync, linkSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { localCodes } from '../schemas/codes.js'
import { chainMacOf } from './checkpoint.js'
import { type Config, ConfigError } from './config.js'
import { openDatabase, openMaster } from './data.js'
import { FileExists, mebibytes, type Steps, sync, syncFolder } from './files.js'
import { databaseFile, isInitialised } from './folder.js'
import type { Surroundings } from './instance.js'
import { UnknownMasterKey } from './keyring.js'
import { requireSound } from './soundness.js'
import { Audit, sqliteNode } from './store/audit.js'
import { CopyNotes, copyDatabase, markCopy } from './store/copies.js'
import { localEntry } from './store/local-entry.js'

export interface Backup {
  /** Unix seconds. */
  readonly madeAt: number
  readonly bytes: number
}

/**
 * Copies the database to a file while it is in use: consistent, checked, for its owner alone, whole or not there, and
 * without the master key. Throws {@link FileExists}, UnsoundFile.
 */
export async function backup(
  config: Config,
  to: string,
  around: Pick<Surroundings, 'now' | 'randomBytes' | 'migrations'> & Steps,
  uid: number,
): Promise<Backup> {
  if (!isInitialised(config)) throw new ConfigError([`${config.data} holds no Countersign data`])
  if (config.databaseUrl) {
    throw new ConfigError([
      'the database is backed up by PostgreSQL: pg_dump, or its base backups and log; and the master key apart from it. After it was restored, "countersign restore"',
    ])
  }
  const file = resolve(to)
  if (existsSync(file)) throw new FileExists(`${to} exists already: nothing was written over it`)
  accessSync(dirname(file), constants.W_OK)
  const vault = openMaster(config, around)
  // The schema stays as it is: a backup is what one makes before an upgrade.
  const db = await openDatabase(config, around, { migrations: false })
  try {
    await vault.refresh(db)
    const madeAt = Math.floor(around.now() / 1000)
    const bytes = copyTo(databaseFile(config.data), file, madeAt, around)
    await db.transaction(async (session) => {
      await vault.refresh(session)
      await new CopyNotes(session).backedUp(madeAt)
      const entry = localEntry({
        command: 'backup',
        code: localCodes.BACKED_UP.code,
        uid,
        now: Math.floor(around.now() / 1000),
        target: basename(file),
        detail: { made_at: madeAt, bytes },
      })
      const audit = new Audit(session)
      await audit.append(sqliteNode, entry, await audit.head(sqliteNode), chainMacOf(vault))
    })
    return { madeAt, bytes }
  } catch (error) {
    throw error instanceof UnknownMasterKey ? new ConfigError([error.message]) : error
  } finally {
    await db.close()
  }
}

/** Under a name of its own until it is whole, checked and on disk; the number of bytes. */
function copyTo(from: string, file: string, madeAt: number, { onStep }: Steps): number {
  const partial = `${file}.${process.pid}.partial`
  rmSync(partial, { force: true })
  try {
    onStep(`copying ${mebibytes(statSync(from).size)}`)
    copyDatabase(from, partial)
    chmodSync(partial, 0o600)
    markCopy(partial, madeAt)
    onStep('checking every page of the copy')
    requireSound(partial)
    onStep('bringing it to disk')
    sync(partial)
    const { size } = statSync(partial)
    // Unlike a rename, a link writes over nothing.
    linkSync(partial, file)
    return size
  } catch (error) {
    throw isTaken(error) ? new FileExists(`${file} exists already: nothing was written over it`) : error
  } finally {
    for (const left of ['', '-journal', '-wal', '-shm']) rmSync(`${partial}${left}`, { force: true })
    if (existsSync(dirname(file))) syncFolder(dirname(file))
  }
}

const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EEXIST'
