import type { ChainMac, Head } from './audit.js'
import {
  type AuditRow,
  earlierMacs,
  isSignedCut,
  type Seam,
  type SignedHead,
  type Verdict,
  verifyChain,
} from './audit-chain.js'
import { type ChainHead, type Checkpoint, isSignedCheckpoint, signCheckpoint } from './audit-checkpoint.js'
import { chainHeads } from './audit-heads.js'
import type { Queries, Value } from './db.js'
import { ownPace, type Pace } from './pace.js'

export interface AuditFilter {
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly principal?: string | undefined
  readonly command?: string | undefined
  readonly result_code?: number | undefined
  readonly target?: string | undefined
}

type Listed = Omit<AuditRow, 'account' | 'hash'>

/** Where a row stands among those of all nodes: by its time. */
export type Place = Pick<AuditRow, 'at_ms' | 'node' | 'seq'>

/** Before every row. */
const first: Place = { at_ms: Number.MIN_SAFE_INTEGER, node: '', seq: 0 }

const columns =
  'node, seq, at_ms, account, principal, key_id, address, dialect, command, target, code, dry_run, request_id, detail, hash'
const pageRows = 500
/** Rows that one query of `list` looks at; a filter that fits nothing must not hold everybody up. */
const lookedAt = 1_000
const maxLooks = 200

/** Reading the audit trail: listing, checking, exporting. */
export class AuditTrail {
  constructor(
    private readonly queries: Queries,
    private readonly mac: ChainMac,
    /** The checkpoints that `verify` checks against where it is given none. */
    private readonly kept: () => readonly Checkpoint[] = () => [],
    private readonly pace: Pace = ownPace(),
  ) {}

  /** True inside a transaction: nobody else can write meanwhile, and nothing may be awaited but the store. */
  get hurried(): boolean {
    return !('transaction' in this.queries)
  }

  /**
   * Rows of one account, newest first, before a place. `next` is where to go on, undefined at the end; a page may
   * hold fewer rows than asked for, even none, when many were looked at in vain.
   */
  async list(
    account: number,
    filter: AuditFilter,
    before: Place,
    limit: number,
  ): Promise<{ rows: Listed[]; next: Place | undefined }> {
    const rows: Listed[] = []
    let end = before
    for (let looks = 0; looks < (this.hurried ? 1 : maxLooks); looks++) {
      const start = await this.startOf(account, end)
      const found = await this.between(account, filter, start ?? first, end, limit - rows.length)
      rows.push(...found)
      const last = found.at(-1)
      if (last && rows.length === limit) return { rows, next: last }
      if (!start) return { rows, next: undefined }
      end = start
      if (this.pace.isDue(lookedAt / 10)) await this.pace.rest()
    }
    return { rows, next: end }
  }

  /** The place of the last of the rows that one query looks at before `end`; undefined when they are all of them. */
  private startOf(account: number, end: Place): Promise<Place | undefined> {
    return this.queries.get<Place>(
      `select at_ms, node, seq from audit where account = $1 and (at_ms, node, seq) < ($2, $3, $4)
       order by at_ms desc, node desc, seq desc limit 1 offset $5`,
      [account, end.at_ms, end.node, end.seq, lookedAt - 1],
    )
  }

  private between(account: number, filter: AuditFilter, start: Place, end: Place, limit: number): Promise<Listed[]> {
    const given: [string, Value | undefined][] = [
      ['at_ms >=', filter.from === undefined ? undefined : filter.from * 1000],
      ['at_ms <', filter.to === undefined ? undefined : filter.to * 1000],
      ['principal =', filter.principal],
      ['command =', filter.command],
      ['code =', filter.result_code],
      ['target =', filter.target],
    ]
    const where = given.filter((pair): pair is [string, Value] => pair[1] !== undefined)
    const conditions = where.map(([condition], index) => ` and ${condition} $${index + 9}`).join('')
    return this.queries.all(
      `select node, seq, at_ms, principal, key_id, address, dialect, command, target, code, dry_run, request_id, detail
       from audit where account = $1 and (at_ms, node, seq) >= ($2, $3, $4) and (at_ms, node, seq) < ($5, $6, $7)${conditions}
       order by at_ms desc, node desc, seq desc limit $8`,
      [
        account,
        start.at_ms,
        start.node,
        start.seq,
        end.at_ms,
        end.node,
        end.seq,
        limit,
        ...where.map(([, value]) => value),
      ],
    )
  }

