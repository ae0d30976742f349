import type { Calendar } from './calendar.js'
import type { Queries } from './db.js'
import { addToDay, addToHour, newDelta, type SeriesDelta } from './levels.js'
import { type MinuteDelta, Minutes, type SourceMinute } from './minutes.js'
import type { Sample } from './samples.js'
import { type Counting, SeriesNumbers } from './series.js'
import { hashOf } from './sketch.js'
import { Viewers } from './viewers.js'

/** Adds samples to minutes, hours and days, in the transaction that keeps them: what is there counts, and counts once. */
export class RollUp {
  private readonly numbers: SeriesNumbers
  private readonly hours = new Map<string, SeriesDelta>()

  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly calendar: Calendar,
  ) {
    this.numbers = new SeriesNumbers(queries, account)
  }

  /** Adds samples that were not there before. A row is written once, however many of them it counts. */
  async add(server: string, samples: readonly Sample[]): Promise<void> {
    const minutes = new Minutes(this.queries, this.account)
    const viewers = new Viewers(this.queries, this.account)
    for (const sources of bySource(samples)) {
      const counting = await this.numbers.counting({ server, ...sources })
      const delta = await minutes.add({ ...sources, series: counting.cell })
      const hour = this.calendar.hourOf(sources.minute)
      this.count(hour, counting, sources.minute, delta)
      for (const [viewer, seenIn] of await viewers.see(hour, sources.viewers ?? [], counting)) {
        const hash = hashOf(viewer)
        for (const series of seenIn) this.delta(hour, series).viewers.push(hash)
      }
    }
    await this.write()
  }

  private count(hour: number, counting: Counting, minute: number, delta: MinuteDelta): void {
    for (const series of Object.values(counting)) {
      const sum = this.delta(hour, series)
      sum.bytes_in += delta.bytes_in
      sum.bytes_out += delta.bytes_out
      sum.view_seconds += delta.view_seconds
      sum.minutes.set(minute, (sum.minutes.get(minute) ?? 0) + delta.connections)
    }
  }

  private delta(hour: number, series: number): SeriesDelta {
    const key = `${hour} ${series}`
    const known = this.hours.get(key) ?? newDelta(hour, series)
    this.hours.set(key, known)
    return known
  }

  private async write(): Promise<void> {
    const days = new Map<
      number,
      Map<number, { readonly series: number; readonly hours: SeriesDelta[]; peak: number }>
    >()
    for (const [hour, deltas] of grouped(this.hours.values(), ({ hour }) => hour)) {
      const day = this.calendar.dayOf(hour)
      const ofDay = days.get(day) ?? new Map()
      days.set(day, ofDay)
      for (const [delta, peak] of await addToHour(this.queries, this.account, hour, deltas)) {
        const { series } = delta
        const sum = ofDay.get(series) ?? { series, hours: [], peak: 0 }
        sum.hours.push(delta)
        sum.peak = Math.max(sum.peak, peak)
        ofDay.set(series, sum)
      }
    }
    for (const [day, ofDay] of days) await addToDay(this.queries, this.account, day, [...ofDay.values()])
  }
}

function grouped<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const known = groups.get(key)
    if (known) known.push(item)
    else groups.set(key, [item])
  }
  return groups
}

type NamedMinute = Omit<SourceMinute, 'series'> & { readonly app: string; readonly stream: string }

/** What the samples of each source come to in each minute, in an order that every gateway keeps to. */
function bySource(samples: readonly Sample[]): NamedMinute[] {
  const sources = grouped(samples, ({ time, app, stream, id }) => JSON.stringify([minuteOf(time), app, stream, id]))
  return [...sources.values()].flatMap((own) => summed(own))
}

const minuteOf = (time: number): number => time - (time % 60)

function summed(own: readonly Sample[]): NamedMinute[] {
  const [first] = own
  if (!first) return []
  const sum = (what: 'connections' | 'bytes_in' | 'bytes_out') => own.reduce((total, sample) => total + sample[what], 0)
  const told = own.flatMap(({ viewers }) => viewers ?? [])
  const { app, stream, id, time } = first
  return [
    {
      app,
      stream,
      id,
      minute: minuteOf(time),
      samples: own.length,
      most: Math.max(...own.map(({ connections }) => connections)),
      total: sum('connections'),
      bytes_in: sum('bytes_in'),
      bytes_out: sum('bytes_out'),
      viewers: told.length > 0 ? [...new Set(told)] : undefined,
    },
  ]
}
