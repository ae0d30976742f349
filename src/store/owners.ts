import type { Queries } from './db.js'

interface Principal {
  readonly account: number
  readonly kind: string
  readonly id: string
}

const nobody: Principal = { account: 0, kind: '', id: '' }

/** A panel user by its account and login. */
export interface UserName {
  readonly account: number
  readonly login: string
}

/** Who is meant by a message that names only its owner (protocol §8.3). */
export class Owners {
  constructor(private readonly queries: Queries) {}

  /**
   * The ids of at most five keys that may have signed for an owner at `now` (Unix seconds): the key of that id if there is
   * one, then the enabled keys of its principal. Without such a key, those of the principal of that id, or else of `user`.
   * Ids of keys and principals are one in the instance, and no account chooses one: so no login comes before them. The
   * same queries are made whatever is found.
   */
  async keysOf(owner: string, user: UserName, now: number): Promise<string[]> {
    const key = await this.queries.get<Principal>(
      'select account, principal_kind as kind, principal_id as id from keys where key_id = $1',
      [owner],
    )
    const named = await this.queries.get<Principal>(
      `select account, kind, id, 0 as turn from principals where id = $1
       union all select account, 'user' as kind, id, 1 as turn from users where account = $2 and id = $3
       order by turn limit 1`,
      [owner, user.account, user.login],
    )
    const { account, kind, id } = key ?? named ?? nobody
    const rows = await this.queries.all<{ key_id: string }>(
      `select key_id from keys where account = $1 and principal_kind = $2 and principal_id = $3 and enable = 1
       and revoked_at is null and (expires_at is null or expires_at > $4) and key_id <> $5
       order by created_at, key_id limit 5`,
      [account, kind, id, now, owner],
    )
    return [...(key ? [owner] : []), ...rows.map((row) => row.key_id)].slice(0, 5)
  }
}
