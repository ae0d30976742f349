import type { Queries } from './db.js'
import { Inserts } from './inserts.js'
import { places } from './pages.js'
import type { Counting } from './series.js'

interface Place {
  readonly viewer: string
  readonly series: number
  readonly server: string
  readonly app: string
  readonly stream: string
}

const inserts = new Inserts(
  'stats_viewers',
  ['account', 'hour', 'viewer', 'series'],
  'on conflict do nothing returning viewer',
)

/** Who watched what in which hour, in one account. */
export class Viewers {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  /** Notes who watched a cell, each named once; for each the series in which nobody had seen that one in this hour. */
  async see(hour: number, viewers: readonly string[], counting: Counting): Promise<Map<string, number[]>> {
    const seen = new Map<string, number[]>()
    const rows = viewers.map((viewer) => [this.account, hour, viewer, counting.cell])
    for (const { sql, params } of inserts.of(rows)) {
      const added = await this.queries.all<{ viewer: string }>(sql, params)
      if (added.length === 0) continue
      const found = await this.placesOf(
        hour,
        added.map(({ viewer }) => viewer),
      )
      for (const { viewer } of added) {
        const own = found.filter((place) => place.viewer === viewer)
        seen.set(viewer, newSeries(own, counting))
      }
    }
    return seen
  }

  private placesOf(hour: number, viewers: readonly string[]): Promise<Place[]> {
    return this.queries.all<Place>(
      `select v.viewer, v.series, s.server, s.app, s.stream from stats_viewers v
       join stats_series s on s.account = v.account and s.series = v.series
       where v.account = $1 and v.hour = $2 and v.viewer in (${places(viewers, 2)})`,
      [this.account, hour, ...viewers],
    )
  }
}

/** Of the places where somebody was seen in an hour, the cell among them: the series that the cell is the first of. */
function newSeries(seen: readonly Place[], counting: Counting): number[] {
  const here = seen.find(({ series }) => series === counting.cell)
  const others = seen.filter((place) => place !== here)
  const isNew = (what: 'server' | 'app' | 'stream') => others.every((place) => place[what] !== here?.[what])
  return [
    counting.cell,
    ...(others.length === 0 ? [counting.all] : []),
    ...(isNew('server') ? [counting.server] : []),
    ...(isNew('app') ? [counting.app] : []),
    ...(isNew('stream') ? [counting.stream] : []),
  ]
}
