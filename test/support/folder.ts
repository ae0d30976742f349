import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { commands } from '../../commands/index.js'
import { openVault, parseMasterKey } from '../../src/seal.js'
import { type AuditEntry, chained } from '../../src/store/audit.js'

/** A data folder as it lies on disk, read from beside the gateway. */
export interface Folder {
  rows<T>(sql: string, ...params: readonly (string | number)[]): T[]
  close(): void
}

export type AuditRow = AuditEntry & { readonly node: string; readonly seq: number; readonly hash: string }

const reads = new Set(commands.filter((command) => command.reads).map(({ name }) => name))

export function readFolder(folder: string): Folder {
  const database = new Database(join(folder, 'countersign.db'), { readonly: true })
  return {
    rows: <T>(sql: string, ...params: readonly (string | number)[]) => database.prepare(sql).all(...params) as T[],
    close: () => void database.close(),
  }
}

/**
 * What does not add up in a data folder: pages that SQLite doubts, audit rows whose chain, worked out again from the
 * master key, is broken, and claims without their audit row or the other way round, which only reads and refusals of the
 * gateway may be. Knows no voided keys; the rows of
 * a batch belong to its claim.
 */
export function faultsOf(folder: string): string[] {
  const file = readFolder(folder)
  try {
    const integrity = file.rows<{ integrity_check: string }>('pragma integrity_check').map((row) => row.integrity_check)
    const unpaired = file.rows<{ request_id: string; command: string }>(
      `select request_id, '' as command from claims c where not exists
         (select 1 from audit a where a.request_id = c.request_id and a.code = c.code and a.command = c.command)
       union all select request_id, command from audit a where dialect <> 'local' and dry_run = 0
         and code not between 1400 and 1599 and not exists
         (select 1 from claims c where c.request_id = a.request_id
            and ((a.code = c.code and a.command = c.command) or c.command = 'batch'))`,
    )
    return [
      ...integrity.filter((line) => line !== 'ok'),
      ...unpaired
        .filter(({ command }) => !reads.has(command))
        .map(({ request_id }) => `${request_id}: claim and audit row do not agree`),
      ...chainFaults(folder, file.rows<AuditRow>('select * from audit order by node, seq')),
    ]
  } finally {
    file.close()
  }
}

function chainFaults(folder: string, rows: readonly AuditRow[]): string[] {
  const masterKey = parseMasterKey(readFileSync(join(folder, 'master.key'), 'utf8'))
  if (!masterKey) throw new Error('the master key cannot be read')
  const key = openVault(masterKey, Buffer.alloc).derive('audit')
  const faults: string[] = []
  const heads = new Map<string, { seq: number; hash: string }>()
  for (const row of rows) {
    const head = heads.get(row.node) ?? { seq: 0, hash: '' }
    const text = chained(row.node, row.seq, row, head.hash)
    if (row.seq !== head.seq + 1) faults.push(`audit ${row.node} ${row.seq}: follows ${head.seq}`)
    if (row.hash !== createHmac('sha256', key).update(text).digest('hex')) {
      faults.push(`audit ${row.node} ${row.seq}: the hash is another`)
    }
    heads.set(row.node, row)
  }
  return faults
}
