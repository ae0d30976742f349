import type { Value } from './db.js'

/** Rows of a statement, where there are so many: each then takes two thirds of the time. */
const rowsTogether = 10

export interface Statement {
  readonly sql: string
  readonly params: readonly Value[]
}

/** Inserts rows into a table, several with a statement. */
export class Inserts {
  private readonly one: string
  private readonly many: string

  /** `tail`: what follows the values. */
  constructor(
    private readonly table: string,
    private readonly columns: readonly string[],
    private readonly tail = '',
  ) {
    this.one = this.insertOf(1)
    this.many = this.insertOf(rowsTogether)
  }

  /** The statements that insert some rows, in the order of these. */
  *of(rows: Iterable<readonly Value[]>): Iterable<Statement> {
    let together: (readonly Value[])[] = []
    for (const row of rows) {
      if (together.push(row) < rowsTogether) continue
      yield { sql: this.many, params: together.flat() }
      together = []
    }
    for (const row of together) yield { sql: this.one, params: row }
  }

  private insertOf(rows: number): string {
    const { table, columns, tail } = this
    const rowOf = (first: number) => `(${columns.map((_, at) => `$${first + at}`).join(', ')})`
    const values = Array.from({ length: rows }, (_, row) => rowOf(row * columns.length + 1))
    return `insert into ${table} (${columns.join(', ')}) values ${values.join(', ')} ${tail}`
  }
}
