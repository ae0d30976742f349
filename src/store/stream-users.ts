import type { Queries } from './db.js'
import { publisherDigest } from './digest.js'
import { ownPace, type Pace } from './pace.js'
import { paged } from './paged.js'

/** Who may publish a stream; `user` is null where no name is asked for. */
export interface StreamUser {
  readonly streamuser_id: number
  readonly app: string
  readonly stream: string
  readonly user: string | null
  readonly created_at: number
  /** The vendor's recording settings, as they were given. */
  readonly settings: object
}

export interface StreamUserRef {
  readonly streamuser_id?: number | undefined
  readonly app?: string | undefined
  readonly stream?: string | undefined
  readonly user?: string | null | undefined
}

interface Row {
  id: number
  app: string
  stream: string
  publisher: string
  settings: string
  created_at: number
}

const toStreamUser = (row: Row): StreamUser => ({
  streamuser_id: row.id,
  app: row.app,
  stream: row.stream,
  user: row.publisher === '' ? null : row.publisher,
  created_at: row.created_at,
  settings: JSON.parse(row.settings),
})

const columns = 'id, app, stream, publisher, settings, created_at'
const filter = 'account = $1 and (cast($2 as text) is null or app = $2) and (cast($3 as text) is null or stream = $3)'

/** Stream users of one account. */
export class StreamUsers {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly pace: Pace = ownPace(),
  ) {}

  /** The new id, or undefined when application, stream and user exist already. */
  async insert(
    added: { app: string; stream: string; user: string | null; pass: string | null; settings: object },
    now: number,
  ): Promise<number | undefined> {
    const counter = await this.queries.get<{ value: number }>(
      `insert into counters (account, name, value) values ($1, 'stream_user', 1)
       on conflict (account, name) do update set value = counters.value + 1 returning value`,
      [this.account],
    )
    const id = counter?.value ?? 1
    const publisher = added.user ?? ''
    const digest = publisherDigest(publisher)
    const inserted = await this.queries.run(
      `insert into stream_users (account, id, app, stream, publisher, publisher_digest, pass, settings, created_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
      [this.account, id, added.app, added.stream, publisher, digest, added.pass, JSON.stringify(added.settings), now],
    )
    return inserted === 1 ? id : undefined
  }

  async list(
    wanted: { app?: string | undefined; stream?: string | undefined },
    page: number,
    pagesize: number,
  ): Promise<{ data: StreamUser[]; total: number }> {
    const params = [this.account, wanted.app ?? null, wanted.stream ?? null]
    const asked = { table: 'stream_users', columns, key: 'id', filter, params }
    const { rows, total } = await paged<Row>(this.queries, this.pace, asked, page, pagesize)
    return { data: rows.map(toStreamUser), total }
  }

  /** True when exactly the one named was removed: everything given must agree. */
  async remove(ref: StreamUserRef): Promise<boolean> {
    const publisher = ref.user === undefined ? null : (ref.user ?? '')
    const removed = await this.queries.run(
      `delete from stream_users where account = $1 and (cast($2 as bigint) is null or id = $2)
       and (cast($3 as text) is null or app = $3) and (cast($4 as text) is null or stream = $4)
       and (cast($5 as text) is null or (publisher_digest = $6 and publisher = $5))`,
      [
        this.account,
        ref.streamuser_id ?? null,
        ref.app ?? null,
        ref.stream ?? null,
        publisher,
        publisher === null ? null : publisherDigest(publisher),
      ],
    )
    return removed === 1
  }
}
