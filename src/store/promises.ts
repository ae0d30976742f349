import type { Queries } from './db.js'

/** The settings that promise something for a time, in seconds. */
export const promised = ['keep', 'window', 'samples', 'minutes', 'hours', 'days'] as const

export type Promised = (typeof promised)[number]

export type PromisedValues = Readonly<Record<Promised, number>>

interface Row {
  readonly name: Promised
  readonly value: number
  readonly used_at: number
}

/**
 * How long processes on this database have promised things. A process may be started with a smaller value than another
 * one, or than the one before it: what was promised under the larger value holds until that time has passed since its last use.
 */
export class Promises {
  constructor(private readonly queries: Queries) {}

  /** Notes that a process uses these values. `now` in Unix seconds. */
  async use(values: PromisedValues, now: number): Promise<void> {
    for (const name of promised) {
      await this.queries.run(
        `insert into promises (name, value, used_at) values ($1, $2, $3)
         on conflict (name, value) do update set used_at = excluded.used_at`,
        [name, values[name], now],
      )
    }
  }

  /** The largest of each that still holds at `now` (Unix seconds), never less than `own`. */
  async inForce(own: PromisedValues, now: number): Promise<PromisedValues> {
    const values: Record<Promised, number> = { ...own }
    for (const { name, value, used_at } of await this.all()) {
      // A message may be dated ahead by the window, and one that was accepted then is fresh for two.
      const holds = name === 'window' ? 2 * value : value
      // One that seems to be used in the future was noted by a clock that was ahead, or this one is behind: it holds.
      if (used_at + holds >= now) values[name] = Math.max(values[name], value)
    }
    return values
  }

  /** The largest value that any process ever used; 0 where none did. */
  async largest(name: Promised): Promise<number> {
    const sql = 'select max(value) as largest from promises where name = $1'
    return (await this.queries.get<{ largest: number | null }>(sql, [name]))?.largest ?? 0
  }

  private all(): Promise<Row[]> {
    const sql = `select name, value, used_at from promises order by name, value`
    return this.queries.all<Row>(sql)
  }
}
