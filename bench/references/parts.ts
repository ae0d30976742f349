import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'

/** What the references share: how they are started, the HMAC check, and the least that a durable command needs of SQLite. */
export interface Arguments {
  /** Writes run a command durably; reads check the HMAC and answer. */
  readonly mode: string
  readonly folder: string
  readonly users: number
}

export const apiKey = 'bench'
const secret = createSecretKey(readSecret(), 'utf8')

function readSecret(): string {
  const given = process.env.BENCH_SECRET
  if (given) return given
  throw new Error('BENCH_SECRET is missing: "npm run bench" starts this program')
}

export function readArguments(): Arguments {
  const [mode = '', folder = '', users = ''] = process.argv.slice(2)
  return { mode, folder, users: Number(users) }
}

const member = ',"signature":"'

/** The text of a body whose last member is the right signature. */
export function verified(body: Buffer): string | undefined {
  const text = body.toString('utf8')
  const cut = text.lastIndexOf(member)
  if (cut < 0) return undefined
  const mac = createHmac('sha256', secret)
    .update(`${text.slice(0, cut)}}`)
    .digest()
  const given = Buffer.from(text.slice(cut + member.length, -2), 'base64')
  return given.length === mac.length && timingSafeEqual(mac, given) ? text : undefined
}

/** Listens on a free port, says where, and ends with its parent. */
export function listen(server: Server): void {
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    process.stderr.write(`listening on http://127.0.0.1:${port}/control\n`)
  })
  process.once('SIGTERM', () => process.exit())
  process.once('disconnect', () => process.exit())
}

/** What a reference reads of a message. */
export interface Command {
  readonly cmd: string
  readonly id: string
  readonly timestamp: number
  readonly idempotency_key: string
}

/** A reply's body; `status` is what the load generator counts. */
export type Outcome = { readonly status: string; readonly result?: { readonly id: string; readonly enable: boolean } }

export const refused: Outcome = { status: 'failure' }
const full = 2

/** The gateway's own tables and settings of SQLite, and three statements a command. */
export class Store {
  private readonly database: Database.Database
  private readonly claim: Database.Statement
  private readonly toggle: Database.Statement
  private readonly audit: Database.Statement
  private seq = 0
  private checked = false

  constructor({ folder, users }: Arguments) {
    const database = new Database(join(folder, 'countersign.db'))
    for (const pragma of [
      'journal_mode = wal',
      'synchronous = full',
      'foreign_keys = on',
      'cache_size = -12288',
      'temp_store = memory',
      'wal_autocheckpoint = 65536',
    ]) {
      database.pragma(pragma)
    }
    const migrations = join(import.meta.dirname, '..', '..', '..', 'migrations')
    for (const name of readdirSync(migrations).sort()) database.exec(readFileSync(join(migrations, name), 'utf8'))
    database.exec(`insert into accounts (account, name, enable, version, created_at) values (1, 'bench', 1, 0, 0)`)
    const user = database.prepare(
      `insert into users (account, id, enable, type, comment, ip, expire, conlimit, created_at, updated_at)
       values (1, ?, 1, 3, 'bench', '', 0, 0, 0, 0)`,
    )
    database.transaction(() => {
      for (let i = 0; i < users; i++) user.run(`u${i}`)
    })()
    this.claim = database.prepare(
      `insert into claims (request_id, identity_digest, account, principal, command, timestamp, mac, params_mac, code, outcome, sealed, created_at)
       values (?, ?, 1, 'owner:bench', ?, ?, '', '', 3021, ?, 0, ?) on conflict do nothing`,
    )
    this.toggle = database.prepare(
      'update users set enable = 1 - enable, updated_at = ? where account = 1 and id = ? returning enable',
    )
    this.audit = database.prepare(
      `insert into audit (node, seq, at_ms, account, principal, key_id, address, dialect, command, target, code, dry_run, request_id, detail, hash)
       values ('bench', ?, ?, 1, 'owner:bench', '${apiKey}', '127.0.0.1', 'native', ?, ?, 3021, 0, ?, null, '')`,
    )
    this.database = database
  }

  /** Runs the commands in one transaction; once it returns they are on disk. */
  commit(commands: readonly Command[]): Outcome[] {
    this.database.exec('begin immediate')
    const outcomes = commands.map((command) => this.one(command))
    this.database.exec('commit')
    if (!this.checked && this.database.pragma('synchronous', { simple: true }) !== full) {
      throw new Error('synchronous is not FULL after a write')
    }
    this.checked = true
    return outcomes
  }

  private one({ cmd, id, timestamp, idempotency_key }: Command): Outcome {
    const now = Date.now()
    const seconds = Math.floor(now / 1000)
    const requestId = `${now.toString(36)}${++this.seq}`
    const row: unknown = this.toggle.get(seconds, id)
    if (typeof row !== 'object' || row === null || !('enable' in row)) return refused
    const result = { id, enable: row.enable === 1 }
    const claimed = this.claim.run(requestId, idempotency_key, cmd, timestamp, JSON.stringify(result), seconds)
    // The effect of a repeat would have to be taken back; the load never repeats, and a reference must not pay for it.
    if (claimed.changes !== 1) throw new Error('an idempotency key came twice')
    this.audit.run(this.seq, now, cmd, id, requestId)
    return { status: 'success', result }
  }
}
