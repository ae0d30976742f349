import type { Queries } from './db.js'

/** Moments (Unix seconds): what is older may be forgotten. */
export interface Horizons {
  readonly samples: number
  readonly minutes: number
  readonly hours: number
  readonly days: number
}

interface Level {
  readonly table: string
  readonly column: string
  /** Seconds that are forgotten at once: writes wait for it. */
  readonly portion: number
  readonly horizon: (horizons: Horizons) => number
}

const [minute, hour, day] = [60, 3_600, 86_400]

/** Whatever holds a moment after the horizon is kept as a whole, also where a day has 25 hours. */
const levels: readonly Level[] = [
  { table: 'samples', column: 'kept_from', portion: minute, horizon: ({ samples }) => samples },
  { table: 'stats_minutes', column: 'minute', portion: minute, horizon: ({ minutes }) => minutes - minute },
  { table: 'stats_hours', column: 'hour', portion: hour, horizon: ({ hours }) => hours - 2 * hour },
  { table: 'stats_viewers', column: 'hour', portion: hour, horizon: ({ hours }) => hours - 2 * hour },
  { table: 'stats_days', column: 'day', portion: day, horizon: ({ days }) => days - 2 * day },
]

/** A portion of what is old, to be forgotten in a transaction of its own. */
export type Portion = (queries: Queries) => Promise<unknown>

/** Finds a portion of what is older than its horizon, of any account; undefined when there is none. */
export async function oldPortion(queries: Queries, horizons: Horizons): Promise<Portion | undefined> {
  for (const { account } of await queries.all<{ account: number }>('select account from accounts')) {
    for (const level of levels) {
      const portion = await oldRows(queries, account, level, level.horizon(horizons))
      if (portion) return portion
    }
  }
  return undefined
}

async function oldRows(
  queries: Queries,
  account: number,
  { table, column, portion }: Level,
  horizon: number,
): Promise<Portion | undefined> {
  const row = await queries.get<{ oldest: number | null }>(
    `select min(${column}) as oldest from ${table} where account = $1`,
    [account],
  )
  const oldest = row?.oldest ?? horizon
  if (oldest >= horizon) return undefined
  return async (session) => {
    await session.run(`delete from ${table} where account = $1 and ${column} < $2`, [
      account,
      Math.min(horizon, oldest + portion),
    ])
    // The last that is kept of a series is its days.
    if (table === 'stats_days') await session.run(forgottenSeries, [account])
  }
}

const forgottenSeries = `delete from stats_series where account = $1
  and not exists (select 1 from stats_days d where d.account = stats_series.account and d.series = stats_series.series)`
