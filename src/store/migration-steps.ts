import { type Claim, digestOf } from './claims.js'
import type { Session } from './db.js'

/** What SQL alone cannot say: it follows the statements of its file, in the same transaction. */
export type MigrationStep = (session: Session, onRows: (rows: number) => void) => Promise<void>

export const migrationSteps: ReadonlyMap<string, MigrationStep> = new Map([['0021-claims-by-digest.sql', digestClaims]])

const rowsAtOnce = 1_000

/** Moves every claim into the new table, in the order of its making. */
async function digestClaims(session: Session, onRows: (rows: number) => void): Promise<void> {
  let after = ''
  let done = 0
  for (let more = true; more; ) {
    const rows = await session.all<Omit<Claim, 'identity_digest'> & { readonly identity: string }>(
      'select * from claims_before where request_id > $1 order by request_id limit $2',
      [after, rowsAtOnce],
    )
    await Promise.all(
      rows.map((row) =>
        session.run(
          `insert into claims (request_id, digest, account, principal, command, timestamp, mac, params_mac, code, outcome, sealed, created_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
          [
            row.request_id,
            digestOf(row.identity),
            row.account,
            row.principal,
            row.command,
            row.timestamp,
            row.mac,
            row.params_mac,
            row.code,
            row.outcome,
            row.sealed,
            row.created_at,
          ],
        ),
      ),
    )
    done += rows.length
    onRows(done)
    after = rows.at(-1)?.request_id ?? after
    more = rows.length === rowsAtOnce
  }
  await session.run('drop table claims_before')
}
