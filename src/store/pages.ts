import type { Queries, Value } from './db.js'

/** Rows in an order that an index has, and which of them are wanted. */
export interface Listing {
  readonly table: string
  readonly columns: string
  readonly where: string
  readonly order: string
  readonly params: readonly Value[]
}

/** A page of rows, and how many there are on all pages. */
export async function pageOf<T extends object>(
  queries: Queries,
  { table, columns, where, order, params }: Listing,
  page: number,
  pagesize: number,
): Promise<{ rows: T[]; total: number }> {
  const rows = await queries.all<T>(
    `select ${columns} from ${table} where ${where} order by ${order} limit $${params.length + 1} offset $${params.length + 2}`,
    [...params, pagesize, (page - 1) * pagesize],
  )
  const counted = await queries.get<{ total: number }>(`select count(*) as total from ${table} where ${where}`, params)
  return { rows, total: counted?.total ?? 0 }
}

/** Places for values behind the ones that a statement has already: `$3, $4`. */
export const places = (values: readonly unknown[], given: number): string =>
  values.map((_, index) => `$${given + index + 1}`).join(', ')

/** So many values go into one statement. */
const valuesAtOnce = 500

/** Values in pieces that fit into a statement. */
export function* inPieces<T>(values: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < values.length; at += valuesAtOnce) yield values.slice(at, at + valuesAtOnce)
}

/** What limits the rows of one account to those of some ids; none of them limits nothing. */
export const amongIds = (ids: readonly string[]): string =>
  ids.length === 0 ? 'account = $1' : `account = $1 and id in (${places(ids, 1)})`
