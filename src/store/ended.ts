import { lockAccount } from './account-lock.js'
import type { Queries } from './db.js'
import { places } from './pages.js'
import type { Portion } from './retention.js'

/** Rows of one transaction: others wait for it. */
const rowsAtOnce = 250

/**
 * Portions of what has ended by `now` (Unix seconds): access tokens go, and so does what a key keeps of a secret whose grace time
 * is over. Each portion must have been run before the next one is asked for.
 */
export async function* endedPortions(queries: Queries, now: number): AsyncGenerator<Portion> {
  yield* endedTokens(queries, now)
  yield* endedSecrets(queries, now)
}

async function* endedTokens(queries: Queries, now: number): AsyncGenerator<Portion> {
  const ended = 'select token_id from access_tokens where expires_at <= $1 order by expires_at'
  for (;;) {
    const { rows } = await queries.piece<{ token_id: string }>(ended, [now], rowsAtOnce)
    if (rows.length === 0) return
    const ids = rows.map(({ token_id: id }) => id)
    yield (session) => session.run(`delete from access_tokens where token_id in (${places(ids, 0)})`, ids)
  }
}

async function* endedSecrets(queries: Queries, now: number): AsyncGenerator<Portion> {
  const ended = 'select account, key_id from keys where old_until is not null and old_until <= $1 order by old_until'
  for (;;) {
    const { rows } = await queries.piece<{ account: number; key_id: string }>(ended, [now], rowsAtOnce)
    if (rows.length === 0) return
    const ids = rows.map(({ key_id: id }) => id)
    const accounts = [...new Set(rows.map(({ account }) => account))].sort((one, other) => one - other)
    yield async (session) => {
      // A command that changes a key reads it before, and writes it as a whole.
      for (const account of accounts) await lockAccount(session, account)
      await session.run(
        `update keys set old_secret = null, old_until = null, old_ceiling = null
         where old_until is not null and old_until <= $1 and key_id in (${places(ids, 1)})`,
        [now, ...ids],
      )
    }
  }
}
