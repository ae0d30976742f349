import type { Queries, Value } from './db.js'
import { Inserts } from './inserts.js'
import { Rising } from './rising.js'

/** One row of the audit trail before it joins its chain. */
export interface AuditEntry {
  readonly at_ms: number
  readonly account: number
  readonly principal: string
  readonly key_id: string | null
  readonly address: string
  readonly dialect: string
  readonly command: string
  readonly target: string | null
  readonly code: number
  readonly dry_run: number
  readonly request_id: string
  readonly detail: string | null
}

export interface Head {
  readonly seq: number
  readonly hash: string
}

/** Names the one chain of a SQLite file. */
export const sqliteNode = 'sqlite'

/** MAC of a text under the audit key, in hex: nobody without the master key can make a chain that holds. */
export interface ChainMac {
  (text: string): string
  /** The MAC that was in use before the master key was changed, from its key as a seam keeps it: sealed. Throws when it was altered. */
  readonly before?: (sealedKey: string) => ChainMac
}

/** The audit trail: rows of one node form a chain, each hash covering the row and the hash before it. */
export class Audit {
  constructor(private readonly queries: Queries) {}

  async head(node: string): Promise<Head> {
    const row = await this.queries.get<Head>('select seq, hash from audit where node = $1 order by seq desc limit 1', [
      node,
    ])
    return row ?? { seq: 0, hash: '' }
  }

  append(node: string, entry: AuditEntry, head: Head, mac: ChainMac): Promise<Head> {
    return this.appendAll(node, [entry], head, mac)
  }

  /** The rows travel together: each hash is known before the row is written. */
  async appendAll(node: string, entries: readonly AuditEntry[], head: Head, mac: ChainMac): Promise<Head> {
    let next = head
    const rows = entries.map((entry) => {
      const seq = next.seq + 1
      const hash = mac(chainedFast(node, seq, entry, next.hash))
      next = { seq, hash }
      return columnsOf(node, seq, entry, hash)
    })
    const writing = Array.from(inserts.of(rows), ({ sql, params }) => this.queries.run(sql, params))
    await Promise.all(writing)
    return next
  }
}

const columns =
  'node, seq, at_ms, account, principal, key_id, address, dialect, command, target, code, dry_run, request_id, detail, hash'
const inserts = new Inserts('audit', columns.split(', '))

/** What {@link chained} gives, for a row that was made here: neither its hash nor its request id has anything to escape. */
function chainedFast(node: string, seq: number, entry: AuditEntry, previous: string): string {
  const { account, principal, key_id, address, dialect, command, code, dry_run } = entry
  const last = spelled
  if (
    command !== last.command ||
    code !== last.code ||
    dry_run !== last.dry_run ||
    key_id !== last.key_id ||
    principal !== last.principal ||
    account !== last.account ||
    address !== last.address ||
    dialect !== last.dialect ||
    node !== last.node
  ) {
    // Its values and not the entry: whoever made that may fill it with others.
    spelled = {
      account,
      principal,
      key_id,
      address,
      dialect,
      command,
      code,
      dry_run,
      node,
      first: `",${JSON.stringify(node)},`,
      second: `,${JSON.stringify([account, principal, key_id, address, dialect, command]).slice(1, -1)},`,
      third: `,${code},${dry_run},"`,
    }
  }
  const { first, second, third } = spelled
  const target = entry.target === null ? 'null' : JSON.stringify(entry.target)
  const detail = entry.detail === null ? 'null' : JSON.stringify(entry.detail)
  return `["${previous}${first}${seqs.spell(seq)},${moments.spell(entry.at_ms)}${second}${target}${third}${entry.request_id}",${detail}]`
}

interface Spelled extends Partial<AuditEntry> {
  readonly node: string | undefined
  readonly first: string
  readonly second: string
  readonly third: string
}

/** What rows of a batch, and of a caller who asks one thing many times, have in common: the node, from the account to the command, and the code. */
let spelled: Spelled = { node: undefined, first: '', second: '', third: '' }

const seqs = new Rising()
const moments = new Rising()

const columnsOf = (node: string, seq: number, entry: AuditEntry, hash: string): Value[] => [
  node,
  seq,
  entry.at_ms,
  entry.account,
  entry.principal,
  entry.key_id,
  entry.address,
  entry.dialect,
  entry.command,
  entry.target,
  entry.code,
  entry.dry_run,
  entry.request_id,
  entry.detail,
  hash,
]

/** The text whose MAC is a row's hash: a JSON array of the hash before it and every column. */
export const chained = (node: string, seq: number, entry: AuditEntry, previous: string): string =>
  JSON.stringify([previous, ...columnsOf(node, seq, entry, '').slice(0, -1)])
