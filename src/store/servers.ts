import type { Queries } from './db.js'

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

  async list(): Promise<MediaServer[]> {
    return this.queries.all<MediaServer>('select id, name, host from servers where account = $1 order by id', [
      this.account,
    ])
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
