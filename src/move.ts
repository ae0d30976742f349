import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { chainMacOf } from './checkpoint.js'
import { type Config, ConfigError } from './config.js'
import { openMaster } from './data.js'
import { lockFile } from './folder.js'
import type { Surroundings } from './instance.js'
import { UnknownMasterKey } from './keyring.js'
import { AuditTrail } from './store/audit-trail.js'
import { copyRows, copyState, differences } from './store/copy-rows.js'
import type { Db } from './store/db.js'
import { takeAlone } from './store/folder-lock.js'
import { Meta } from './store/meta.js'
import { lastMigration, migrate } from './store/migrate.js'
import { openSqlite } from './store/sqlite.js'

export interface MoveOptions {
  /** `sqlite:PATH`. */
  readonly from: string
  /** `postgres://…`. */
  readonly to: string
  readonly onRows: (rows: number, of: number) => void
}

export interface Moved {
  /** Rows that were copied; 0 when that was done before. */
  readonly rows: number
  /** Rows of the audit trail whose chains were checked in the copy. */
  readonly verified: number
}

type Around = Pick<Surroundings, 'now' | 'randomBytes' | 'migrations'>

/**
 * Copies the instance of a SQLite file, whose gateway is stopped, into a PostgreSQL database, and checks the copy: as many
 * rows of everything, and audit chains that hold and end where they ended. Safe to run again, also when it was cut short.
 */
export async function move(config: Config, around: Around, { from, to, onRows }: MoveOptions): Promise<Moved> {
  const file = resolve(pathOf(from))
  if (!existsSync(file)) throw new ConfigError([`${file}: there is no such file`])
  const lock = takeAlone(lockFile(dirname(file)))
  const source = openSqlite(file)
  const { openPostgres } = await import('./store/postgres.js')
  const target = openPostgres(to, { patient: true })
  try {
    await migrate(target, around.migrations, Math.floor(around.now() / 1000))
    await requireSameSchema(source, target)
    const vault = openMaster({ ...config, data: dirname(file) }, around)
    await vault.refresh(source)
    const rows = await fill(source, target, onRows)
    await vault.refresh(target)
    return { rows, verified: await verified(source, target, rows > 0, chainMacOf(vault)) }
  } catch (error) {
    throw error instanceof UnknownMasterKey ? new ConfigError([error.message]) : error
  } finally {
    await Promise.all([source.close(), target.close()])
    lock.release()
  }
}

function pathOf(from: string): string {
  const [, path] = /^sqlite:(.+)$/.exec(from) ?? []
  if (path === undefined) throw new ConfigError(['--from: expected sqlite:PATH, such as sqlite:data/countersign.db'])
  return path
}

async function requireSameSchema(source: Db, target: Db): Promise<void> {
  const [there, here] = [await lastMigration(source), await lastMigration(target)]
  if (there === here) return
  throw new ConfigError([
    `the schema of the file is ${there}, that of this version ${here}: "countersign migrate --finish" first`,
  ])
}

/** The number of rows copied; 0 when the target holds the copy already, and may have gone on since. */
async function fill(source: Db, target: Db, onRows: MoveOptions['onRows']): Promise<number> {
  const state = await copyState(target)
  const [there, here] = [await new Meta(source).get('master_key'), await new Meta(target).get('master_key')]
  if (there === undefined) throw new ConfigError(['the file holds no instance of Countersign'])
  if (state === 'copied' && there === here) return 0
  if (state !== 'copying' && here !== undefined) {
    throw new ConfigError(['the PostgreSQL database holds an instance of its own: give an empty one'])
  }
  return copyRows(source, target, onRows)
}

/** Throws what is wrong with the copy. One that is in use may have more rows; what was copied must still be there. */
async function verified(source: Db, target: Db, fresh: boolean, mac: ReturnType<typeof chainMacOf>): Promise<number> {
  const faults = fresh ? await differences(source, target) : []
  const before = await new AuditTrail(source, mac).verify()
  const after = await new AuditTrail(target, mac).verify()
  for (const { broken } of [before, after]) if (broken) faults.push(`audit chain ${broken.node}: ${broken.why}`)
  for (const [node, head] of before.heads) {
    const copy = after.heads.get(node)
    if (fresh && copy?.hash !== head.hash) faults.push(`audit chain ${node} does not end where it ended`)
  }
  if (faults.length > 0) throw new Error(`the copy is not whole: ${faults.join('; ')}`)
  return after.rows
}
