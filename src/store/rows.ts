import type { Queries, Value } from './db.js'
import type { Pace, Step } from './pace.js'
import { hasMoreThan, type Walk, walk } from './walk.js'

/** Rows that one answer may read. */
const mostRows = 300_000
/** What one answer may keep in memory, in entries of a set: some 100 MB. */
const mostKept = 4_000_000
/** From here on everything of the account is looked at, rather than one series after the other. */
const manySeries = 500

/** A table of statistics. */
export interface Level {
  readonly table: string
  /** The column that says when a row's time begins. */
  readonly time: string
  /** What tells the rows of an account apart, in the order in which they lie; the time comes first. */
  readonly key: readonly string[]
  /** Whether rows of one series are found without looking at others. */
  readonly bySeries: boolean
}

/** An answer would have to read or keep more than it may. */
export class TooManyRows extends Error {}

/** What one answer has taken so far. */
export class Budget {
  private read = 0
  private kept = 0

  constructor(readonly pace: Pace) {}

  /** Rows that may still be read. */
  get left(): number {
    return mostRows - this.read
  }

  /** Counts a row that was read. */
  takeRow(): void {
    if (++this.read > mostRows) throw new TooManyRows('too many rows')
  }

  /** Counts what is kept until the answer is there, in entries of a set. */
  keep(entries: number): void {
    this.kept += entries
    if (this.kept > mostKept) throw new TooManyRows('too much to keep')
  }
}

/** Rows of the levels of one account, no more of them than one answer may read. */
export class Rows {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly budget: Budget,
  ) {}

  /** Hands over every row of some series from a moment until before another one. */
  async each<T extends object>(
    level: Level,
    columns: string,
    series: ReadonlySet<number>,
    from: number,
    to: number,
    use: (row: T & { series: number }) => Step,
  ): Promise<void> {
    const { table, time, key, bySeries } = level
    const sql = `select series, ${columns} from ${table} where account = $1 and ${time} < $2`
    if (!bySeries || series.size > manySeries) {
      const wanted = (row: T & { series: number }) => (series.has(row.series) ? use(row) : undefined)
      const asked = { sql, params: [this.account, to], key, after: startOf(key, from) }
      const { pace, left } = this.budget
      if (await hasMoreThan(this.queries, pace, asked, left)) throw new TooManyRows('too many rows')
      return this.walk(asked, wanted)
    }
    const own = key.filter((column) => column !== 'series')
    for (const one of series) {
      const params = [this.account, to, one]
      await this.walk({ sql: `${sql} and series = $3`, params, key: own, after: startOf(own, from) }, use)
    }
  }

  private walk<T extends object>(asked: Walk, use: (row: T) => Step): Promise<void> {
    return walk<T>(this.queries, this.budget.pace, asked, (row) => {
      this.budget.takeRow()
      return use(row)
    })
  }
}

/** Before every row from a moment on: no number of a series and no name comes before these. */
const startOf = (key: readonly string[], from: number): Value[] =>
  key.length === 1 ? [from - 1] : [from, ...key.slice(1).map((column) => (column === 'series' ? -1 : ''))]
