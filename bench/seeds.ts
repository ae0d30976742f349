import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { openVault, parseMasterKey, type Vault } from '../src/seal.js'
import { type KeyColumns, secretBinding, type UserColumns, userText } from '../src/store/bindings.js'
import { digestOf } from '../src/store/digest.js'
import { claimsPerPartition } from '../src/store/partitions.js'
import { gateway, start } from './contenders.js'
import { createUsers, target, toggles } from './durability.js'
import type { Load } from './load.js'
import { newFolder } from './processes.js'
import type { Signer } from './requests.js'

/** How much is in a data folder before anything is measured. */
export interface Size {
  readonly claims: number
  readonly users: number
  readonly keys: number
}

export const small: Size = { claims: 0, users: 1_000, keys: 1 }

/** A data folder that a gateway made, with as many rows as asked for; each is a copy of one that the gateway wrote, with values of its own. */
export async function seeded(size: Size, load: Load): Promise<string> {
  const folder = newFolder()
  const running = await start(gateway, 'writes', { folder })
  await createUsers(running, load, small.users)
  await load.perform({ ...target(running), ...toggles(small.users), connections: 1, seconds: 10, requests: 1 })
  await running.stop()
  const database = new Database(running.database)
  // The file is made now and may be lost; what matters is that it is there soon.
  for (const pragma of ['journal_mode = off', 'synchronous = off', 'cache_size = -4000000']) database.pragma(pragma)
  const steps = [
    addClaims,
    (file: Database.Database) => addUsers(file, size, folder),
    (file: Database.Database) => addKeys(file, size, folder, running.secret),
  ]
  for (const add of steps) database.transaction(() => add(database, size))()
  database.pragma('synchronous = full')
  database.pragma('journal_mode = wal')
  database.exec(`insert into meta (name, value) values ('seeded', 'now')`)
  database.close()
  return folder
}

type Row = Record<string, unknown>

/** A row that the gateway wrote, and a statement that inserts one like it. */
function template(database: Database.Database, table: string, last: string): [row: Row, insert: (row: Row) => void] {
  const row = database.prepare<[], Row>(`select * from ${table} order by ${last} desc limit 1`).get()
  if (!row) throw new Error(`there is no row of ${table}`)
  const columns = Object.keys(row)
  const sql = `insert into ${table} (${columns.join(', ')}) values (${columns.map((column) => `@${column}`).join(', ')})`
  const statement = database.prepare(sql)
  return [row, (values) => void statement.run(values)]
}

const hex = (bytes: number): string => randomBytes(bytes).toString('hex')
/** Twelve hours, so that none of them is old enough to be forgotten while it is measured. */
const age = 43_200_000

/** Claims with their outcomes, and the audit rows that were written with them. */
function addClaims(database: Database.Database, { claims }: Size): void {
  const [claim, addClaim] = template(database, 'claims', 'request_id')
  const [row, addRow] = template(database, 'audit', 'seq')
  const name = String(claim.request_id).slice(9)
  const first = Date.now() - age
  let seq = Number(row.seq)
  for (let n = 0; n < claims; n++) {
    const at = Math.floor(first + (age * n) / claims)
    const seconds = Math.floor(at / 1000)
    const request_id = at.toString(36).padStart(9, '0') + n.toString(36).padStart(name.length, '0')
    const moments = { timestamp: seconds, created_at: seconds }
    const macs = { mac: hex(String(claim.mac).length / 2), params_mac: randomBytes(32).toString('base64') }
    const part = Math.floor(n / claimsPerPartition)
    addClaim({ ...claim, ...moments, ...macs, request_id, identity_digest: digestOf(randomUUID()), part })
    addRow({ ...row, seq: ++seq, at_ms: at, request_id, target: `u${n % small.users}`, hash: hex(32) })
  }
  const newest = Math.floor(Math.max(0, claims - 1) / claimsPerPartition)
  database.prepare(`insert into meta (name, value) values ('partition', ?)`).run(String(newest))
}

function addUsers(database: Database.Database, { users }: Size, folder: string): void {
  const vault = vaultOf(folder)
  const [user, add] = template(database, 'users', 'id')
  for (let n = small.users; n < users; n++) {
    const row = { ...user, id: `u${n}` }
    add({ ...row, tag: vault.tag(userText(row as unknown as UserColumns)) })
  }
}

function vaultOf(folder: string): Vault {
  const master = parseMasterKey(readFileSync(join(folder, 'master.key'), 'utf8'))
  if (!master) throw new Error('the master key cannot be read')
  return openVault(master, randomBytes)
}

/** Keys that sign: each sealed as the gateway seals its own. */
function addKeys(database: Database.Database, { keys }: Size, folder: string, base: string): void {
  const vault = vaultOf(folder)
  const [key, add] = template(database, 'keys', 'key_id')
  const signer = signers(base)
  for (let n = 0; n < keys; n++) {
    const { apiKey, secret } = signer(n)
    const row = { ...key, key_id: apiKey, lineage: apiKey }
    add({ ...row, secret: vault.seal(secret, secretBinding(row as unknown as KeyColumns)) })
  }
}

/** The nth key of a seeded folder: made from the secret of its first one, so that nobody has to keep them. */
export const signers = (base: string) => {
  const made = (text: string) => createHmac('sha256', base).update(text).digest('base64url')
  return (n: number): Signer => ({ apiKey: `ck_${made(`id ${n}`).slice(0, 22)}`, secret: made(`secret ${n}`) })
}
