import type { Queries } from './db.js'
import type { Budget } from './rows.js'
import { walk } from './walk.js'

/** A stream on a server, or all of one server, application, stream or the account. */
export type SeriesKind = 'all' | 'server' | 'app' | 'stream' | 'cell'

/** What is counted together, by its number within the account; a name that does not matter to its kind is empty. */
export interface Series {
  readonly series: number
  readonly kind: SeriesKind
  readonly server: string
  readonly app: string
  readonly stream: string
}

type Names = Pick<Series, 'server' | 'app' | 'stream'>

/** Where what happens in a cell counts, the cell first. */
export interface Counting {
  readonly cell: number
  readonly all: number
  readonly server: number
  readonly app: number
  readonly stream: number
}

/** The series of one account; it remembers those that it was asked for. */
export class SeriesNumbers {
  private readonly known = new Map<string, number>()

  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  /** Makes those that are new. */
  async counting({ server, app, stream }: Names): Promise<Counting> {
    return {
      cell: await this.numberOf('cell', server, app, stream),
      all: await this.numberOf('all', '', '', ''),
      server: await this.numberOf('server', server, '', ''),
      app: await this.numberOf('app', '', app, ''),
      stream: await this.numberOf('stream', '', '', stream),
    }
  }

  /** Those of a kind, of one server where that is given. */
  async list(kind: SeriesKind, server: string | undefined, budget: Budget): Promise<Series[]> {
    const found: Series[] = []
    const sql = 'select series, kind, server, app, stream from stats_series where account = $1 and kind = $2'
    const params = [this.account, kind]
    // The one of the whole account has no names.
    if (kind === 'all') return this.queries.all<Series>(sql, params)
    const all = { sql, params, key: ['server', 'app', 'stream'], after: ['', '', ''] }
    const ofServer = {
      sql: `${sql} and server = $3`,
      params: [...params, server ?? ''],
      key: ['app', 'stream'],
      after: ['', ''],
    }
    if (kind === 'server' && server !== undefined) return this.queries.all<Series>(ofServer.sql, ofServer.params)
    await walk<Series>(this.queries, budget.pace, server === undefined ? all : ofServer, (series) => {
      // As much memory as a dozen names in a set.
      budget.keep(12)
      found.push(series)
    })
    return found
  }

  private async numberOf(kind: SeriesKind, ...names: [server: string, app: string, stream: string]): Promise<number> {
    const key = JSON.stringify([kind, ...names])
    const number = this.known.get(key) ?? (await this.find(kind, names)) ?? (await this.make(kind, names))
    this.known.set(key, number)
    return number
  }

  private async find(kind: SeriesKind, names: readonly string[]): Promise<number | undefined> {
    const row = await this.queries.get<{ series: number }>(
      'select series from stats_series where account = $1 and kind = $2 and server = $3 and app = $4 and stream = $5',
      [this.account, kind, ...names],
    )
    return row?.series
  }

  private async make(kind: SeriesKind, names: readonly string[]): Promise<number> {
    const counter = await this.queries.get<{ value: number }>(
      `insert into counters (account, name, value) values ($1, 'stats_series', 1)
       on conflict (account, name) do update set value = counters.value + 1 returning value`,
      [this.account],
    )
    const number = counter?.value ?? 1
    await this.queries.run(
      'insert into stats_series (account, kind, server, app, stream, series) values ($1, $2, $3, $4, $5, $6)',
      [this.account, kind, ...names, number],
    )
    return number
  }
}
