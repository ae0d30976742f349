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
      for (const viewer of sources.viewers ?? []) {
        const places = await viewers.see(hour, viewer, counting)
        const hash = places.length > 0 ? hashOf(viewer) : 0
        for (const series of places) this.delta(hour, series).viewers.push(hash)
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
    const days = new Map<string, { readonly day: number; readonly hours: SeriesDelta[]; peak: number }>()
    for (const delta of this.hours.values()) {
      const peak = await addToHour(this.queries, this.account, delta)
      const day = this.calendar.dayOf(delta.hour)
      const key = `${day} ${delta.series}`
      const sum = days.get(key) ?? { day, hours: [], peak: 0 }
      sum.hours.push(delta)
      sum.peak = Math.max(sum.peak, peak)
      days.set(key, sum)
    }
    for (const { day, hours, peak } of days.values()) await addToDay(this.queries, this.account, day, hours, peak)
  }
}

type NamedMinute = Omit<SourceMinute, 'series'> & { readonly app: string; readonly stream: string }

/** What the samples of each source come to in each minute, in an order that every gateway keeps to. */
function bySource(samples: readonly Sample[]): NamedMinute[] {
  const sources = new Map<string, Sample[]>()
  for (const sample of samples) {
    const key = JSON.stringify([minuteOf(sample.time), sample.app, sample.stream, sample.id])
    const known = sources.get(key)
    if (known) known.push(sample)
    else sources.set(key, [sample])
  }
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
