import type { AuditEntry, ChainMac } from './audit.js'
import type { Checkpoint } from './audit-checkpoint.js'
import { cutTrail } from './audit-cut.js'
import { chainHeads } from './audit-heads.js'
import { AuditTrail } from './audit-trail.js'
import { Claims } from './claims.js'
import type { Db, Session } from './db.js'
import { localEntry } from './local-entry.js'

/** What a cut is told by the operator at the command line. */
export interface CutOrder {
  /** Rows before it may go, and now; Unix seconds. */
  readonly before: number
  readonly now: number
  /** The operating system's user id. */
  readonly uid: number
  /** The result code of the row that says so. */
  readonly code: number
  readonly onRows: (rows: number) => void
}

/** The audit trail of a data folder, for the command line: a server may be running beside it. */
export class OfflineTrail extends AuditTrail {
  constructor(
    private readonly db: Db,
    private readonly chainMac: ChainMac,
    /** Whose chain the row that says so joins. */
    private readonly node: string,
    private readonly settle: (session: Session) => Promise<void>,
    kept?: () => readonly Checkpoint[],
  ) {
    super(db, chainMac, kept)
  }

  /**
   * Removes old rows; how many. Their age counts from the oldest of four moments: what the clock says, what the clock of the
   * database server says, the newest row, and the newest message that a client signed. A clock that is ahead must not remove
   * what cannot be brought back.
   */
  async cut({ before, now, uid, code, onRows }: CutOrder): Promise<number> {
    const newest = Math.max(...(await chainHeads(this.db)).map(({ at_ms }) => Math.floor(at_ms / 1000) + 1), 0)
    const server = Math.floor(((await this.db.serverClock()) ?? now * 1000) / 1000)
    const signed = (await new Claims(this.db).newestSigned()) || now
    const from = Math.min(now, newest, server, signed)
    const entry = (upTo: number, chain: string): AuditEntry => {
      const detail = { removed_up_to: upTo, ...(chain !== this.node && { of: chain }) }
      return localEntry({ command: 'audit/cut', code, uid, now, detail })
    }
    const { chainMac: mac, node, settle } = this
    return cutTrail(this.db, { node, mac, settle, beforeMs: (from - (now - before)) * 1000, now, entry, onRows })
  }

  close(): Promise<void> {
    return this.db.close()
  }
}
