import type { Queries } from './db.js'
import { amongIds, pageOf } from './pages.js'

export interface MediaServer {
  readonly id: string
  readonly name: string
  readonly host: string
}

/** Media servers of one account. */
export class Servers {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  async find(id: string): Promise<MediaServer | undefined> {
    return this.queries.get<MediaServer>('select id, name, host from servers where account = $1 and id = $2', [
      this.account,
      id,
    ])
  }

  /** A page of them in the order of their ids; of those alone that are held, where any are. */
  async page(
    held: readonly string[],
    page: number,
    pagesize: number,
  ): Promise<{ servers: MediaServer[]; total: number }> {
    const listing = { table: 'servers', columns: 'id, name, host', where: amongIds(held), order: 'id' }
    const params = [this.account, ...held]
    const { rows, total } = await pageOf<MediaServer>(this.queries, { ...listing, params }, page, pagesize)
    return { servers: rows, total }
  }

  /** Whether each of some ids, all different, is there. */
  async haveAll(ids: readonly string[]): Promise<boolean> {
    if (ids.length === 0) return true
    const row = await this.queries.get<{ there: number }>(
      `select count(*) as there from servers where ${amongIds(ids)}`,
      [this.account, ...ids],
    )
    return row?.there === ids.length
  }

  async count(): Promise<number> {
    const row = await this.queries.get<{ total: number }>('select count(*) as total from servers where account = $1', [
      this.account,
    ])
    return row?.total ?? 0
  }

  async set({ id, name, host }: MediaServer, now: number): Promise<void> {
    await this.queries.run(
      `insert into servers (account, id, name, host, created_at) values ($1, $2, $3, $4, $5)
       on conflict (account, id) do update set name = excluded.name, host = excluded.host`,
      [this.account, id, name, host, now],
    )
  }

  async remove(id: string): Promise<void> {
    await this.queries.run('delete from servers where account = $1 and id = $2', [this.account, id])
  }
}
