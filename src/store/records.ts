import type { Queries } from './db.js'

/** PostgreSQL takes 2,704 bytes in a row of an index. */
const mostBytes = 2_000

function requireShort(kind: string, id: string): void {
  const bytes = Buffer.byteLength(kind) + Buffer.byteLength(id)
  if (bytes > mostBytes) throw new RangeError(`the kind and id of a record have ${bytes} bytes; ${mostBytes} are taken`)
}

/** JSON values by kind and id, of one account: what an operator's own commands keep. Kind and id have at most 2,000 bytes together. */
export class Records {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  async get(kind: string, id: string): Promise<unknown> {
    const row = await this.queries.get<{ value: string }>(
      'select value from records where account = $1 and kind = $2 and id = $3',
      [this.account, kind, id],
    )
    return row && JSON.parse(row.value)
  }

  async set(kind: string, id: string, value: unknown): Promise<void> {
    requireShort(kind, id)
    await this.queries.run(
      `insert into records (account, kind, id, value) values ($1, $2, $3, $4)
       on conflict (account, kind, id) do update set value = excluded.value`,
      [this.account, kind, id, JSON.stringify(value ?? null)],
    )
  }

  /** True when there was one to remove. */
  async remove(kind: string, id: string): Promise<boolean> {
    return (
      (await this.queries.run('delete from records where account = $1 and kind = $2 and id = $3', [
        this.account,
        kind,
        id,
      ])) === 1
    )
  }

  /** Every record of a kind whose id starts with `prefix`, by id. */
  async list(kind: string, prefix = '', limit = 1000): Promise<{ id: string; value: unknown }[]> {
    const rows = await this.queries.all<{ id: string; value: string }>(
      `select id, value from records where account = $1 and kind = $2 and id >= $3 and substr(id, 1, $4) = $3
       order by id limit $5`,
      [this.account, kind, prefix, [...prefix].length, limit],
    )
    return rows.map(({ id, value }) => ({ id, value: JSON.parse(value) }))
  }

  /** Adds to a number kept under an id (absent counts as 0) and returns the sum: one statement, safe on every engine. */
  async add(kind: string, id: string, amount: number): Promise<number> {
    requireShort(kind, id)
    const row = await this.queries.get<{ value: string }>(
      `insert into records (account, kind, id, value) values ($1, $2, $3, cast(cast($4 as bigint) as text))
       on conflict (account, kind, id) do update set value = cast(cast(records.value as bigint) + cast($4 as bigint) as text)
       returning value`,
      [this.account, kind, id, amount],
    )
    return Number(row?.value ?? amount)
  }
}
