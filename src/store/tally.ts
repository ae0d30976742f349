import { type Count, Counts, type Sums } from './count.js'
import { isNames, viewSeconds } from './minutes.js'
import { eachInTurns, type Pace, type Step } from './pace.js'
import type { Budget, Level, Rows } from './rows.js'
import type { Series, SeriesKind } from './series.js'
import { hashOf, Sketch } from './sketch.js'

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

const minutes: Level = { table: 'stats_minutes', time: 'minute', key: ['minute', 'series', 'id'], bySeries: false }
const hours: Level = { table: 'stats_hours', time: 'hour', key: ['hour', 'series'], bySeries: true }
const viewers: Level = { table: 'stats_viewers', time: 'hour', key: ['hour', 'viewer', 'series'], bySeries: true }
const days: Level = { table: 'stats_days', time: 'day', key: ['day', 'series'], bySeries: true }

/** What a count takes in memory, in entries of a set. */
const countSize = 8

/** Adds up one answer from the rows of a level. */
export class Tally {
  readonly counts = new Counts()

  constructor(
    private readonly rows: Rows,
    private readonly groups: readonly Group[],
    private readonly span: Span,
    private readonly budget: Budget,
  ) {}

  /** The groups whose peaks and viewers are not those of a row. */
  get several(): Group[] {
    return this.groups.filter(({ series }) => series.length > 1)
  }

  async addMinutes(): Promise<void> {
    const byMinute = new Map<Count, Map<number, number>>()
    const seen = new Distinct(this.budget)
    type Row = { minute: number; most: number; total: number; samples: number; viewers: string | null } & Sums
    const columns = 'minute, id, most, total, samples, bytes_in, bytes_out, viewers'
    await this.each<Row>(minutes, columns, this.groups, (row, groups) => {
      const view_seconds = viewSeconds(row)
      const viewers = row.viewers ?? '[]'
      const names: string[] | undefined = isNames(viewers) ? JSON.parse(viewers) : undefined
      return eachInTurns(groups, this.budget.pace, (group) => {
        const count = this.count(row.minute, group)
        count.add({ ...row, connections: row.most, view_seconds })
        const sums = known(byMinute, count, () => new Map<number, number>())
        const sum = (sums.get(row.minute) ?? 0) + row.most
        sums.set(row.minute, sum)
        count.addPeak(sum)
        if (names) seen.add(count, names)
        else seen.merge(count, viewers)
      })
    })
    await seen.tell()
  }

  async addHours(): Promise<void> {
    type Row = { hour: number; peak: number; viewers: number } & Sums
    const columns = 'hour, connections, bytes_in, bytes_out, view_seconds, peak, viewers'
    await this.each<Row>(hours, columns, this.groups, (row, groups) => {
      for (const group of groups) {
        const count = this.count(row.hour, group)
        count.add(row)
        if (group.series.length > 1) continue
        count.addPeak(row.peak)
        count.viewers = row.viewers
      }
    })
  }

