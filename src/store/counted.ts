import type { Calendar } from './calendar.js'
import type { Queries } from './db.js'
import { Forgotten } from './forgotten.js'

/** What tells one old sample of a server from another. */
export interface OldSample {
  readonly time: number
  readonly app: string
  readonly stream: string
  readonly id: string
}

/** Whether a sample may count already, though it is not kept: then it is a repeat. */
export type IsCounted = (sample: OldSample) => boolean

interface Sums {
  readonly connections: number
  readonly bytes_in: number
  readonly bytes_out: number
}

const [minute, hour] = [60, 3_600]

const minuteOf = (time: number): number => time - (time % minute)
const keyOf = (...parts: readonly (string | number)[]): string => JSON.stringify(parts)

/** Whether a row counts more than what is left of the rows that it was added up from. */
const hasLost = (whole: Sums, kept: Sums): boolean =>
  whole.connections > kept.connections || whole.bytes_in > kept.bytes_in || whole.bytes_out > kept.bytes_out

/**
 * Tells which samples of older history may count already. What was forgotten of a level shows in the level above it: a minute counts
 * more samples than are kept, an hour more than its minutes, a day more than its hours.
 */
export class Counted {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly calendar: Calendar,
  ) {}

  async among(server: string, samples: readonly OldSample[]): Promise<IsCounted> {
    const minutes = await this.closedMinutes(server, samples)
    const hours = await this.closedHours(server, samples)
    return ({ time, app, stream, id }) =>
      minutes.has(keyOf(minuteOf(time), app, stream, id)) || hours.has(keyOf(this.calendar.hourOf(time), app, stream))
  }

  /** The minutes of sources that count samples which are not kept any more. */
  private async closedMinutes(server: string, samples: readonly OldSample[]): Promise<ReadonlySet<string>> {
    const closed = new Set<string>()
    type Row = { app: string; stream: string; id: string; samples: number }
    for (const at of new Set(samples.map(({ time }) => minuteOf(time)))) {
      const kept = await this.queries.all<Row>(
        `select app, stream, id, count(*) as samples from samples
         where account = $1 and server = $2 and time >= $3 and time < $4 group by app, stream, id`,
        [this.account, server, at, at + minute],
      )
      const keptOf = new Map(kept.map((row) => [keyOf(at, row.app, row.stream, row.id), row.samples]))
      const counted = await this.queries.all<Row>(
        `select s.app, s.stream, m.id, m.samples from stats_minutes m
         join stats_series s on s.account = m.account and s.series = m.series
         where m.account = $1 and m.minute = $2 and s.server = $3`,
        [this.account, at, server],
      )
      for (const row of counted) {
        const key = keyOf(at, row.app, row.stream, row.id)
        if ((keptOf.get(key) ?? 0) < row.samples) closed.add(key)
      }
    }
    return closed
  }

  /** The hours of streams of which something was forgotten that counts in them, or in their day. */
  private async closedHours(server: string, samples: readonly OldSample[]): Promise<ReadonlySet<string>> {
    const until = await new Forgotten(this.queries).moments()
    const looked = new Map<string, boolean>()
    for (const { time, app, stream } of samples) {
      const start = this.calendar.hourOf(time)
      const key = keyOf(start, app, stream)
      if (minuteOf(time) > until.minutes || looked.has(key)) continue
      const series = await this.seriesOf(server, app, stream)
      looked.set(key, series !== undefined && (await this.isClosed(series, start, until.hours)))
    }
    return new Set([...looked].filter(([, isClosed]) => isClosed).map(([key]) => key))
  }

  private async isClosed(series: number, start: number, hoursUntil: number): Promise<boolean> {
    const whole = await this.row('select connections, bytes_in, bytes_out from stats_hours', 'hour', start, series)
    if (whole) return hasLost(whole, await this.ofMinutes(start, series))
    if (start > hoursUntil) return false
    const day = this.calendar.dayOf(start)
    const all = await this.row('select connections, bytes_in, bytes_out from stats_days', 'day', day, series)
    return all !== undefined && hasLost(all, await this.ofHours(day, series))
  }

  private row(select: string, column: string, start: number, series: number): Promise<Sums | undefined> {
    return this.queries.get<Sums>(`${select} where account = $1 and ${column} = $2 and series = $3`, [
      this.account,
      start,
      series,
    ])
  }

  private async seriesOf(server: string, app: string, stream: string): Promise<number | undefined> {
    const sql = `select series from stats_series
      where account = $1 and kind = 'cell' and server = $2 and app = $3 and stream = $4`
    return (await this.queries.get<{ series: number }>(sql, [this.account, server, app, stream]))?.series
  }

  private ofMinutes(start: number, series: number): Promise<Sums> {
    return this.sums(
      `select coalesce(sum(most), 0) as connections, coalesce(sum(bytes_in), 0) as bytes_in,
       coalesce(sum(bytes_out), 0) as bytes_out from stats_minutes
       where account = $1 and minute >= $2 and minute < $3 and series = $4`,
      [this.account, start, start + hour, series],
    )
  }

  private ofHours(start: number, series: number): Promise<Sums> {
    return this.sums(
      `select coalesce(sum(connections), 0) as connections, coalesce(sum(bytes_in), 0) as bytes_in,
       coalesce(sum(bytes_out), 0) as bytes_out from stats_hours
       where account = $1 and hour >= $2 and hour < $3 and series = $4`,
      [this.account, start, this.calendar.nextDay(start), series],
    )
  }

  private async sums(sql: string, params: readonly number[]): Promise<Sums> {
    return (await this.queries.get<Sums>(sql, params)) ?? { connections: 0, bytes_in: 0, bytes_out: 0 }
  }
}
