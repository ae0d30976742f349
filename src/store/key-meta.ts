import type { Queries } from './db.js'
import { Meta } from './meta.js'

/** What the database says of the master keys that it was and is sealed under. */
export interface KeyState {
  /** Names the key in force; undefined in a database that is being made. */
  readonly fingerprint: string | undefined
  /** The key before, sealed under the one in force, while rows may be sealed under it. */
  readonly previous: string | undefined
  /** Derived keys that kept claims were compared with before, sealed under the one in force. */
  readonly paramsKeys: readonly string[]
}

export class KeyMeta {
  constructor(private readonly queries: Queries) {}

  async read(): Promise<KeyState> {
    const rows = await this.queries.all<{ name: string; value: string }>(
      `select name, value from meta where name in ('master_key', 'previous_master_key', 'earlier_params_keys')`,
    )
    const values = new Map(rows.map(({ name, value }) => [name, value]))
    return {
      fingerprint: values.get('master_key'),
      previous: values.get('previous_master_key'),
      paramsKeys: JSON.parse(values.get('earlier_params_keys') ?? '[]'),
    }
  }

  /** The name of the key in force, and the schema of the oldest program that may use the database. */
  async inForce(): Promise<{ readonly fingerprint: string | undefined; readonly compatibleSince: number }> {
    const rows = await this.queries.all<{ name: string; value: string }>(
      `select name, value from meta where name in ('master_key', 'compatible_since')`,
    )
    const values = new Map(rows.map(({ name, value }) => [name, value]))
    return { fingerprint: values.get('master_key'), compatibleSince: Number(values.get('compatible_since') ?? 0) }
  }

  async write({ fingerprint, previous, paramsKeys }: KeyState): Promise<void> {
    const meta = new Meta(this.queries)
    if (fingerprint !== undefined) await meta.set('master_key', fingerprint)
    if (previous === undefined) await meta.remove('previous_master_key')
    else await meta.set('previous_master_key', previous)
    await meta.set('earlier_params_keys', JSON.stringify(paramsKeys))
  }
}