  async addDays(): Promise<void> {
    const sketches = new Sketches(this.budget)
    type Row = { day: number; peak: number; sketch: string } & Sums
    const columns = 'day, connections, bytes_in, bytes_out, view_seconds, peak, sketch'
    await this.each<Row>(days, columns, this.groups, (row, groups) =>
      eachInTurns(groups, this.budget.pace, (group) => {
        const count = this.count(row.day, group)
        count.add(row)
        if (group.series.length === 1) count.addPeak(row.peak)
        if (row.sketch !== '') sketches.merge(count, row.sketch)
      }),
    )
    await sketches.tell()
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
  async leavePeaks(): Promise<void> {
    const names = new Set(this.several.map(({ name }) => name))
    await eachInTurns(this.counts.all, this.budget.pace, (count) => {
      if (names.has(count.group)) count.peak = undefined
    })
  }

  /** Counts exactly who watched groups, whose series are among the cells given. */
  async countViewers(groups: readonly Group[], cells: readonly Series[]): Promise<void> {
    const seen = new Distinct(this.budget)
    const byCells = await inCells(groups, cells, this.budget.pace)
    await this.each<{ hour: number; viewer: string }>(viewers, 'hour, viewer', byCells, (row, groups) => {
      for (const group of groups) seen.add(this.count(row.hour, group), [row.viewer])
    })
    await seen.tell()
  }

  private count(moment: number, { name }: Group): Count {
    return this.counts.of(this.span.bucketOf(moment), name, () => this.budget.keep(countSize))
  }

  /** Every row of a level that belongs to a group, with all groups that it belongs to. */
  private async each<T extends object>(
    level: Level,
    columns: string,
    groups: readonly Group[],
    use: (row: T, groups: readonly Group[]) => Step,
  ): Promise<void> {
    const groupsOf = new Map<number, Group[]>()
    await eachInTurns(groups, this.budget.pace, (group) =>
      eachInTurns(group.series, this.budget.pace, ({ series }) => {
        known(groupsOf, series, () => []).push(group)
      }),
    )
    const { from, to } = this.span
    await this.rows.each<T>(level, columns, new Set(groupsOf.keys()), from, to, (row) =>
      use(row, groupsOf.get(row.series) ?? []),
    )
  }
}

/** Different names, of each count its own; about how many where some are known by a sketch alone. */
class Distinct {
  private readonly seen = new Map<Count, Set<string>>()
  private readonly sketches = new Map<Count, Sketch>()

  constructor(private readonly budget: Budget) {}

  add(count: Count, names: readonly string[]): void {
    if (names.length === 0) return
    const own = known(this.seen, count, () => new Set<string>())
    const before = own.size
    for (const name of names) own.add(name)
    this.budget.keep(own.size - before)
  }

  merge(count: Count, text: string): void {
    const sketch = known(this.sketches, count, () => new Sketch())
    const before = sketch.size
    sketch.mergeText(text)
    this.budget.keep(sketch.size - before)
  }

  async tell(): Promise<void> {
    const { pace } = this.budget
    await eachInTurns(this.seen, pace, ([count, names]) => {
      count.viewers = names.size
    })
    await eachInTurns(this.sketches, pace, async ([count, sketch]) => {
      await eachInTurns(this.seen.get(count) ?? [], pace, (name) => sketch.add(hashOf(name)))
      count.viewers = sketch.count
    })
  }
}

/** Sketches, of each count its own. */
class Sketches {
  private readonly sketches = new Map<Count, Sketch>()

  constructor(private readonly budget: Budget) {}

  merge(count: Count, text: string): void {
    const own = known(this.sketches, count, () => new Sketch())
    const before = own.size
    own.mergeText(text)
    this.budget.keep(own.size - before)
  }

  tell(): Step {
    return eachInTurns(this.sketches, this.budget.pace, ([count, sketch]) => {
      count.viewers = sketch.count
    })
  }
}

/** The same groups by the cells of their series: of those alone it is kept who watched. */
async function inCells(groups: readonly Group[], cells: readonly Series[], pace: Pace): Promise<Group[]> {
  const byName = new Map<string, Series[]>()
  const nameOf = (kind: SeriesKind, { server, app, stream }: Series) =>
    JSON.stringify([kind, kind === 'server' ? server : kind === 'app' ? app : kind === 'stream' ? stream : ''])
  const kinds = new Set(groups.flatMap(({ series }) => series.slice(0, 1).map(({ kind }) => kind)))
  kinds.delete('cell')
  await eachInTurns(cells, pace, (cell) => {
    for (const kind of kinds) known(byName, nameOf(kind, cell), () => []).push(cell)
  })
  return groups.map(({ name, series }) => ({
    name,
    series: series[0]?.kind === 'cell' ? series : series.flatMap((one) => byName.get(nameOf(one.kind, one)) ?? []),
  }))
}

function known<K, V>(values: Map<K, V>, key: K, make: () => V): V {
  const found = values.get(key)
  if (found !== undefined) return found
  const made = make()
  values.set(key, made)
  return made
}
