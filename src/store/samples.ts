import type { Calendar } from './calendar.js'
import type { Queries } from './db.js'
import { sourceDigest } from './digest.js'
import { RollUp } from './roll-up.js'

/** One sample of a stream on a media server. `time` is Unix seconds. */
export interface Sample {
  readonly id: string
  readonly time: number
  readonly app: string
  readonly stream: string
  readonly connections: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly viewers: readonly string[] | undefined
}

/** The samples of one source between two moments: the most connections, the bytes added up, every viewer. */
export interface SourceCount {
  readonly server: string
  readonly app: string
  readonly stream: string
  readonly connections: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly viewers: readonly string[]
}

type Row = Omit<SourceCount, 'viewers'> & { id: string }

const sourceOf = ({ server, app, stream, id }: Pick<Row, 'server' | 'app' | 'stream' | 'id'>): string =>
  JSON.stringify([server, app, stream, id])

/** What decides whether a sample is taken, and where it counts. */
interface Taking {
  /** Unix seconds. */
  readonly now: number
  /** Samples from after this moment are all kept. */
  readonly known: number
  readonly calendar: Calendar
}

const minuteKey = (time: number, { app, stream, id }: Pick<Row, 'app' | 'stream' | 'id'>): string =>
  JSON.stringify([time - (time % 60), app, stream, id])

/** Samples of one account. */
export class Samples {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  /**
   * Takes the samples that are not there yet, and adds them to what is told of their times; how many those are. Others can
   * be recognised as repeats for as long as they are kept. One from before `known` counts as one where samples of its
   * minute were forgotten.
   */
  async take(server: string, samples: readonly Sample[], { now, known, calendar }: Taking): Promise<number> {
    // What was reported of one account through several gateways is added up one after the other.
    await this.queries.run('update accounts set version = version + 1 where account = $1', [this.account])
    const old = samples.filter(({ time }) => time <= known)
    const forgotten = old.length === 0 ? new Set() : await this.forgotten(server, old)
    const taken: Sample[] = []
    for (const sample of samples) {
      const { time } = sample
      if (time <= known && forgotten.has(minuteKey(time, sample))) continue
      if (await this.add(server, sample, time <= known ? now : time)) taken.push(sample)
    }
    await new RollUp(this.queries, this.account, calendar).add(server, taken)
    return taken.length
  }

  /** The minutes of sources that count samples which are not kept any more. */
  private async forgotten(server: string, samples: readonly Sample[]): Promise<Set<string>> {
    const closed = new Set<string>()
    type Row = { app: string; stream: string; id: string; samples: number }
    for (const minute of new Set(samples.map(({ time }) => time - (time % 60)))) {
      const kept = await this.queries.all<Row>(
        `select app, stream, id, count(*) as samples from samples
         where account = $1 and server = $2 and time >= $3 and time < $4 group by app, stream, id`,
        [this.account, server, minute, minute + 60],
      )
      const keptOf = new Map(kept.map((row) => [minuteKey(minute, row), row.samples]))
      const counted = await this.queries.all<Row>(
        `select s.app, s.stream, m.id, m.samples from stats_minutes m
         join stats_series s on s.account = m.account and s.series = m.series
         where m.account = $1 and m.minute = $2 and s.server = $3`,
        [this.account, minute, server],
      )
      for (const row of counted) {
        const key = minuteKey(minute, row)
        if ((keptOf.get(key) ?? 0) < row.samples) closed.add(key)
      }
    }
    return closed
  }

  /** False for a repeat, which changes nothing. */
  private async add(server: string, sample: Sample, keptFrom: number): Promise<boolean> {
    const added = await this.queries.run(
      `insert into samples (account, server, time, source_digest, app, stream, id, connections, bytes_in, bytes_out, viewers, kept_from)
       values ($1, $2, $3, $12, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing`,
      [
        this.account,
        server,
        sample.time,
        sample.app,
        sample.stream,
        sample.id,
        sample.connections,
        sample.bytes_in,
        sample.bytes_out,
        sample.viewers ? JSON.stringify(sample.viewers) : null,
        keptFrom,
        sourceDigest(sample),
      ],
    )
    return added === 1
  }

  /** Of the samples after `from` and until `to`. None is kept from before its own time, by which they would not be found. */
  async between(from: number, to: number): Promise<SourceCount[]> {
    const rows = await this.queries.all<Row>(
      `select server, app, stream, id, max(connections) as connections, sum(bytes_in) as bytes_in, sum(bytes_out) as bytes_out
       from samples where account = $1 and kept_from > $2 and time > $2 and time <= $3 group by server, app, stream, id`,
      [this.account, from, to],
    )
    const told = await this.queries.all<Pick<Row, 'server' | 'app' | 'stream' | 'id'> & { viewers: string }>(
      `select server, app, stream, id, viewers from samples
       where account = $1 and kept_from > $2 and time > $2 and time <= $3 and viewers is not null`,
      [this.account, from, to],
    )
    const viewers = new Map<string, string[]>()
    for (const sample of told) {
      const source = sourceOf(sample)
      const known = viewers.get(source) ?? []
      viewers.set(source, known.concat(JSON.parse(sample.viewers)))
    }
    return rows.map(({ id, ...row }) => ({ ...row, viewers: viewers.get(sourceOf({ id, ...row })) ?? [] }))
  }
}
