import type { Queries, Value } from './db.js'
import type { Pace } from './pace.js'

/** Rows that one query looks at: a filter that fits none of them must not hold up every other request. */
const lookedAt = 1_000

/** Rows of one account in the order of one column of theirs, and which of them are wanted. */
export interface Paged {
  readonly table: string
  readonly columns: string
  /** Tells the rows of an account apart; an index has it behind the account. */
  readonly key: string
  /** A condition on a row, in which the account is `$1`. */
  readonly filter: string
  readonly params: readonly Value[]
}

/** A page of the rows that are wanted, and how many there are of them; it looks at them portion by portion. */
export async function paged<T extends object>(
  queries: Queries,
  pace: Pace,
  asked: Paged,
  page: number,
  pagesize: number,
): Promise<{ rows: T[]; total: number }> {
  const rows: T[] = []
  const first = (page - 1) * pagesize
  let total = 0
  let after: Value | undefined
  for (;;) {
    const until = await endOf(queries, asked, after)
    const portion = portionOf(asked, after, until)
    const counted = await queries.get<{ counted: number }>(
      `select count(*) as counted from ${asked.table} where ${portion.where}`,
      portion.params,
    )
    const found = counted?.counted ?? 0
    const [from, wanted] = [Math.max(0, first - total), pagesize - rows.length]
    if (wanted > 0 && from < found) rows.push(...(await rowsOf<T>(queries, asked, portion, wanted, from)))
    total += found
    if (until === undefined) return { rows, total }
    after = until
    if (pace.isDue(lookedAt / 10)) await pace.rest()
  }
}

/** The key of the last row of the next portion; undefined where that is the last portion. */
async function endOf(
  queries: Queries,
  { table, key, params: [account = null] }: Paged,
  after: Value | undefined,
): Promise<Value | undefined> {
  const row =
    after === undefined
      ? await queries.get<{ key: Value }>(
          `select ${key} as key from ${table} where account = $1 order by ${key} limit 1 offset $2`,
          [account, lookedAt - 1],
        )
      : await queries.get<{ key: Value }>(
          `select ${key} as key from ${table} where account = $1 and ${key} > $2 order by ${key} limit 1 offset $3`,
          [account, after, lookedAt - 1],
        )
  return row?.key
}

interface Portion {
  readonly where: string
  readonly params: readonly Value[]
}

function portionOf({ key, filter, params }: Paged, after: Value | undefined, until: Value | undefined): Portion {
  const bounds: [string, Value | undefined][] = [
    ['>', after],
    ['<=', until],
  ]
  const given = bounds.filter((bound): bound is [string, Value] => bound[1] !== undefined)
  const conditions = given.map(([sign], index) => ` and ${key} ${sign} $${params.length + index + 1}`)
  return { where: filter + conditions.join(''), params: [...params, ...given.map(([, value]) => value)] }
}

const rowsOf = <T extends object>(
  queries: Queries,
  { table, columns, key }: Paged,
  { where, params }: Portion,
  limit: number,
  offset: number,
): Promise<T[]> =>
  queries.all<T>(
    `select ${columns} from ${table} where ${where} order by ${key} limit $${params.length + 1} offset $${params.length + 2}`,
    [...params, limit, offset],
  )
