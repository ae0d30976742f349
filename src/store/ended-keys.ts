import type { Queries } from './db.js'

const madeNothingLeft = `not exists (select 1 from keys k where k.account = $1 and k.created_by = $2)
  and not exists (select 1 from ended_keys e where e.account = $1 and e.created_by = $2)`

/** Which keys of one account were removed with their principals: the lineage of the keys that they made. */
export class EndedKeys {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  /** Removes a principal's keys and access tokens and keeps the lineage of what the keys made; returns the ids of the keys. */
  async removeAllOf(kind: string, id: string): Promise<string[]> {
    const owner = [this.account, kind, id]
    const whose = 'account = $1 and principal_kind = $2 and principal_id = $3'
    await this.queries.run(`delete from access_tokens where ${whose}`, owner)
    const removed = await this.queries.all<{ key_id: string; created_by: string }>(
      `delete from keys where ${whose} returning key_id, created_by`,
      owner,
    )
    for (const { key_id: keyId, created_by: createdBy } of removed) {
      await this.queries.run('insert into ended_keys (account, key_id, created_by) values ($1, $2, $3)', [
        this.account,
        keyId,
        createdBy,
      ])
    }
    for (const { key_id: keyId } of removed) await this.forgetChildless(keyId)
    return removed.map(({ key_id: keyId }) => keyId)
  }

  /** Forgets an ended key of which no key is left, then its maker if that made only this one, and so on. */
  private async forgetChildless(keyId: string): Promise<void> {
    for (let next: string | undefined = keyId; next !== undefined; ) {
      const forgotten: { created_by: string } | undefined = await this.queries.get<{ created_by: string }>(
        `delete from ended_keys where account = $1 and key_id = $2 and ${madeNothingLeft} returning created_by`,
        [this.account, next],
      )
      next = forgotten?.created_by
    }
  }
}
