import type { Calendar } from './calendar.js'
import { type Count, Counts, type Figures, type Sums } from './count.js'
import type { Queries } from './db.js'
import { viewSeconds } from './minutes.js'
import { type Level, Rows, TooManyRows } from './rows.js'
import { type Series, type SeriesKind, SeriesNumbers } from './series.js'
import { Sketch } from './sketch.js'

/** Series that are counted together. */
export interface Group {
  readonly name: string
  readonly series: readonly Series[]
}

/** What a group came to in the time that begins at `from`. */
export interface HistoryRow extends Figures {
  readonly from: number
  readonly group: string
}

type BucketOf = (moment: number) => number

/** Hours of series that may be looked at for the peaks of several series together. */
const mostPeakHours = 200_000
const hour = 3_600

const minutes: Level = { table: 'stats_minutes', time: 'minute', bySeries: false }
const hours: Level = { table: 'stats_hours', time: 'hour', bySeries: true }
const viewers: Level = { table: 'stats_viewers', time: 'hour', bySeries: true }
const days: Level = { table: 'stats_days', time: 'day', bySeries: true }

/** What samples of one account came to. All answers are undefined where they would take too long. */
export class History {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly calendar: Calendar,
    /** From when on all hours are kept. */
    private readonly hoursFrom: number,
  ) {}

  series(kind: SeriesKind): Promise<Series[]> {
    return new SeriesNumbers(this.queries, this.account).list(kind)
  }

  /** By minutes, or several of them together. Of cells alone: minutes are kept of nothing else. */
  minutes(groups: readonly Group[], from: number, to: number, step: number): Promise<HistoryRow[] | undefined> {
    return limited(async () => {
      const counts = new Counts()
      const byMinute = new Map<Count, Map<number, number>>()
      const seen = new Map<Count, Set<string>>()
      type Row = { minute: number; most: number; total: number; samples: number; viewers: string | null } & Sums
      const columns = 'minute, most, total, samples, bytes_in, bytes_out, viewers'
      await this.each<Row>(groups, minutes, columns, from, to, (row, { name }) => {
        const count = counts.of(row.minute - (row.minute % step), name)
        count.add({ ...row, connections: row.most, view_seconds: viewSeconds(row) })
        const sums = known(byMinute, count, () => new Map<number, number>())
        const sum = (sums.get(row.minute) ?? 0) + row.most
        sums.set(row.minute, sum)
        count.addPeak(sum)
        if (row.viewers === null) return
        const names = known(seen, count, () => new Set<string>())
        for (const viewer of JSON.parse(row.viewers)) names.add(viewer)
        count.viewers = names.size
      })
      return rowsOf(counts)
    })
  }

  /** By hours, or all of them together; viewers are counted exactly. */
  hours(groups: readonly Group[], from: number, to: number, together: boolean): Promise<HistoryRow[] | undefined> {
    return limited(async () => {
      const counts = new Counts()
      const bucketOf = (start: number) => (together ? from : start)
      await this.addHours(counts, groups, from, to, bucketOf)
      // Hours of one series count their own; those of several hours or series may be the same.
      await this.countViewers(counts, together ? groups : several(groups), from, to, bucketOf)
      return rowsOf(counts)
    })
  }

  /** By days of the account's time zone, or all of them together; above some thousand viewers their number is an estimate. */
  days(groups: readonly Group[], from: number, to: number, together: boolean): Promise<HistoryRow[] | undefined> {
    return limited(async () => {
      const counts = new Counts()
      const sketches = await this.addDays(counts, groups, from, to, (day) => (together ? from : day))
      await this.peaksOfDays(counts, groups, from, to, (hour) => (together ? from : this.calendar.dayOf(hour)))
      for (const [count, sketch] of sketches) count.viewers = sketch.count
      return rowsOf(counts)
    })
  }

  private async addDays(
    counts: Counts,
    groups: readonly Group[],
    from: number,
    to: number,
    bucketOf: BucketOf,
  ): Promise<Map<Count, Sketch>> {
    const sketches = new Map<Count, Sketch>()
    type Row = { day: number; peak: number; sketch: string } & Sums
    const columns = 'day, connections, bytes_in, bytes_out, view_seconds, peak, sketch'
    await this.each<Row>(groups, days, columns, from, to, (row, { name, series }) => {
      const count = counts.of(bucketOf(row.day), name)
      count.add(row)
      if (series.length === 1) count.addPeak(row.peak)
      if (row.sketch !== '') known(sketches, count, () => new Sketch()).mergeText(row.sketch)
    })
    return sketches
  }

  private async addHours(
    counts: Counts,
    groups: readonly Group[],
    from: number,
    to: number,
    bucketOf: BucketOf,
  ): Promise<void> {
    type Row = { hour: number; peak: number; viewers: number } & Sums
    const columns = 'hour, connections, bytes_in, bytes_out, view_seconds, peak, viewers'
    await this.each<Row>(groups, hours, columns, from, to, (row, { name, series }) => {
      const count = counts.of(bucketOf(row.hour), name)
      count.add(row)
      if (series.length > 1) return
      count.addPeak(row.peak)
      count.viewers = row.viewers
    })
    for (const group of several(groups)) await this.addPeaks(counts, group, from, to, bucketOf)
  }

  private async peaksOfDays(
    counts: Counts,
    groups: readonly Group[],
    from: number,
    to: number,
    bucketOf: BucketOf,
  ): Promise<void> {
    const own = several(groups)
    const wanted = own.reduce((total, { series }) => total + series.length, 0) * ((to - from) / hour)
    if (from >= this.hoursFrom && wanted <= mostPeakHours) {
      for (const group of own) await this.addPeaks(counts, group, from, to, bucketOf)
      return
    }
    const names = new Set(own.map(({ name }) => name))
    for (const count of counts.all) if (names.has(count.group)) count.peak = undefined
  }

  /** The peak of several series together is not that of any of them: their minutes are added up. */
  private async addPeaks(counts: Counts, group: Group, from: number, to: number, bucketOf: BucketOf): Promise<void> {
    const together = new Map<number, number[]>()
    type Row = { hour: number; minutes: string }
    await this.each<Row>([group], hours, 'hour, minutes', from, to, (row) => {
      const sums = known(together, row.hour, () => [])
      for (const [index, connections] of JSON.parse(row.minutes).entries()) {
        sums[index] = (sums[index] ?? 0) + connections
      }
    })
    for (const [start, sums] of together) counts.of(bucketOf(start), group.name).addPeak(Math.max(...sums))
  }

  private async countViewers(
    counts: Counts,
    groups: readonly Group[],
    from: number,
    to: number,
    bucketOf: BucketOf,
  ): Promise<void> {
    if (groups.length === 0) return
    const seen = new Map<Count, Set<string>>()
    const own = inCells(groups, await this.series('cell'))
    await this.each<{ hour: number; viewer: string }>(own, viewers, 'hour, viewer', from, to, (row, { name }) => {
      known(seen, counts.of(bucketOf(row.hour), name), () => new Set()).add(row.viewer)
    })
    for (const [count, names] of seen) count.viewers = names.size
  }

  /** Every row of a level, with each group that it belongs to. */
  private async each<T extends object>(
    groups: readonly Group[],
    level: Level,
    columns: string,
    from: number,
    to: number,
    use: (row: T, group: Group) => void,
  ): Promise<void> {
    const groupsOf = new Map<number, Group[]>()
    for (const group of groups) {
      for (const { series } of group.series) known(groupsOf, series, () => []).push(group)
    }
    const rows = new Rows(this.queries, this.account)
    for (const row of await rows.of<T>(level, columns, new Set(groupsOf.keys()), from, to)) {
      for (const group of groupsOf.get(row.series) ?? []) use(row, group)
    }
  }
}

/** The same groups by the cells of their series: of those alone it is kept who watched. */
function inCells(groups: readonly Group[], cells: readonly Series[]): Group[] {
  const matches = ({ kind, series, server, app, stream }: Series, cell: Series): boolean =>
    kind === 'cell'
      ? cell.series === series
      : (server || cell.server) === cell.server &&
        (app || cell.app) === cell.app &&
        (stream || cell.stream) === cell.stream
  return groups.map(({ name, series }) => ({
    name,
    series: series[0]?.kind === 'cell' ? series : cells.filter((cell) => series.some((one) => matches(one, cell))),
  }))
}

const several = (groups: readonly Group[]): Group[] => groups.filter(({ series }) => series.length > 1)

const rowsOf = (counts: Counts): HistoryRow[] =>
  counts.all.map(({ from, group, figures }) => ({ from, group, ...figures }))

function known<K, V>(values: Map<K, V>, key: K, make: () => V): V {
  const found = values.get(key) ?? make()
  values.set(key, found)
  return found
}

async function limited<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof TooManyRows) return undefined
    throw error
  }
}
