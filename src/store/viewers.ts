import type { Queries } from './db.js'
import type { Counting } from './series.js'

interface Place {
  readonly series: number
  readonly server: string
  readonly app: string
  readonly stream: string
}

/** Who watched what in which hour, in one account. */
export class Viewers {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  /** Notes that somebody watched a cell; the series in which nobody had seen that one in this hour. */
  async see(hour: number, viewer: string, counting: Counting): Promise<number[]> {
    const added = await this.queries.run(
      'insert into stats_viewers (account, hour, viewer, series) values ($1, $2, $3, $4) on conflict do nothing',
      [this.account, hour, viewer, counting.cell],
    )
    if (added === 0) return []
    const places = await this.queries.all<Place>(
      `select v.series, s.server, s.app, s.stream from stats_viewers v
       join stats_series s on s.account = v.account and s.series = v.series
       where v.account = $1 and v.hour = $2 and v.viewer = $3`,
      [this.account, hour, viewer],
    )
    const here = places.find(({ series }) => series === counting.cell)
    const others = places.filter((place) => place !== here)
    const isNew = (what: 'server' | 'app' | 'stream') => others.every((place) => place[what] !== here?.[what])
    return [
      counting.cell,
      ...(others.length === 0 ? [counting.all] : []),
      ...(isNew('server') ? [counting.server] : []),
      ...(isNew('app') ? [counting.app] : []),
      ...(isNew('stream') ? [counting.stream] : []),
    ]
  }
}
