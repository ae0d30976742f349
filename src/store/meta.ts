import type { Queries } from './db.js'

const partitionName = 'partition'
const compatibleName = 'compatible_since'

/** Single values of the database: the floor, the master key's fingerprint, the decoy secret. */
export class Meta {
  constructor(private readonly queries: Queries) {}

  async get(name: string): Promise<string | undefined> {
    return (await this.queries.get<{ value: string }>('select value from meta where name = $1', [name]))?.value
  }

  async set(name: string, value: string): Promise<void> {
    await this.queries.run(
      'insert into meta (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value',
      [name, value],
    )
  }

  /** False, with nothing changed, when there is one already: of several nodes at once, one is the first. */
  async add(name: string, value: string): Promise<boolean> {
    const sql = 'insert into meta (name, value) values ($1, $2) on conflict do nothing'
    return (await this.queries.run(sql, [name, value])) === 1
  }

  async remove(name: string): Promise<void> {
    await this.queries.run('delete from meta where name = $1', [name])
  }

  /** Messages with a timestamp at or below it are refused, whatever the clock says (protocol §4). Unix seconds. */
  async floor(): Promise<number> {
    return Number((await this.get('floor')) ?? 0)
  }

  /** The schema of the oldest program that may use the database; undefined before migration 0032. */
  async compatibleSince(): Promise<number | undefined> {
    const value = await this.get(compatibleName)
    return value === undefined ? undefined : Number(value)
  }

  async raiseCompatibleSince(to: number): Promise<void> {
    await this.raise(compatibleName, to)
  }

  /** The partition of new claims; it only grows. */
  async partition(): Promise<number> {
    return Number((await this.get(partitionName)) ?? 0)
  }

  async setPartition(to: number): Promise<void> {
    await this.set(partitionName, String(to))
  }

  /** Until when messages were dated that claims may have been forgotten for; 0 where none was. Unix seconds. */
  async newestForgotten(): Promise<number> {
    return Number((await this.get('newest_forgotten')) ?? 0)
  }

  /** Notes that claims for messages dated until a moment are forgotten, and refuses such messages from now on. */
  async forgotten(until: number): Promise<void> {
    await this.raiseFloor(until)
    await this.raise('newest_forgotten', until)
  }

  /** For an operator who knows what may have been signed before. */
  async lowerFloor(to: number): Promise<void> {
    await this.set('floor', String(to))
  }

  async raiseFloor(to: number): Promise<void> {
    // One statement: what was read before may have been raised by another node since.
    await this.raise('floor', to)
  }

  /** Makes a number larger; never smaller. */
  async raise(name: string, to: number): Promise<void> {
    await this.queries.run(
      `insert into meta (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value
       where cast(meta.value as bigint) < cast(excluded.value as bigint)`,
      [name, String(to)],
    )
  }
}
