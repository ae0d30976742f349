import { lockAccount } from './account-lock.js'
import type { Tagging } from './bindings.js'
import type { Queries } from './db.js'
import type { Touch } from './store.js'
import { changeTagged } from './user-tags.js'

/** What a panel user was assigned, by id: slices add up, servers restrict; an empty list restricts nothing. */
export interface Scope {
  readonly slices: readonly string[]
  readonly servers: readonly string[]
}

const administrator = 1

/** What the panel users of one account were assigned. */
export class Scopes {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly tagging: Tagging,
    private readonly touch: Touch,
  ) {}

  /** Undefined for a user that was assigned nothing, or is not there. */
  async of(user: string): Promise<Scope | undefined> {
    return (await this.find(user))?.scope
  }

  /** What limits a user: an administrator, who could assign itself more, is limited by nothing. */
  async limiting(user: string): Promise<Scope | undefined> {
    const found = await this.find(user)
    return found?.type === administrator ? undefined : found?.scope
  }

  private async find(user: string): Promise<{ type: number; scope: Scope | undefined } | undefined> {
    const row = await this.queries.get<{ type: number; scope: string | null }>(
      'select type, scope from users where account = $1 and id = $2',
      [this.account, user],
    )
    return row && { type: row.type, scope: row.scope === null ? undefined : toScope(row.scope) }
  }

  /** An assignment of nothing at all is none. */
  async set(user: string, { slices, servers }: Scope, now: number): Promise<void> {
    const scope = slices.length + servers.length === 0 ? null : JSON.stringify({ slices, servers })
    await changeTagged(this.queries, this.tagging, { account: this.account, id: user }, () =>
      this.queries.run('update users set scope = $3, updated_at = $4 where account = $1 and id = $2', [
        this.account,
        user,
        scope,
        now,
      ]),
    )
    await assign(this.queries, this.account, user, { slices, servers })
    this.touch(`user:${this.account}:${user}`)
  }

  /** Whether somebody was assigned a slice or a server. Takes the account's lock, so that it holds until the commit. */
  async isAssigned(what: keyof Scope, id: string): Promise<boolean> {
    await this.lock()
    const row = await this.queries.get(
      'select 1 as one from assigned where account = $1 and what = $2 and id = $3 limit 1',
      [this.account, what, id],
    )
    return row !== undefined
  }

  /** Keeps slices and servers from being removed until the commit. */
  async lock(): Promise<void> {
    await lockAccount(this.queries, this.account)
  }
}

/** Notes by slice and server what a user was assigned, in place of what it was assigned before. */
export async function assign(queries: Queries, account: number, user: string, scope: Scope | undefined): Promise<void> {
  await queries.run('delete from assigned where account = $1 and user_id = $2', [account, user])
  for (const what of ['slices', 'servers'] as const) {
    const ids = scope?.[what] ?? []
    if (ids.length === 0) continue
    const rows = ids.map((_, index) => `($1, $2, $3, $${index + 4})`).join(', ')
    await queries.run(`insert into assigned (account, user_id, what, id) values ${rows}`, [account, user, what, ...ids])
  }
}

export const toScope = (text: string): Scope => JSON.parse(text)
