import type { Piece, Queries, Value } from './store/db.js'
import type { Pace } from './store/pace.js'

/** Characters of texts that take about as long to read as a row does. */
const charactersPerRow = 1_000

/** Queries that count as work of a pace, and so do their rows. The pace ends what reads too much, before it reads more. */
export class CountedReads implements Queries {
  constructor(
    private readonly queries: Queries,
    private readonly pace: Pace,
  ) {}

  async all<T extends object>(sql: string, params?: readonly Value[]): Promise<T[]> {
    this.pace.isDue(1)
    const rows = await this.queries.all<T>(sql, params)
    this.count(rows)
    return rows
  }

  async get<T extends object>(sql: string, params?: readonly Value[]): Promise<T | undefined> {
    this.pace.isDue(1)
    const row = await this.queries.get<T>(sql, params)
    this.count(row === undefined ? [] : [row])
    return row
  }

  run(sql: string, params?: readonly Value[]): Promise<number> {
    return this.queries.run(sql, params)
  }

  async piece<T extends object>(sql: string, params: readonly Value[], most: number): Promise<Piece<T>> {
    this.pace.isDue(1)
    const piece = await this.queries.piece<T>(sql, params, most)
    this.count(piece.rows)
    return piece
  }

  private count(rows: readonly object[]): void {
    let characters = 0
    for (const row of rows) {
      for (const value of Object.values(row)) if (typeof value === 'string') characters += value.length
    }
    this.pace.isDue(rows.length + characters / charactersPerRow)
  }
}
