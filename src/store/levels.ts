import type { Queries } from './db.js'
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

/** Adds to an hour; the most connections of those of its minutes that have changed. */
export async function addToHour(queries: Queries, account: number, delta: SeriesDelta): Promise<number> {
  const { hour, series } = delta
  const row = await queries.get<{ minutes: string }>(
    'select minutes from stats_hours where account = $1 and hour = $2 and series = $3',
    [account, hour, series],
  )
  const minutes: number[] = row ? JSON.parse(row.minutes) : []
  let peak = 0
  for (const [minute, connections] of delta.minutes) {
    const index = (minute - hour) / 60
    while (minutes.length <= index) minutes.push(0)
    const now = (minutes[index] ?? 0) + connections
    minutes[index] = now
    peak = Math.max(peak, now)
  }
  await queries.run(
    `insert into stats_hours (account, hour, series, connections, bytes_in, bytes_out, view_seconds, peak, viewers, minutes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (account, hour, series) do update set connections = stats_hours.connections + excluded.connections,
     bytes_in = stats_hours.bytes_in + excluded.bytes_in, bytes_out = stats_hours.bytes_out + excluded.bytes_out,
     view_seconds = stats_hours.view_seconds + excluded.view_seconds,
     peak = case when excluded.peak > stats_hours.peak then excluded.peak else stats_hours.peak end,
     viewers = stats_hours.viewers + excluded.viewers, minutes = excluded.minutes`,
    [
      account,
      hour,
      series,
      connectionsOf(delta),
      delta.bytes_in,
      delta.bytes_out,
      delta.view_seconds,
      peak,
      delta.viewers.length,
      JSON.stringify(minutes),
    ],
  )
  return peak
}

/** Adds hours of one series to their day; `peak` is the most connections of a minute that has changed. */
export async function addToDay(
  queries: Queries,
  account: number,
  day: number,
  hours: readonly SeriesDelta[],
  peak: number,
): Promise<void> {
  const series = hours[0]?.series ?? 0
  const sum = (of: (delta: SeriesDelta) => number) => hours.reduce((total, delta) => total + of(delta), 0)
  const seen = hours.flatMap(({ viewers }) => viewers)
  await queries.run(
    `insert into stats_days (account, day, series, connections, bytes_in, bytes_out, view_seconds, peak, sketch)
     values ($1, $2, $3, $4, $5, $6, $7, $8, '')
     on conflict (account, day, series) do update set connections = stats_days.connections + excluded.connections,
     bytes_in = stats_days.bytes_in + excluded.bytes_in, bytes_out = stats_days.bytes_out + excluded.bytes_out,
     view_seconds = stats_days.view_seconds + excluded.view_seconds,
     peak = case when excluded.peak > stats_days.peak then excluded.peak else stats_days.peak end`,
    [
      account,
      day,
      series,
      sum(connectionsOf),
      sum((delta) => delta.bytes_in),
      sum((delta) => delta.bytes_out),
      sum((delta) => delta.view_seconds),
      peak,
    ],
  )
  if (seen.length > 0) await addToSketch(queries, account, day, series, seen)
}

async function addToSketch(
  queries: Queries,
  account: number,
  day: number,
  series: number,
  seen: readonly number[],
): Promise<void> {
  const key = [account, day, series]
  const row = await queries.get<{ sketch: string }>(
    'select sketch from stats_days where account = $1 and day = $2 and series = $3',
    key,
  )
  const before = row?.sketch ?? ''
  const sketch = Sketch.from(before)
  for (const hash of seen) sketch.add(hash)
  const after = sketch.text
  if (after === before) return
  await queries.run('update stats_days set sketch = $4 where account = $1 and day = $2 and series = $3', [
    ...key,
    after,
  ])
}