  /** Every row of every chain in order, a page at a time, so that nobody waits for the whole. */
  async *rows(): AsyncGenerator<AuditRow> {
    let node = ''
    let seq = 0
    for (;;) {
      const { rows, more } = await this.queries.piece<AuditRow>(
        `select ${columns} from audit where (node, seq) > ($1, $2) order by node, seq`,
        [node, seq],
        pageRows,
      )
      for (const row of rows) {
        yield row
        if (!this.hurried && this.pace.isDue()) await this.pace.rest()
      }
      const last = rows.at(-1)
      if (!more || !last) return
      ;[node, seq] = [last.node, last.seq]
    }
  }

  /** Where the chains begin when retention removed what was before; as it is kept, the signature not yet looked at. */
  async cuts(): Promise<SignedHead[]> {
    const rows = await this.queries.all<{ name: string; value: string }>(
      `select name, value from meta where name >= 'audit_cut:' and name < 'audit_cut;' order by name`,
    )
    return rows.map(({ name, value }) => readHead(name.slice('audit_cut:'.length), value))
  }

  /** Where the chains went over to another master key; as it is kept, the signature not yet looked at. */
  async seams(): Promise<Seam[]> {
    const rows = await this.queries.all<{ name: string; value: string }>(
      `select name, value from meta where name >= 'audit_seam:' and name < 'audit_seam;' order by name`,
    )
    return rows.map(({ name, value }) => readHead(name.slice('audit_seam:'.length, name.lastIndexOf(':')), value))
  }

  /** Checks every chain from its beginning, or from the signed cut that retention left, against checkpoints. */
  async verify(checkpoints = this.kept(), onRow?: (rows: number) => void): Promise<Verdict> {
    for (let attempts = 1; ; attempts++) {
      const cuts = await this.cuts()
      const seams = await this.seams()
      const verdict = await verifyChain(this.rows(), { cuts, seams, checkpoints }, this.mac, onRow)
      // A cut that was made meanwhile looks like missing rows, another master key like other hashes.
      const same = JSON.stringify([cuts, seams]) === JSON.stringify([await this.cuts(), await this.seams()])
      if (!verdict.broken || same || attempts === 3) return verdict
    }
  }

  /** The last row of every chain. */
  heads(): Promise<ChainHead[]> {
    return chainHeads(this.queries)
  }

  /** Signs heads, to be kept where a person who can change the database cannot change them. `at` in Unix seconds. */
  sign(heads: readonly ChainHead[], at: number): Checkpoint {
    return signCheckpoint(heads, at, this.mac)
  }

  /** Why a checkpoint does not agree with the trail, without checking the whole; undefined when it does. */
  async disagrees(checkpoint: Checkpoint): Promise<string | undefined> {
    const macs = [this.mac, ...earlierMacs(await this.seams(), this.mac).map(({ mac }) => mac)]
    if (!macs.some((mac) => isSignedCheckpoint(checkpoint, mac))) return 'it is not one that this instance signed'
    for (const head of checkpoint.heads) {
      const why = await this.missing(head)
      if (why !== undefined) return why
    }
    return undefined
  }

  private async missing({ node, seq, hash }: ChainHead): Promise<string | undefined> {
    const row = await this.queries.get<Head>('select seq, hash from audit where node = $1 and seq = $2', [node, seq])
    if (row) return row.hash === hash ? undefined : `row ${seq} of chain ${node} is not the one that it saw`
    const cut = (await this.cuts()).find((one) => one.node === node && isSignedCut(one, this.mac))
    if (cut && cut.seq >= seq) return undefined
    return `row ${seq} of chain ${node}, which it saw, is missing: the tail was cut off`
  }
}

/** A record that cannot be read is one that nobody signed. */
function readHead(node: string, text: string): Seam {
  try {
    const { seq, hash, at, key, mac } = JSON.parse(text)
    return { node, seq: Number(seq), hash: String(hash), at: Number(at), key: String(key), mac: String(mac) }
  } catch {
    return { node, seq: 0, hash: '', at: 0, key: '', mac: '' }
  }
}
