import { type Count, Counts, type Sums } from './count.js'
import { viewSeconds } from './minutes.js'
import type { Level, Rows } from './rows.js'
import type { Series } from './series.js'
import { Sketch } from './sketch.js'

/** Series that are counted together. */
export interface Group {
  readonly name: string
  readonly series: readonly Series[]
}

/** The time that is asked for. */
export interface Span {
  readonly from: number
  readonly to: number
  /** When the row begins in which a moment counts. */
  readonly bucketOf: (moment: number) => number
}

const minutes: Level = { table: 'stats_minutes', time: 'minute', bySeries: false }
const hours: Level = { table: 'stats_hours', time: 'hour', bySeries: true }
const viewers: Level = { table: 'stats_viewers', time: 'hour', bySeries: true }
const days: Level = { table: 'stats_days', time: 'day', bySeries: true }

/** Adds up one answer from the rows of a level. */
export class Tally {
  readonly counts = new Counts()

  constructor(
    private readonly rows: Rows,
    private readonly groups: readonly Group[],
    private readonly span: Span,
  ) {}

  /** The groups whose peaks and viewers are not those of a row. */
  get several(): Group[] {
    return this.groups.filter(({ series }) => series.length > 1)
  }

  async addMinutes(): Promise<void> {
    const byMinute = new Map<Count, Map<number, number>>()
    const seen = new Map<Count, Set<string>>()
    type Row = { minute: number; most: number; total: number; samples: number; viewers: string | null } & Sums
    const columns = 'minute, most, total, samples, bytes_in, bytes_out, viewers'
    await this.each<Row>(minutes, columns, this.groups, (row, group) => {
      const count = this.count(row.minute, group)
      count.add({ ...row, connections: row.most, view_seconds: viewSeconds(row) })
      const sums = known(byMinute, count, () => new Map<number, number>())
      const sum = (sums.get(row.minute) ?? 0) + row.most
      sums.set(row.minute, sum)
      count.addPeak(sum)
      const names = row.viewers === null ? [] : JSON.parse(row.viewers)
      for (const viewer of names) known(seen, count, () => new Set()).add(viewer)
    })
    for (const [count, names] of seen) count.viewers = names.size
  }

  async addHours(): Promise<void> {
    type Row = { hour: number; peak: number; viewers: number } & Sums
    const columns = 'hour, connections, bytes_in, bytes_out, view_seconds, peak, viewers'
    await this.each<Row>(hours, columns, this.groups, (row, group) => {
      const count = this.count(row.hour, group)
      count.add(row)
      if (group.series.length > 1) return
      count.addPeak(row.peak)
      count.viewers = row.viewers
    })
  }

  async addDays(): Promise<void> {
    const sketches = new Map<Count, Sketch>()
    type Row = { day: number; peak: number; sketch: string } & Sums
    const columns = 'day, connections, bytes_in, bytes_out, view_seconds, peak, sketch'
    await this.each<Row>(days, columns, this.groups, (row, group) => {
      const count = this.count(row.day, group)
      count.add(row)
      if (group.series.length === 1) count.addPeak(row.peak)
      if (row.sketch !== '') known(sketches, count, () => new Sketch()).mergeText(row.sketch)
    })
    for (const [count, sketch] of sketches) count.viewers = sketch.count
  }

  /** The peak of several series together is not that of any of them: their minutes are added up. */
  async addPeaks(): Promise<void> {
    // One group after the other: their minutes are many.
    for (const group of this.several) {
      const together = new Map<number, number[]>()
      await this.each<{ hour: number; minutes: string }>(hours, 'hour, minutes', [group], (row) => {
        const sums = known(together, row.hour, () => [])
        for (const [index, connections] of JSON.parse(row.minutes).entries()) {
          sums[index] = (sums[index] ?? 0) + connections
        }
      })
      for (const [hour, sums] of together) this.count(hour, group).addPeak(Math.max(...sums))
    }
  }

  /** For when the peaks of several series together cannot be told. */
  leavePeaks(): void {
    const names = new Set(this.several.map(({ name }) => name))
    for (const count of this.counts.all) if (names.has(count.group)) count.peak = undefined
  }

  /** Counts exactly who watched groups, whose series are among the cells given. */
  async countViewers(groups: readonly Group[], cells: readonly Series[]): Promise<void> {
    const seen = new Map<Count, Set<string>>()
    await this.each<{ hour: number; viewer: string }>(viewers, 'hour, viewer', inCells(groups, cells), (row, group) => {
      known(seen, this.count(row.hour, group), () => new Set()).add(row.viewer)
    })
    for (const [count, names] of seen) count.viewers = names.size
  }

  private count(moment: number, { name }: Group): Count {
    return this.counts.of(this.span.bucketOf(moment), name)
  }

  /** Every row of a level, with each group that it belongs to. */
  private async each<T extends object>(
    level: Level,
    columns: string,
    groups: readonly Group[],
    use: (row: T, group: Group) => void,
  ): Promise<void> {
    const groupsOf = new Map<number, Group[]>()
    for (const group of groups) {
      for (const { series } of group.series) known(groupsOf, series, () => []).push(group)
    }
    const { from, to } = this.span
    for (const row of await this.rows.of<T>(level, columns, new Set(groupsOf.keys()), from, to)) {
      for (const group of groupsOf.get(row.series) ?? []) use(row, group)
    }
  }
}

/** The same groups by the cells of their series: of those alone it is kept who watched. */
function inCells(groups: readonly Group[], cells: readonly Series[]): Group[] {
  const within = (cell: Series) => (one: Series) =>
    one.kind === 'cell'
      ? cell.series === one.series
      : (one.server || cell.server) === cell.server &&
        (one.app || cell.app) === cell.app &&
        (one.stream || cell.stream) === cell.stream
  return groups.map(({ name, series }) => ({
    name,
    series: series[0]?.kind === 'cell' ? series : cells.filter((cell) => series.some(within(cell))),
  }))
}

function known<K, V>(values: Map<K, V>, key: K, make: () => V): V {
  const found = values.get(key) ?? make()
  values.set(key, found)
  return found
}
