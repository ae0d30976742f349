import type { Queries } from './db.js'
import { pageOf } from './pages.js'
import type { Touch } from './store.js'

export interface Account {
  readonly account: number
  readonly name: string
  readonly enable: boolean
  /** Where its days begin, such as `Europe/Berlin`. */
  readonly time_zone: string
}

type Row = Omit<Account, 'enable'> & { readonly enable: number }

const columns = 'account, name, enable, time_zone'

/** Accounts and their owners; the one repository that is not cut to an account: its commands need `instance`. */
export class Accounts {
  constructor(
    private readonly queries: Queries,
    private readonly touch: Touch,
  ) {}

  async find(account: number): Promise<Account | undefined> {
    const row = await this.queries.get<Row>(`select ${columns} from accounts where account = $1`, [account])
    return row && { ...row, enable: row.enable === 1 }
  }

  /** A page of them in the order of their numbers. */
  async page(page: number, pagesize: number): Promise<{ accounts: Account[]; total: number }> {
    const listing = { table: 'accounts', columns, where: 'account is not null', order: 'account', params: [] }
    const { rows, total } = await pageOf<Row>(this.queries, listing, page, pagesize)
    return { accounts: rows.map((row) => ({ ...row, enable: row.enable === 1 })), total }
  }

  async update({ account, name, enable, time_zone }: Account): Promise<void> {
    await this.queries.run('update accounts set name = $2, enable = $3, time_zone = $4 where account = $1', [
      account,
      name,
      enable ? 1 : 0,
      time_zone,
    ])
    this.touch(`account:${account}`)
  }

  /** The highest number that is taken, of those up to `most`; 0 when there is none. */
  async highest(most: number): Promise<number> {
    const row = await this.queries.get<{ highest: number | null }>(
      'select max(account) as highest from accounts where account <= $1',
      [most],
    )
    return row?.highest ?? 0
  }

  /** Makes an account with its owner principal, in UTC; false when the number is taken. */
  async insert(
    { account, name, enable }: Omit<Account, 'time_zone'>,
    ownerId: string,
    now: number,
    instance = false,
  ): Promise<boolean> {
    const inserted = await this.queries.run(
      'insert into accounts (account, name, enable, version, created_at) values ($1, $2, $3, 0, $4) on conflict do nothing',
      [account, name, enable ? 1 : 0, now],
    )
    if (inserted === 0) return false
    await this.queries.run(
      `insert into principals (account, kind, id, permissions, enable, created_at) values ($1, 'owner', $2, $3, 1, $4)`,
      [account, ownerId, JSON.stringify(instance ? ['*', 'instance'] : ['*']), now],
    )
    this.touch(`account:${account}`, true)
    return true
  }

  /** The id of an account's owner, or undefined when there is no such account. */
  async owner(account: number): Promise<string | undefined> {
    const row = await this.queries.get<{ id: string }>(
      `select id from principals where account = $1 and kind = 'owner' order by id limit 1`,
      [account],
    )
    return row?.id
  }
}
