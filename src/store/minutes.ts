import type { Queries } from './db.js'
import { hashOf, Sketch } from './sketch.js'

/** What the samples of one source come to in one minute. */
export interface SourceMinute {
  readonly minute: number
  readonly series: number
  readonly id: string
  readonly samples: number
  /** The most connections of a sample, and those of all of them added up. */
  readonly most: number
  readonly total: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly viewers: readonly string[] | undefined
}

/** By how much what is told of a minute changes. */
export interface MinuteDelta {
  readonly connections: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly view_seconds: number
}

type Row = Omit<SourceMinute, 'viewers' | 'minute' | 'series' | 'id'> & { readonly viewers: string | null }

/** Seconds that were watched of a source in a minute: as if all the minute had been as its samples were on average. */
export const viewSeconds = ({ total, samples }: Pick<SourceMinute, 'total' | 'samples'>): number =>
  samples === 0 ? 0 : Math.floor((60 * total) / samples)

const nothing: Row = { samples: 0, most: 0, total: 0, bytes_in: 0, bytes_out: 0, viewers: null }

/** Minutes of the sources of one account. */
export class Minutes {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  async add(added: SourceMinute): Promise<MinuteDelta> {
    const { minute, series, id } = added
    const before = (await this.find(minute, series, id)) ?? nothing
    const after = {
      samples: before.samples + added.samples,
      most: Math.max(before.most, added.most),
      total: before.total + added.total,
      bytes_in: before.bytes_in + added.bytes_in,
      bytes_out: before.bytes_out + added.bytes_out,
    }
    const viewers = withViewers(before.viewers, added.viewers)
    await this.queries.run(
      `insert into stats_minutes (account, minute, series, id, samples, most, total, bytes_in, bytes_out, viewers)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
       on conflict (account, minute, series, id) do update set samples = excluded.samples, most = excluded.most,
       total = excluded.total, bytes_in = excluded.bytes_in, bytes_out = excluded.bytes_out, viewers = excluded.viewers`,
      [this.account, minute, series, id, ...Object.values(after), viewers],
    )
    return {
      connections: after.most - before.most,
      bytes_in: added.bytes_in,
      bytes_out: added.bytes_out,
      view_seconds: viewSeconds(after) - viewSeconds(before),
    }
  }

  private find(minute: number, series: number, id: string): Promise<Row | undefined> {
    return this.queries.get<Row>(
      `select samples, most, total, bytes_in, bytes_out, viewers from stats_minutes
       where account = $1 and minute = $2 and series = $3 and id = $4`,
      [this.account, minute, series, id],
    )
  }
}

/** Characters of names, as JSON, that a row has: it is written again with every sample of its minute. */
const mostNames = 65_536

/** Names as JSON, or a sketch of them where they are too long. */
function withViewers(before: string | null, added: readonly string[] | undefined): string | null {
  if (!added) return before
  if (before !== null && !isNames(before)) return sketched(Sketch.from(before), added)
  const names = [...new Set([...(before === null ? [] : JSON.parse(before)), ...added])]
  const text = JSON.stringify(names)
  return text.length > mostNames ? sketched(new Sketch(), names) : text
}

function sketched(sketch: Sketch, names: readonly string[]): string {
  for (const name of names) sketch.add(hashOf(name))
  return sketch.text
}

/** Whether who watched in a minute is kept as names, in place of a sketch. */
export const isNames = (viewers: string): boolean => viewers.startsWith('[')
