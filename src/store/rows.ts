import type { Queries, Value } from './db.js'

/** Rows that one answer may read: everybody else waits while SQLite reads. */
const mostRows = 300_000
/** From here on everything of the account is looked at, rather than one series after the other. */
const manySeries = 500

/** A table of statistics. */
export interface Level {
  readonly table: string
  /** The column that says when a row's time begins. */
  readonly time: string
  /** Whether rows of one series are found without looking at others. */
  readonly bySeries: boolean
}

/** An answer would have to read more rows than it may. */
export class TooManyRows extends Error {}

/** Rows of the levels of one account, no more of them than one answer may read. */
export class Rows {
  private read = 0

  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  /** Rows of series from a moment until before another one, in no order. */
  async of<T extends object>(
    { table, time, bySeries }: Level,
    columns: string,
    series: ReadonlySet<number>,
    from: number,
    to: number,
  ): Promise<(T & { series: number })[]> {
    type Row = T & { series: number }
    const sql = `select series, ${columns} from ${table} where account = $1 and ${time} >= $2 and ${time} < $3`
    if (!bySeries || series.size > manySeries) {
      const rows = await this.limited<Row>(sql, [this.account, from, to])
      return rows.filter((row) => series.has(row.series))
    }
    const found: Row[][] = []
    for (const one of series)
      found.push(await this.limited<Row>(`${sql} and series = $4`, [this.account, from, to, one]))
    return found.flat()
  }

  private async limited<T extends object>(sql: string, params: readonly Value[]): Promise<T[]> {
    const rows = await this.queries.all<T>(`${sql} limit $${params.length + 1}`, [...params, mostRows - this.read + 1])
    this.read += rows.length
    if (this.read > mostRows) throw new TooManyRows('too many rows')
    return rows
  }
}
