import { Audit, type AuditEntry, type ChainMac, type Head } from './audit.js'
import type { Queries } from './db.js'
import { type HeldUse, KeyUses, type Use } from './key-uses.js'
import { SeenMacs } from './seen-macs.js'

/** A row that waits, and is filled again when it was written. */
type Row = { -readonly [Column in keyof AuditEntry]: AuditEntry[Column] }

interface Count {
  readonly keyId: string
  readonly account: number
  readonly code: number
  readonly minute: number
  count: number
}

/** What a transaction took over from the notes. */
export interface Written {
  readonly head: Head
  /** To be called once the transaction is committed. */
  readonly written: () => void
}

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : 1
const byKeyId = (one: Use, other: Use): number => (one.keyId < other.keyId ? -1 : 1)

const idOf = ({ minute, code, keyId }: Pick<Count, 'minute' | 'code' | 'keyId'>): string => `${minute} ${code} ${keyId}`

/**
 * Rows that are written before others have their turn, or end a transaction: some three milliseconds. With fewer a transaction lasts
 * for many turns where much is read, and what is read beside it comes from a connection that keeps next to no pages.
 */
const rowsAtOnce = 1_000
/** Rows of a transaction that gives way to others: a commit stops everybody for as long as the disk takes. */
const rowsInTurns = 10_000
/** From here on rows may come faster than they are written in turns. */
const manyRows = 15_000
const maxRows = 20_000
const maxCounts = 50_000
/** Rows that are kept to be filled again. */
const maxSpare = 2 * rowsAtOnce

/**
 * What is written down without anybody waiting for it: audit rows of reads and refusals, counts of what one captured
 * message could repeat, and the last use of each key. It is written with the next batch, or about a second later.
 */
export class Notes {
  private rows: Row[] = []
  /** Were written, and are filled again: rows wait until the collector has passed twice, and it would move each new one to the old generation. */
  private readonly spare: Row[] = []
  private readonly counts = new Map<string, Count>()
  private readonly uses = new KeyUses()
  private readonly macs = new SeenMacs()

  /** `onMany` is called when so many rows wait that they should not wait for the next second. */
  constructor(private readonly onMany: () => void = () => undefined) {}

  /** More waits than one transaction takes. */
  get many(): boolean {
    return this.rows.length >= rowsAtOnce || this.uses.many
  }

  /** Whether there is something to write at `now` (Unix seconds); `all`: the uses of keys too. */
  due(now: number, all = false): boolean {
    return this.rows.length > 0 || this.counts.size > 0 || this.uses.isDue(now, all)
  }

  /**
   * A row the first time that a message is seen, a count afterwards: one captured message cannot fill the disk. `mac` in hex;
   * undefined for what was not signed.
   */
  row(entry: AuditEntry, mac: string | undefined): void {
    const repeated = mac !== undefined && this.macs.seen(mac)
    if (repeated || this.rows.length >= maxRows) this.count(entry.key_id ?? '', entry.account, entry.code, entry.at_ms)
    else {
      this.rows.push(this.copied(entry))
      if (this.rows.length % rowsAtOnce === 0) this.onMany()
    }
  }

  private copied(entry: AuditEntry): Row {
    const row = this.spare.pop()
    if (!row) return { ...entry }
    row.at_ms = entry.at_ms
    row.account = entry.account
    row.principal = entry.principal
    row.key_id = entry.key_id
    row.address = entry.address
    row.dialect = entry.dialect
    row.command = entry.command
    row.target = entry.target
    row.code = entry.code
    row.dry_run = entry.dry_run
    row.request_id = entry.request_id
    row.detail = entry.detail
    return row
  }

  count(keyId: string, account: number, code: number, atMs: number): void {
    const minute = Math.floor(atMs / 60_000)
    const id = idOf({ minute, code, keyId })
    const counted = this.counts.get(id)
    if (counted) counted.count++
    else if (this.counts.size < maxCounts) this.counts.set(id, { keyId, account, code, minute, count: 1 })
  }

  /** `at` in Unix seconds; `known` is what the use before gave. */
  used(keyId: string, at: number, address: string, known?: HeldUse): HeldUse {
    return this.uses.used(keyId, at, address, known)
  }

  /**
   * Writes what is noted in the transaction of `queries`, at most a thousand rows, the use of each key only once a minute
   * or when `all` is asked for. Call `written` once it is committed, and before the next `write`. `now` in Unix seconds.
   * With `others` it writes up to ten thousand rows, and calls it after each thousand: others have their turn, and false ends it.
   */
  async write(
    queries: Queries,
    node: string,
    head: Head,
    mac: ChainMac,
    now: number,
    { all = false, others }: { readonly all?: boolean; readonly others?: () => Promise<boolean> } = {},
  ): Promise<Written> {
    // Gateways that share a database write these rows in one order, or they could wait for each other.
    const counts = [...this.counts].sort(byName).map(([, counted]) => ({ ...counted, counted }))
    const uses = this.uses.take(now, all).sort(byKeyId)
    const audit = new Audit(queries)
    let next = head
    let done = 0
    do {
      const rows = this.rows.slice(done, done + rowsAtOnce)
      next = await audit.appendAll(node, rows, next, mac)
      done += rows.length
    } while (others && done < rowsInTurns && this.rows.length >= done + rowsAtOnce && (await this.next(others)))
    for (const { keyId, account, code, minute, count } of counts) {
      await queries.run(
        `insert into refusals (key_id, code, minute, account, count) values ($1, $2, $3, $4, $5)
         on conflict (minute, key_id, code) do update set count = refusals.count + excluded.count`,
        [keyId, code, minute, account, count],
      )
    }
    for (const { keyId, at, address } of uses) {
      await queries.run(
        `insert into key_use (key_id, last_used_at, last_address) values ($1, $2, $3)
         on conflict (key_id) do update set last_used_at = excluded.last_used_at, last_address = excluded.last_address`,
        [keyId, at, address],
      )
    }
    return {
      head: next,
      written: () => {
        this.spare.push(...this.rows.slice(0, Math.min(done, maxSpare - this.spare.length)))
        this.rows = this.rows.slice(done)
        for (const { counted, count } of counts) this.subtract(counted, count)
        this.uses.wrote(uses, now)
      },
    }
  }

  /** Whether the next rows belong to the same transaction; while very many wait nobody else has a turn. */
  private async next(others: () => Promise<boolean>): Promise<boolean> {
    return this.rows.length >= manyRows || (await others())
  }

  /** What was counted while the write was under way is still to be written. */
  private subtract(counted: Count, written: number): void {
    counted.count -= written
    if (counted.count === 0) this.counts.delete(idOf(counted))
  }
}
