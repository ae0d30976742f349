import type { Queries } from './db.js'
import { Inserts } from './inserts.js'
import { inPieces, places } from './pages.js'
import { Sketch } from './sketch.js'

/** What is to be added to an hour of a series. */
export interface SeriesDelta {
  readonly hour: number
  readonly series: number
  bytes_in: number
  bytes_out: number
  view_seconds: number
  /** Connections by minute. */
  readonly minutes: Map<number, number>
  /** Hashes of those whom nobody had seen there in this hour. */
  readonly viewers: number[]
}

export const newDelta = (hour: number, series: number): SeriesDelta => ({
  hour,
  series,
  bytes_in: 0,
  bytes_out: 0,
  view_seconds: 0,
  minutes: new Map(),
  viewers: [],
})

const connectionsOf = ({ minutes }: SeriesDelta): number => [...minutes.values()].reduce((a, b) => a + b, 0)

const hourInserts = new Inserts(
  'stats_hours',
  ['account', 'hour', 'series', 'connections', 'bytes_in', 'bytes_out', 'view_seconds', 'peak', 'viewers', 'minutes'],
  `on conflict (account, hour, series) do update set connections = stats_hours.connections + excluded.connections,
   bytes_in = stats_hours.bytes_in + excluded.bytes_in, bytes_out = stats_hours.bytes_out + excluded.bytes_out,
   view_seconds = stats_hours.view_seconds + excluded.view_seconds,
   peak = case when excluded.peak > stats_hours.peak then excluded.peak else stats_hours.peak end,
   viewers = stats_hours.viewers + excluded.viewers, minutes = excluded.minutes`,
)

/** Adds to several series of one hour; for each the most connections of those of its minutes that have changed. */
export async function addToHour(
  queries: Queries,
  account: number,
  hour: number,
  deltas: readonly SeriesDelta[],
): Promise<Map<SeriesDelta, number>> {
  const peaks = new Map<SeriesDelta, number>()
  const minutesOf = await textsOf(queries, 'stats_hours', 'hour', 'minutes', [account, hour], deltas)
  const rows = deltas.map((delta) => {
    const { minutes, peak } = changedMinutes(minutesOf.get(delta.series), delta)
    peaks.set(delta, peak)
    const { series, bytes_in, bytes_out, view_seconds, viewers } = delta
    const sums = [connectionsOf(delta), bytes_in, bytes_out, view_seconds]
    return [account, hour, series, ...sums, peak, viewers.length, JSON.stringify(minutes)]
  })
  for (const { sql, params } of hourInserts.of(rows)) await queries.run(sql, params)
  return peaks
}

/** The connections of the minutes of an hour with what is added, and the most of those that have changed. */
function changedMinutes(before: string | undefined, { hour, minutes: added }: SeriesDelta) {
  const minutes: number[] = before === undefined ? [] : JSON.parse(before)
  let peak = 0
  for (const [minute, connections] of added) {
    const index = (minute - hour) / 60
    while (minutes.length <= index) minutes.push(0)
    const now = (minutes[index] ?? 0) + connections
    minutes[index] = now
    peak = Math.max(peak, now)
  }
  return { minutes, peak }
}

/** What a day of one series gets: hours of it, and the most connections of a minute that has changed. */
export interface DayDelta {
  readonly series: number
  readonly hours: readonly SeriesDelta[]
  readonly peak: number
}

const dayInserts = new Inserts(
  'stats_days',
  ['account', 'day', 'series', 'connections', 'bytes_in', 'bytes_out', 'view_seconds', 'peak', 'sketch'],
  `on conflict (account, day, series) do update set connections = stats_days.connections + excluded.connections,
   bytes_in = stats_days.bytes_in + excluded.bytes_in, bytes_out = stats_days.bytes_out + excluded.bytes_out,
   view_seconds = stats_days.view_seconds + excluded.view_seconds,
   peak = case when excluded.peak > stats_days.peak then excluded.peak else stats_days.peak end`,
)

/** Adds to several series of one day. */
export async function addToDay(
  queries: Queries,
  account: number,
  day: number,
  deltas: readonly DayDelta[],
): Promise<void> {
  const rows = deltas.map(({ series, hours, peak }) => {
    const sum = (of: (delta: SeriesDelta) => number) => hours.reduce((total, delta) => total + of(delta), 0)
    const bytes = [sum((delta) => delta.bytes_in), sum((delta) => delta.bytes_out)]
    return [account, day, series, sum(connectionsOf), ...bytes, sum((delta) => delta.view_seconds), peak, '']
  })
  for (const { sql, params } of dayInserts.of(rows)) await queries.run(sql, params)
  await addToSketches(queries, account, day, deltas)
}

async function addToSketches(
  queries: Queries,
  account: number,
  day: number,
  deltas: readonly DayDelta[],
): Promise<void> {
  const seenIn = new Map(deltas.map(({ series, hours }) => [series, hours.flatMap(({ viewers }) => viewers)]))
  const watched = deltas.filter(({ series }) => (seenIn.get(series) ?? []).length > 0)
  const sketches = await textsOf(queries, 'stats_days', 'day', 'sketch', [account, day], watched)
  for (const { series } of watched) {
    const before = sketches.get(series) ?? ''
    const sketch = Sketch.from(before)
    for (const hash of seenIn.get(series) ?? []) sketch.add(hash)
    if (sketch.text === before) continue
    await queries.run('update stats_days set sketch = $4 where account = $1 and day = $2 and series = $3', [
      account,
      day,
      series,
      sketch.text,
    ])
  }
}

/** One column of the rows of some series of an account in one hour or day. */
async function textsOf(
  queries: Queries,
  table: string,
  time: string,
  column: string,
  at: readonly [account: number, time: number],
  wanted: readonly { readonly series: number }[],
): Promise<Map<number, string>> {
  const found = new Map<number, string>()
  for (const piece of inPieces(wanted)) {
    const series = piece.map((one) => one.series)
    const rows = await queries.all<{ series: number; text: string }>(
      `select series, ${column} as text from ${table}
       where account = $1 and ${time} = $2 and series in (${places(series, 2)})`,
      [...at, ...series],
    )
    for (const row of rows) found.set(row.series, row.text)
  }
  return found
}
