import { type Claim, Claims } from './claims.js'
import type { Db, Session } from './db.js'
import { Meta } from './meta.js'
import { onePlace } from './partitions.js'

export interface RepairOptions {
  readonly db: Db
  readonly onDoubt: () => void
  readonly onTrouble: (what: string, error: unknown) => void
  /** Called when the storage works again. */
  readonly onRepaired: () => void
}

/** Milliseconds between tries, each twice the one before. */
const firstRetry = 100
const lastRetry = 1_000

/** Whether the storage is at fault, and what brings it back: until then nothing is written. */
export class Repair {
  broken = false
  private closing = false
  private underWay: Promise<boolean> | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly options: RepairOptions) {}

  /** Nothing more is tried by the clock. */
  close(): void {
    this.closing = true
  }

  /** True when the storage works again; otherwise that is tried until it does. Whoever comes second waits for the first. */
  recover(): Promise<boolean> {
    if (!this.broken) return Promise.resolve(true)
    this.underWay ??= this.once()
      .then(
        () => true,
        (fault: unknown) => {
          this.options.onTrouble('the storage could not be repaired: writes are refused until it can', fault)
          this.later(firstRetry)
          return false
        },
      )
      .finally(() => {
        this.underWay = undefined
      })
    return this.underWay
  }

  /**
   * Whether an answer for an identity stands in the database. `made`: the claim that was made with it; undefined where it
   * was there before.
   */
  async isKept(identity: string | undefined, made: Claim | undefined): Promise<boolean> {
    const { db } = this.options
    if (identity === undefined) return false
    // A transaction whose connection was lost may not have ended over there: an insert waits until its claim is kept, or gone.
    if (made && !db.exclusive) await db.transaction((session) => freeOrTaken(session, made)).catch(unlessFree)
    const claim = await new Claims(db).find(identity)
    // Another process may have run the same message since: its outcome is not this one's.
    return claim !== undefined && (made?.request_id ?? claim.request_id) === claim.request_id
  }

  private async once(): Promise<void> {
    const { db, onDoubt, onRepaired } = this.options
    await db.repair()
    await db.transaction((session) => new Meta(session).set('probe', 'repaired'))
    onDoubt()
    this.broken = false
    onRepaired()
  }

  private later(after: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      if (this.closing) return
      this.once().then(
        () => this.options.onTrouble('the storage works again', undefined),
        () => this.later(Math.min(2 * after, lastRetry)),
      )
    }, after)
    this.timer.unref()
  }
}

class Free extends Error {}

/** Rejects, so that nothing is kept, when the claim could be made. */
async function freeOrTaken(session: Session, claim: Claim): Promise<void> {
  if (await new Claims(session).insert(claim, onePlace.partition)) throw new Free()
}

function unlessFree(error: unknown): void {
  if (!(error instanceof Free)) throw error
}
