import type { Queries } from './db.js'

/** Which key is the API access of a panel user, in one account. */
export class ApiAccess {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  async find(user: string): Promise<{ keyId: string; createdAt: number } | undefined> {
    return this.queries.get<{ keyId: string; createdAt: number }>(
      'select key_id as "keyId", created_at as "createdAt" from api_access where account = $1 and user_id = $2',
      [this.account, user],
    )
  }

  async set(user: string, keyId: string, now: number): Promise<void> {
    await this.queries.run(
      `insert into api_access (account, user_id, key_id, created_at) values ($1, $2, $3, $4)
       on conflict (account, user_id) do update set key_id = excluded.key_id, created_at = excluded.created_at`,
      [this.account, user, keyId, now],
    )
  }
}
