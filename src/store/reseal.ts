import {
  type KeyColumns,
  oldSecretBinding,
  type PrincipalColumns,
  principalText,
  secretBinding,
  type TokenColumns,
  tokenText,
  type UserColumns,
  userText,
} from './bindings.js'
import { outcomeBinding } from './claims.js'
import type { Db, Queries, Value } from './db.js'
import { places as placesFor } from './pages.js'
import { tokenBinding } from './users.js'

/** A change from the key before to the one in force. */
export interface Reseal {
  /** Seals what is sealed under the key before: undefined when that was done. Throws when neither opens it. */
  seal(sealed: string, binding: string): string | undefined
  /** The same for a tag. */
  tag(tag: string, text: string): string | undefined
}

/** What one table keeps sealed, or as tags. Every place that seals a row must stand here, or a change of the master key loses it. */
interface Place {
  readonly table: string
  /** Columns of the primary key. */
  readonly key: readonly string[]
  readonly columns: readonly string[]
  /** Further columns that it is bound to. */
  readonly with?: readonly string[]
  readonly where: string
  readonly how?: keyof Reseal
  readonly binding: (row: Row, column: string) => string
}

type Row = Readonly<Record<string, Value>>

const places: readonly Place[] = [
  {
    table: 'keys',
    key: ['key_id'],
    columns: ['secret', 'old_secret'],
    with: [
      'account',
      'principal_kind',
      'principal_id',
      'lineage',
      'permissions',
      'ceiling',
      'addresses',
      'enable',
      'expires_at',
      'revoked_at',
      'created_by',
      'old_until',
      'old_ceiling',
    ],
    where: '1 = 1',
    binding: (row, column) => (column === 'secret' ? secretBinding : oldSecretBinding)(row as unknown as KeyColumns),
  },
  {
    table: 'users',
    key: ['account', 'id'],
    columns: ['tag'],
    with: ['type', 'enable', 'expire', 'password', 'password_until', 'ceiling', 'scope'],
    where: 'tag is not null',
    how: 'tag',
    binding: (row) => userText(row as unknown as UserColumns),
  },
  {
    table: 'principals',
    key: ['account', 'kind', 'id'],
    columns: ['tag'],
    with: ['permissions', 'enable'],
    where: 'tag is not null',
    how: 'tag',
    binding: (row) => principalText(row as unknown as PrincipalColumns),
  },
  {
    table: 'access_tokens',
    key: ['token_id'],
    columns: ['tag'],
    with: [
      'token_hash',
      'account',
      'principal_kind',
      'principal_id',
      'permissions',
      'addresses',
      'expires_at',
      'created_by',
    ],
    where: 'tag is not null',
    how: 'tag',
    binding: (row) => tokenText(row as unknown as TokenColumns),
  },
  {
    table: 'users',
    key: ['account', 'id'],
    columns: ['token'],
    where: 'token is not null',
    binding: ({ account, id }) => tokenBinding(Number(account), String(id)),
  },
  {
    table: 'claims',
    key: ['request_id'],
    columns: ['outcome'],
    where: 'sealed = 1',
    binding: ({ request_id: id }) => outcomeBinding(String(id)),
  },
]

/** Rows of one transaction. */
const rowsAtOnce = 250
/** Rows that one query looks through for those that hold something sealed. */
const lookedAt = 10_000

/** What became of the rows: those that neither key opens are left as they are. */
export interface Resealed {
  rows: number
  readonly damaged: string[]
}

/** Seals every row again, some hundred a transaction, so that a running gateway hardly waits. May be cut short anywhere, and done again. */
export async function resealRows(db: Db, reseal: Reseal, onRows: (rows: number) => void): Promise<Resealed> {
  const done: Resealed = { rows: 0, damaged: [] }
  for (const place of places) {
    for (let after: Row | undefined, more = true; more; ) {
      const to = await further(db, place, after)
      await stretch(db, place, { after, to }, reseal, (piece) => {
        done.rows += piece.rows
        done.damaged.push(...piece.damaged)
        onRows(done.rows)
      })
      after = to
      more = to !== undefined
    }
  }
  return done
}

/** The last of the rows that are looked through next, those that hold nothing sealed included; undefined when they are all of them. */
function further(queries: Queries, { table, key }: Place, after: Row | undefined): Promise<Row | undefined> {
  const names = key.join(', ')
  const beyond = after ? `where (${names}) > (${placesFor(key, 1)})` : ''
  return queries.get<Row>(`select ${names} from ${table} ${beyond} order by ${names} limit 1 offset $1`, [
    lookedAt - 1,
    ...(after ? valuesOf(key, after) : []),
  ])
}

/** Rows behind one and up to another. */
interface Stretch {
  readonly after: Row | undefined
  readonly to: Row | undefined
}

async function stretch(
  db: Db,
  place: Place,
  { after, to }: Stretch,
  reseal: Reseal,
  onPiece: (piece: Resealed) => void,
): Promise<void> {
  for (let last = after, full = true; full; ) {
    const piece = await db.transaction(async (session) => {
      // A transaction that was in the way has this one run again, from here.
      const done: Resealed = { rows: 0, damaged: [] }
      const rows = await sealedRows(session, place, { after: last, to })
      for (const row of rows) await one(session, place, row, reseal, done)
      return { ...done, last: rows.at(-1), full: rows.length === rowsAtOnce }
    })
    onPiece(piece)
    last = piece.last
    full = piece.full
  }
}

function sealedRows(queries: Queries, place: Place, { after, to }: Stretch): Promise<Row[]> {
  const { table, key, columns, with: others = [], where } = place
  const names = key.join(', ')
  const beyond = after ? `and (${names}) > (${placesFor(key, 1)})` : ''
  const upTo = to ? `and (${names}) <= (${placesFor(key, after ? 1 + key.length : 1)})` : ''
  return queries.all<Row>(
    `select ${[...key, ...columns, ...others].join(', ')} from ${table} where ${where} ${beyond} ${upTo}
     order by ${names} limit $1`,
    [rowsAtOnce, ...(after ? valuesOf(key, after) : []), ...(to ? valuesOf(key, to) : [])],
  )
}

const valuesOf = (key: readonly string[], row: Row): Value[] => key.map((name) => row[name] ?? null)

async function one(queries: Queries, place: Place, row: Row, reseal: Reseal, done: Resealed): Promise<void> {
  const { table, key, columns, how = 'seal' } = place
  for (const column of columns) {
    const sealed = row[column]
    if (typeof sealed !== 'string') continue
    let sealedAgain: string | undefined
    try {
      sealedAgain = reseal[how](sealed, place.binding(row, column))
    } catch {
      done.damaged.push(`${table} ${valuesOf(key, row).join(' ')}: ${column}`)
      continue
    }
    if (sealedAgain === undefined) continue
    const which = key.map((name, index) => `${name} = $${index + 2}`).join(' and ')
    await queries.run(`update ${table} set ${column} = $1 where ${which}`, [sealedAgain, ...valuesOf(key, row)])
    done.rows++
  }
}
