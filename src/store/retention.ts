import type { Queries, Value } from './db.js'
import { Forgotten, type LevelName } from './forgotten.js'
import { ownPace } from './pace.js'

/** Moments (Unix seconds): what is older may be forgotten. */
export interface Horizons {
  readonly samples: number
  readonly minutes: number
  readonly hours: number
  readonly days: number
}

interface Level {
  readonly name: LevelName
  readonly table: string
  readonly column: string
  /** What tells the rows of an account apart. */
  readonly key: readonly string[]
  /** What of a row may be long: read as well, so that a portion of such rows is small. */
  readonly long?: string
  readonly horizon: (horizons: Horizons) => number
}

const [minute, hour, day] = [60, 3_600, 86_400]

/** Rows that are forgotten in one transaction, at most: others wait for it. */
const rowsAtOnce = 250
const accountsAtOnce = 500

/** Whatever holds a moment after the horizon is kept as a whole, also where a day has 25 hours. */
const levels: readonly Level[] = [
  {
    name: 'samples',
    table: 'samples',
    column: 'kept_from',
    key: ['server', 'time', 'source_digest'],
    long: 'viewers',
    horizon: ({ samples }) => samples,
  },
  {
    name: 'minutes',
    table: 'stats_minutes',
    column: 'minute',
    key: ['minute', 'series', 'id'],
    long: 'viewers',
    horizon: ({ minutes }) => minutes - minute,
  },
  {
    name: 'hours',
    table: 'stats_hours',
    column: 'hour',
    key: ['hour', 'series'],
    horizon: ({ hours }) => hours - 2 * hour,
  },
  {
    name: 'hours',
    table: 'stats_viewers',
    column: 'hour',
    key: ['hour', 'viewer', 'series'],
    horizon: ({ hours }) => hours - 2 * hour,
  },
  {
    name: 'days',
    table: 'stats_days',
    column: 'day',
    key: ['day', 'series'],
    long: 'sketch',
    horizon: ({ days }) => days - 2 * day,
  },
]

/** A portion of what is old, to be forgotten in a transaction of its own. */
export type Portion = (queries: Queries) => Promise<unknown>

/**
 * Portions of what is older than its horizon, of every account. Each must have been forgotten before the next one is asked for.
 * None has more rows than are read in some two milliseconds.
 */
export async function* oldPortions(queries: Queries, horizons: Horizons): AsyncGenerator<Portion> {
  const pace = ownPace()
  for await (const account of accountsOf(queries)) {
    for (const level of levels) yield* oldRows(queries, account, level, level.horizon(horizons))
    if (pace.isDue()) await pace.rest()
  }
}

async function* accountsOf(queries: Queries): AsyncGenerator<number> {
  const sql = 'select account from accounts where account > $1 order by account'
  for (let [after, more] = [0, true]; more; ) {
    const piece = await queries.piece<{ account: number }>(sql, [after], accountsAtOnce)
    for (const { account } of piece.rows) yield account
    after = piece.rows.at(-1)?.account ?? after
    more = piece.more
  }
}

type Row = Readonly<Record<string, Value>>

async function* oldRows(
  queries: Queries,
  account: number,
  { name, table, column, key, long }: Level,
  horizon: number,
): AsyncGenerator<Portion> {
  const columns = [...new Set([...key, column]), ...(long === undefined ? [] : [`length(${long}) as size`])].join(', ')
  const old = `select ${columns} from ${table} where account = $1 and ${column} < $2 order by ${column}`
  const one = `delete from ${table} where account = $1 and ${key.map((name, index) => `${name} = $${index + 2}`).join(' and ')}`
  for (;;) {
    const piece = await queries.piece<Row>(old, [account, horizon], rowsAtOnce)
    if (piece.rows.length === 0) return
    yield async (session) => {
      const forgotten = piece.rows.map((row) => session.run(one, [account, ...key.map((name) => row[name] ?? null)]))
      await Promise.all(forgotten)
      await new Forgotten(session).raise(name, Math.max(...piece.rows.map((row) => Number(row[column]))))
      // The last that is kept of a series is its days.
      if (table === 'stats_days') await forgetSeries(session, account, piece.rows)
    }
  }
}

async function forgetSeries(session: Queries, account: number, days: readonly Row[]): Promise<void> {
  const unused = 'not exists (select 1 from stats_days d where d.account = $1 and d.series = $2)'
  for (const series of new Set(days.map((row) => row.series ?? null))) {
    await session.run(`delete from stats_series where account = $1 and series = $2 and ${unused}`, [account, series])
  }
}
