import type { Db, Queries } from './db.js'

/** One thing that wrong passwords are counted for, and how many of them a minute may have. */
export interface Counted {
  readonly name: string
  readonly most: number
}

const minute = 60_000

/** Wrong passwords, counted for every node that shares the database. `now` gives Unix milliseconds. */
export class PasswordFailures {
  constructor(
    private readonly db: Pick<Db, 'transaction'>,
    /** Logins and addresses are kept as hashes: what was typed as a login may have been a password. */
    private readonly hidden: (name: string) => string,
    private readonly now: () => number,
  ) {}

  /**
   * Counts a guess before it is known to be wrong, so that many at once, on many nodes, are no way round. Milliseconds to
   * wait when it is one too many, and must not be made; 0 when it may.
   */
  async begin(counted: readonly Counted[]): Promise<number> {
    const now = this.now()
    return this.db.transaction(async (session) => {
      let wait = 0
      // In one order everywhere: whoever holds the one may wait for the other.
      for (const { name, most } of this.inOrder(counted)) {
        const row = await session.get<{ failed: number; until_ms: number }>(countOne, [name, now + minute, now])
        if (row && row.failed > most) wait = Math.max(wait, row.until_ms - now)
      }
      return wait
    })
  }

  /** The guess was right, or was not made. */
  async giveBack(counted: readonly Counted[]): Promise<void> {
    await this.db.transaction(async (session) => {
      for (const { name } of this.inOrder(counted)) {
        await session.run('update password_failures set failed = failed - 1 where name = $1 and failed > 0', [name])
      }
    })
  }

  private inOrder(counted: readonly Counted[]): Counted[] {
    return counted
      .map(({ name, most }) => ({ name: this.hidden(name), most }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}

/** A minute that has passed, and one that a clock set back would make longer, begins anew. */
const countOne = `
  insert into password_failures (name, failed, until_ms) values ($1, 1, $2)
  on conflict (name) do update set
    failed = case when password_failures.until_ms between $3 and $2 then password_failures.failed + 1 else 1 end,
    until_ms = case when password_failures.until_ms between $3 and $2 then password_failures.until_ms else excluded.until_ms end
  returning failed, until_ms`

/** Forgets what was counted for minutes that have passed. */
export async function forgetFailures(queries: Queries, now: number): Promise<void> {
  await queries.run('delete from password_failures where until_ms < $1', [now])
}
