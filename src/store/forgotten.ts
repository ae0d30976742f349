import type { Queries } from './db.js'
import { Meta } from './meta.js'

/** What is forgotten by its age, level by level. */
export const levelNames = ['samples', 'minutes', 'hours', 'days'] as const

export type LevelName = (typeof levelNames)[number]

/** The newest moment (Unix seconds) of a row of each level that was ever forgotten; 0 where none was. */
export type ForgottenMoments = Readonly<Record<LevelName, number>>

const nameOf = (level: LevelName): string => `forgotten_${level}`

/**
 * What was forgotten of the statistics, of every account. A gateway may keep rows for longer than the one before it, or another
 * one: what was forgotten then is not there all the same.
 */
export class Forgotten {
  constructor(private readonly queries: Queries) {}

  async moments(): Promise<ForgottenMoments> {
    const rows = await this.queries.all<{ name: string; value: string }>(
      `select name, value from meta where name in (${levelNames.map((level) => `'${nameOf(level)}'`).join(', ')})`,
    )
    const values = new Map(rows.map(({ name, value }) => [name, Number(value)]))
    const of = (level: LevelName) => values.get(nameOf(level)) ?? 0
    return { samples: of('samples'), minutes: of('minutes'), hours: of('hours'), days: of('days') }
  }

  /** In the transaction that forgets rows of up to this moment. */
  raise(level: LevelName, to: number): Promise<void> {
    return new Meta(this.queries).raise(nameOf(level), to)
  }
}
