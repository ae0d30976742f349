import { type AuditEntry, type ChainMac, chained, type Head } from './audit.js'
import type { Queries, Session, Value } from './db.js'
import { Meta } from './meta.js'

/** A row as it stands in the trail. */
export interface AuditRow extends AuditEntry {
  readonly node: string
  readonly seq: number
  readonly hash: string
}

export interface AuditFilter {
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly principal?: string | undefined
  readonly command?: string | undefined
  readonly result_code?: number | undefined
  readonly target?: string | undefined
}

/** What checking a chain found: how many rows held, and the first that did not. */
export interface Verdict {
  readonly rows: number
  readonly broken: { readonly node: string; readonly seq: number; readonly why: string } | undefined
  readonly head: Head
}

/** A head that was written down elsewhere; `mac` proves that this instance wrote it. */
export interface Checkpoint extends Head {
  readonly node: string
  readonly at: number
  readonly mac: string
}

const columns =
  'node, seq, at_ms, account, principal, key_id, address, dialect, command, target, code, dry_run, request_id, detail, hash'
const pageRows = 500

/** Reading the audit trail: listing, checking, exporting, cutting. */
export class AuditTrail {
  constructor(
    private readonly queries: Queries,
    private readonly mac: ChainMac,
  ) {}

  /** Rows of one account, newest first, below a sequence number. */
  list(
    account: number,
    filter: AuditFilter,
    before: number | undefined,
    limit: number,
  ): Promise<Omit<AuditRow, 'account' | 'node' | 'hash'>[]> {
    const given: [string, Value | undefined][] = [
      ['at_ms >=', filter.from === undefined ? undefined : filter.from * 1000],
      ['at_ms <', filter.to === undefined ? undefined : filter.to * 1000],
      ['principal =', filter.principal],
      ['command =', filter.command],
      ['code =', filter.result_code],
      ['target =', filter.target],
      ['seq <', before],
    ]
    const where = given.filter((pair): pair is [string, Value] => pair[1] !== undefined)
    const conditions = where.map(([condition], index) => ` and ${condition} $${index + 3}`).join('')
    return this.queries.all(
      `select seq, at_ms, principal, key_id, address, dialect, command, target, code, dry_run, request_id, detail
       from audit where account = $1${conditions} order by seq desc limit $2`,
      [account, limit, ...where.map(([, value]) => value)],
    )
  }

  /** Every row of every chain in order, a page at a time, so that nobody waits for the whole. */
  async *rows(): AsyncGenerator<AuditRow> {
    let node = ''
    let seq = 0
    for (;;) {
      const page = await this.queries.all<AuditRow>(
        `select ${columns} from audit where node > $1 or (node = $1 and seq > $2) order by node, seq limit $3`,
        [node, seq, pageRows],
      )
      yield* page
      const last = page.at(-1)
      if (!last || page.length < pageRows) return
      ;[node, seq] = [last.node, last.seq]
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Checks every chain from its beginning, or from the signed cut that retention left. */
  async verify(): Promise<Verdict> {
    return verifyRows(this.rows(), this.mac, (node) => this.cutOf(node))
  }

  /** The head of a chain, signed, to be kept where whoever can change the database cannot. `at` in Unix seconds. */
  async checkpoint(node: string, at: number): Promise<Checkpoint | undefined> {
    const head = await this.queries.get<Head>('select seq, hash from audit where node = $1 order by seq desc limit 1', [
      node,
    ])
    return head && { node, seq: head.seq, hash: head.hash, at, mac: this.mac(checkpointText({ node, ...head, at })) }
  }

  /** Why a checkpoint does not agree with the trail; undefined when it does. A tail that was cut off is found only so. */
  async disagrees(checkpoint: Checkpoint): Promise<string | undefined> {
    const { node, seq, hash } = checkpoint
    if (this.mac(checkpointText(checkpoint)) !== checkpoint.mac)
      return 'the checkpoint was not written by this instance'
    const row = await this.queries.get<Head>('select seq, hash from audit where node = $1 and seq = $2', [node, seq])
    if (row) return row.hash === hash ? undefined : `row ${seq} is not the one that the checkpoint saw`
    const cut = await this.cutOf(node)
    return cut && cut.seq >= seq ? undefined : `row ${seq}, which the checkpoint saw, is missing: the tail was cut off`
  }

  /** Removes rows before a moment (Unix milliseconds), leaving a signed cut for `verify` to start from; how many. */
  async cut(session: Session, node: string, beforeMs: number): Promise<number> {
    const last = await session.get<Head>(
      'select seq, hash from audit where node = $1 and at_ms < $2 order by seq desc limit 1',
      [node, beforeMs],
    )
    if (!last) return 0
    const { seq, hash } = last
    const signed = { seq, hash, mac: this.mac(cutText(node, last)) }
    await new Meta(session).set(`audit_cut:${node}`, JSON.stringify(signed))
    return session.run('delete from audit where node = $1 and seq <= $2', [node, seq])
  }

  /** Where a chain begins: after the cut, if it is signed; else at nothing. */
  async cutOf(node: string): Promise<Head | undefined> {
    const text = await new Meta(this.queries).get(`audit_cut:${node}`)
    if (text === undefined) return undefined
    const { seq, hash, mac } = JSON.parse(text)
    return this.mac(cutText(node, { seq, hash })) === mac ? { seq, hash } : undefined
  }
}

const checkpointText = ({ node, seq, hash, at }: Omit<Checkpoint, 'mac'>) =>
  JSON.stringify(['checkpoint', node, seq, hash, at])
const cutText = (node: string, { seq, hash }: Head) => JSON.stringify(['cut', node, seq, hash])

/** Checks rows in the order of their chains. `cutOf` says where a chain begins when not at its first row. */
export async function verifyRows(
  rows: AsyncIterable<AuditRow> | Iterable<AuditRow>,
  mac: ChainMac,
  cutOf: (node: string) => Promise<Head | undefined>,
): Promise<Verdict> {
  let node: string | undefined
  let head: Head = { seq: 0, hash: '' }
  let count = 0
  for await (const row of rows) {
    if (row.node !== node) {
      node = row.node
      head = (await cutOf(node)) ?? { seq: 0, hash: '' }
    }
    const why = fault(row, head, mac)
    if (why !== undefined) return { rows: count, broken: { node, seq: row.seq, why }, head }
    head = { seq: row.seq, hash: row.hash }
    count++
  }
  return { rows: count, broken: undefined, head }
}

function fault(row: AuditRow, head: Head, mac: ChainMac): string | undefined {
  if (row.seq !== head.seq + 1) return `row ${head.seq + 1} is missing`
  return mac(chained(row.node, row.seq, row, head.hash)) === row.hash
    ? undefined
    : 'the row was changed, or one before it'
}
