import type { Queries, Value } from './db.js'
import { eachInTurns, type Pace, type Step } from './pace.js'

/** Rows of one query: some of them hold long texts. */
const rowsAtOnce = 500
/** Rows of an index that one query passes over. */
const rowsPassed = 10_000

/**
 * A query whose rows are read in the order of a key, of columns that are all selected and that one index has in this order. It
 * has no lower bound of its own: with one beside the key, SQLite looks again at every row before the place.
 */
export interface Walk {
  readonly sql: string
  readonly params: readonly Value[]
  readonly key: readonly string[]
  /** The place behind which it begins. */
  readonly after: readonly Value[]
}

/**
 * Hands over the rows of a query piece by piece, so that neither the event loop nor the memory holds more of them than a
 * piece. What is written meanwhile may be among them or not.
 */
export async function walk<T extends object>(
  queries: Queries,
  pace: Pace,
  asked: Walk,
  use: (row: T) => Step,
): Promise<void> {
  const sql = inOrder(asked)
  let place = asked.after
  for (;;) {
    const { rows, more } = await queries.piece<T>(sql, [...asked.params, ...place], rowsAtOnce)
    await eachInTurns(rows, pace, use)
    const last = rows.at(-1)
    if (!more || last === undefined) return
    place = placeOf(last, asked.key)
  }
}

/** Whether a query has more rows than so many, without reading them. */
export async function hasMoreThan(queries: Queries, pace: Pace, asked: Walk, most: number): Promise<boolean> {
  const sql = `${inOrder(asked)} limit 1 offset $${asked.params.length + asked.key.length + 1}`
  let place = asked.after
  for (let passed = 0; passed <= most; passed += rowsPassed) {
    const row = await queries.get(sql, [...asked.params, ...place, Math.min(rowsPassed - 1, most - passed)])
    if (!row) return false
    place = placeOf(row, asked.key)
    if (pace.isDue(rowsPassed / 100)) await pace.rest()
  }
  return true
}

function inOrder({ sql, params, key }: Walk): string {
  const columns = key.join(', ')
  const places = key.map((_, index) => `$${params.length + index + 1}`).join(', ')
  return `${sql} and (${columns}) > (${places}) order by ${columns}`
}

const placeOf = (row: object, key: readonly string[]): Value[] => key.map((column) => Reflect.get(row, column))
