import type { Queries } from './db.js'

/**
 * Keeps every other transaction that asks for it out of an account until the commit. What is read after it, and decided
 * over several rows, holds until then; what was read before may have changed since.
 */
export async function lockAccount(queries: Queries, account: number): Promise<void> {
  await queries.run('update accounts set version = version + 1 where account = $1', [account])
}
