import type { Queries } from './db.js'

interface Principal {
  readonly account: number
  readonly kind: string
  readonly id: string
}

const nobody: Principal = { account: 0, kind: '', id: '' }

/** Kinds whose ids are made here: nobody can choose another's, as a login can be chosen. */
const generated: ReadonlySet<string> = new Set(['owner', 'subowner'])

/** Principals by an id alone, of whatever account: for messages that name only their owner (protocol §9.3). */
export class Owners {
  constructor(private readonly queries: Queries) {}

  /**
   * The ids of at most five keys that may have signed for an owner: the key of that id if there is one, then the enabled
   * keys of its principal, or of the principal of that id, at `now` (Unix seconds). The same queries whatever is found.
   */
  async keysOf(owner: string, now: number): Promise<string[]> {
    const key = await this.queries.get<Principal>(
      'select account, principal_kind as kind, principal_id as id from keys where key_id = $1',
      [owner],
    )
    const named = await this.queries.all<Principal>(
      `select account, kind, id from principals where id = $1
       union all select account, 'user' as kind, id from users where id = $1 limit 3`,
      [owner],
    )
    const { account, kind, id } = key ?? onlyOne(named) ?? nobody
    const rows = await this.queries.all<{ key_id: string }>(
      `select key_id from keys where account = $1 and principal_kind = $2 and principal_id = $3 and enable = 1
       and revoked_at is null and (expires_at is null or expires_at > $4) and key_id <> $5
       order by created_at, key_id limit 5`,
      [account, kind, id, now, owner],
    )
    return [...(key ? [owner] : []), ...rows.map((row) => row.key_id)].slice(0, 5)
  }
}

/** The principal that is meant; undefined when there is none, or several have the id. */
function onlyOne(principals: readonly Principal[]): Principal | undefined {
  const own = principals.filter(({ kind }) => generated.has(kind))
  const [first, ...others] = own.length > 0 ? own : principals
  return others.length === 0 ? first : undefined
}
