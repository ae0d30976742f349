import type { Queries } from './db.js'
import type { Pace } from './pace.js'
import { amongIds, pageOf } from './pages.js'
import { walk } from './walk.js'

/** Globs over names; what is absent matches every name. */
export interface SliceMatch {
  readonly servers?: readonly string[] | undefined
  readonly apps?: readonly string[] | undefined
  readonly streams?: readonly string[] | undefined
}

export interface Slice {
  readonly id: string
  readonly name: string
  readonly match: SliceMatch
}

interface Row {
  id: string
  name: string
  matches: string
}

const toSlice = ({ id, name, matches }: Row): Slice => ({ id, name, match: JSON.parse(matches) })

/** Data slices of one account: named parts of the streams on its servers. */
export class Slices {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly pace: Pace,
  ) {}

  async find(id: string): Promise<Slice | undefined> {
    const row = await this.queries.get<Row>('select id, name, matches from slices where account = $1 and id = $2', [
      this.account,
      id,
    ])
    return row && toSlice(row)
  }

  async list(): Promise<Slice[]> {
    const rows = await this.queries.all<Row>('select id, name, matches from slices where account = $1 order by id', [
      this.account,
    ])
    return rows.map(toSlice)
  }

  /** What a slice matches, as JSON. */
  async text(id: string): Promise<{ id: string; text: string } | undefined> {
    return this.queries.get('select id, matches as text from slices where account = $1 and id = $2', [this.account, id])
  }

  /** What each matches, as JSON, in the order of their ids. */
  async texts(): Promise<{ id: string; text: string }[]> {
    const found: { id: string; text: string }[] = []
    const sql = 'select id, matches as text from slices where account = $1'
    await walk<{ id: string; text: string }>(
      this.queries,
      this.pace,
      { sql, params: [this.account], key: ['id'], after: [''] },
      (one) => {
        found.push(one)
      },
    )
    return found
  }

  /** A page of them in the order of their ids; of those alone that are held, where any are. */
  async page(held: readonly string[], page: number, pagesize: number): Promise<{ slices: Slice[]; total: number }> {
    const listing = { table: 'slices', columns: 'id, name, matches', where: amongIds(held), order: 'id' }
    const params = [this.account, ...held]
    const { rows, total } = await pageOf<Row>(this.queries, { ...listing, params }, page, pagesize)
    return { slices: rows.map(toSlice), total }
  }

  /** Whether each of some ids, all different, is there. */
  async haveAll(ids: readonly string[]): Promise<boolean> {
    if (ids.length === 0) return true
    const row = await this.queries.get<{ there: number }>(
      `select count(*) as there from slices where ${amongIds(ids)}`,
      [this.account, ...ids],
    )
    return row?.there === ids.length
  }

  async count(): Promise<number> {
    const row = await this.queries.get<{ total: number }>('select count(*) as total from slices where account = $1', [
      this.account,
    ])
    return row?.total ?? 0
  }

  async set({ id, name, match }: Slice, now: number): Promise<void> {
    await this.queries.run(
      `insert into slices (account, id, name, matches, created_at) values ($1, $2, $3, $4, $5)
       on conflict (account, id) do update set name = excluded.name, matches = excluded.matches`,
      [this.account, id, name, JSON.stringify(match), now],
    )
  }

  async remove(id: string): Promise<void> {
    await this.queries.run('delete from slices where account = $1 and id = $2', [this.account, id])
  }
}
