import type { Session, Value } from './db.js'
import { digestOf, publisherDigest, sourceDigest } from './digest.js'
import { assign, toScope } from './scopes.js'

/** What SQL alone cannot say: it follows the statements of its file, in the same transaction. */
export type MigrationStep = (session: Session, onRows: (rows: number) => void) => Promise<void>

type Row = Readonly<Record<string, Value>>

/** A table whose rows go into one that has a column more. */
interface Moving {
  readonly from: string
  readonly to: string
  /** The columns that the rows of `from` are in the order of. */
  readonly key: readonly string[]
  /** Those that are taken over as they are. */
  readonly columns: readonly string[]
  readonly added: string
  readonly digest: (row: Row) => string
}

const rowsAtOnce = 1_000
const textOf = (row: Row, column: string): string => String(row[column])

const claims: Moving = {
  from: 'claims_before',
  to: 'claims',
  key: ['request_id'],
  columns: [
    ...['request_id', 'account', 'principal', 'command', 'timestamp', 'mac', 'params_mac', 'code', 'outcome', 'sealed'],
    'created_at',
  ],
  added: 'digest',
  digest: (row) => digestOf(textOf(row, 'identity')),
}

const streamUsers: Moving = {
  from: 'stream_users_before',
  to: 'stream_users',
  key: ['account', 'id'],
  columns: ['account', 'id', 'app', 'stream', 'publisher', 'pass', 'settings', 'created_at'],
  added: 'publisher_digest',
  digest: (row) => publisherDigest(textOf(row, 'publisher')),
}

const samples: Moving = {
  from: 'samples_before',
  to: 'samples',
  key: ['account', 'server', 'time', 'app', 'stream', 'id'],
  columns: [
    ...['account', 'server', 'time', 'app', 'stream', 'id', 'connections', 'bytes_in', 'bytes_out', 'viewers'],
    'kept_from',
  ],
  added: 'source_digest',
  digest: (row) => sourceDigest({ app: textOf(row, 'app'), stream: textOf(row, 'stream'), id: textOf(row, 'id') }),
}

export const migrationSteps: ReadonlyMap<string, MigrationStep> = new Map([
  ['0021-claims-by-digest.sql', moving(claims)],
  ['0024-long-names.sql', moving(streamUsers, samples)],
  ['0030-what-writes-look-for.sql', noteAssigned],
])

/** Notes by slice and server what users were assigned. */
async function noteAssigned(session: Session, onRows: (rows: number) => void): Promise<void> {
  type Assigned = { account: number; id: string; scope: string }
  const sql = 'select account, id, scope from users where scope is not null'
  let done = 0
  for (let last: Assigned | undefined, more = true; more; ) {
    const beyond = last ? 'and (account, id) > ($2, $3)' : ''
    const rows: Assigned[] = await session.all<Assigned>(`${sql} ${beyond} order by account, id limit $1`, [
      rowsAtOnce,
      ...(last ? [last.account, last.id] : []),
    ])
    for (const { account, id, scope } of rows) await assign(session, account, id, toScope(scope))
    done += rows.length
    onRows(done)
    last = rows.at(-1)
    more = rows.length === rowsAtOnce
  }
}

/** Moves every row of tables, each in the order of its key, and drops what they were moved from. */
function moving(...tables: readonly Moving[]): MigrationStep {
  return async (session, onRows) => {
    let before = 0
    for (const table of tables) {
      const moved = before
      before += await move(session, table, (rows) => onRows(moved + rows))
    }
  }
}

async function move(session: Session, moving: Moving, onRows: (rows: number) => void): Promise<number> {
  const { from, to, key, columns, added, digest } = moving
  const order = key.join(', ')
  const beyond = `where (${order}) > (${key.map((_, index) => `$${index + 2}`).join(', ')})`
  const places = [added, ...columns].map((_, index) => `$${index + 1}`).join(', ')
  const insert = `insert into ${to} (${[added, ...columns].join(', ')}) values (${places})`
  let done = 0
  for (let after: Row | undefined, more = true; more; ) {
    const last = after
    const rows: Row[] = await session.all<Row>(
      `select * from ${from} ${last ? beyond : ''} order by ${order} limit $1`,
      [rowsAtOnce, ...(last ? key.map((column) => last[column] ?? null) : [])],
    )
    await Promise.all(
      rows.map((row) => session.run(insert, [digest(row), ...columns.map((column) => row[column] ?? null)])),
    )
    done += rows.length
    onRows(done)
    after = rows.at(-1)
    more = rows.length === rowsAtOnce
  }
  await session.run(`drop table ${from}`)
  return done
}
