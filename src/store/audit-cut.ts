import { Audit, type AuditEntry, type ChainMac, type Head } from './audit.js'
import { type SignedHead, signCut } from './audit-chain.js'
import { chainHeads } from './audit-heads.js'
import type { Db, Session } from './db.js'
import { instanceShared } from './locked-names.js'
import { Meta } from './meta.js'

export interface CutOptions {
  /** Whose chain the row that says so joins. */
  readonly node: string
  readonly mac: ChainMac
  /** Rows before it may go, Unix milliseconds. */
  readonly beforeMs: number
  /** Unix seconds. */
  readonly now: number
  /** The row that says who cut, given the number of the last row that goes, and its chain. */
  readonly entry: (upTo: number, chain: string) => AuditEntry
  readonly onRows: (rows: number) => void
  /** Looks again, inside each transaction, at the key that is in force: it may be changed meanwhile. */
  readonly settle: (session: Session) => Promise<void>
}

const rowsAtOnce = 1_000
/** Rows that one query looks through. */
const lookedAt = 20_000

/**
 * Removes the rows before a moment, leaving a signed cut for `verify` to begin at; how many. A thousand rows a
 * transaction, so that a running server hardly waits. Whoever calls it has verified the trail: what goes cannot be checked again.
 */
export async function cutTrail(db: Db, options: CutOptions): Promise<number> {
  let removed = 0
  for (const { node: chain } of await chainHeads(db)) removed += await cutChain(db, chain, removed, options)
  if (removed > 0) await cutRefusals(db, Math.floor(options.beforeMs / 60_000))
  return removed
}

async function cutChain(db: Db, chain: string, before: number, options: CutOptions): Promise<number> {
  const { node, beforeMs, now, mac, entry, onRows, settle } = options
  const upTo = await lastBefore(db, chain, beforeMs)
  if (upTo === 0) return 0
  let removed = 0
  for (let piece = rowsAtOnce; piece === rowsAtOnce; ) {
    piece = await db.transaction(async (session) => {
      await session.lock(instanceShared)
      await settle(session)
      if (removed === 0) {
        const audit = new Audit(session)
        await audit.append(node, entry(upTo, chain), await audit.head(node), mac)
      }
      return removePiece(session, chain, upTo, (head) => signCut({ node: chain, ...head, at: now }, mac))
    })
    removed += piece
    onRows(before + removed)
  }
  return removed
}

/** Rows stand in the order of their writing, which a clock that was set may contradict: the first one that is young enough stays, and all after it. */
async function lastBefore(db: Db, node: string, beforeMs: number): Promise<number> {
  const head = await new Audit(db).head(node)
  const first = await db.get<Head>('select seq, hash from audit where node = $1 order by seq limit 1', [node])
  if (!first) return 0
  let from = first.seq
  // The head stays: the next row takes its number and hash from it.
  while (from < head.seq) {
    const to = Math.min(from + lookedAt, head.seq)
    const young = await db.get<{ seq: number }>(
      'select seq from audit where node = $1 and seq >= $2 and seq < $3 and at_ms >= $4 order by seq limit 1',
      [node, from, to, beforeMs],
    )
    from = young?.seq ?? to
    if (young) break
  }
  return from > first.seq ? from - 1 : 0
}

async function removePiece(
  session: Session,
  node: string,
  upTo: number,
  sign: (head: Head) => SignedHead,
): Promise<number> {
  const rows = await session.all<Head>(
    'select seq, hash from audit where node = $1 and seq <= $2 order by seq limit $3',
    [node, upTo, rowsAtOnce],
  )
  const last = rows.at(-1)
  if (!last) return 0
  await new Meta(session).set(`audit_cut:${node}`, JSON.stringify(sign(last)))
  return session.run('delete from audit where node = $1 and seq <= $2', [node, last.seq])
}

type RefusalKey = { readonly minute: number; readonly key_id: string; readonly code: number }

/** Removes what was counted before a minute. */
async function cutRefusals(db: Db, minute: number): Promise<void> {
  const key = 'minute, key_id, code'
  const oldest = `select ${key} from refusals where minute < $1 order by ${key} limit $2`
  for (let piece = rowsAtOnce; piece === rowsAtOnce; ) {
    piece = await db.transaction(async (session) => {
      const rows = await session.all<RefusalKey>(oldest, [minute, rowsAtOnce])
      const last = rows.at(-1)
      if (!last) return 0
      const until = [last.minute, last.key_id, last.code]
      await session.run(`delete from refusals where (${key}) <= ($1, $2, $3)`, until)
      return rows.length
    })
  }
}
