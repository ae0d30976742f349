import type { AuditRow, Verdict } from './audit-chain.js'
import type { AuditFilter, AuditTrail, Place } from './audit-trail.js'
import type { Sealing } from './store.js'

/** A row as its account sees it. */
export type AccountRow = Omit<AuditRow, 'account' | 'node' | 'seq' | 'hash'>

const digits = 16
/** Longer than the name of any chain. */
const nodeLength = 24
/** After every row. */
const newest: Place = { at_ms: Number.MAX_SAFE_INTEGER, node: '', seq: 0 }

/**
 * The audit trail as one account sees it. Row numbers count what all accounts do, so an account is told none: two rows, or
 * two cursors, would show how much the others did in between. Cursors are sealed, and worth nothing to another account.
 */
export class AccountAudit {
  constructor(
    private readonly trail: AuditTrail,
    private readonly account: number,
    private readonly sealing: Sealing,
  ) {}

  /** True inside a transaction, where nobody else can write meanwhile. */
  get hurried(): boolean {
    return this.trail.hurried
  }

  /**
   * A page of rows, newest first, and the cursor of the next one, undefined at the end; a page may be short, even empty,
   * before it. Undefined when the cursor is not one that this account was given.
   */
  async list(
    filter: AuditFilter,
    cursor: string | undefined,
    limit: number,
  ): Promise<{ rows: AccountRow[]; next: string | undefined } | undefined> {
    const before = cursor === undefined ? newest : this.opened(cursor)
    if (before === undefined) return undefined
    const { rows, next } = await this.trail.list(this.account, filter, before, limit)
    const shown = rows.map(({ node: _node, seq: _seq, ...row }) => row)
    return { rows: shown, next: next === undefined ? undefined : this.sealed(next) }
  }

  /** Checks the whole trail, every account's, against the checkpoint that the gateway keeps. */
  verify(onRow: (rows: number) => void): Promise<Verdict> {
    return this.trail.verify(undefined, onRow)
  }

  /** Always as long: its length must not tell either. */
  private sealed({ at_ms, node, seq }: Place): string {
    const text = [padded(at_ms), padded(seq), node.padEnd(nodeLength)].join('')
    return this.sealing.seal(text, this.binding)
  }

  private opened(cursor: string): Place | undefined {
    try {
      const text = this.sealing.open(cursor, this.binding)
      const number = (from: number) => Number(text.slice(from, from + digits))
      return { at_ms: number(0), seq: number(digits), node: text.slice(2 * digits).trimEnd() }
    } catch {
      return undefined
    }
  }

  private get binding(): string {
    return `audit.cursor:${this.account}`
  }
}

const padded = (number: number): string => String(number).padStart(digits, '0')
