import type { Queries } from './db.js'

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

/** Samples of one account. */
export class Samples {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  /** False for a repeat, which changes nothing. */
  async add(server: string, sample: Sample): Promise<boolean> {
    const added = await this.queries.run(
      `insert into samples (account, server, time, app, stream, id, connections, bytes_in, bytes_out, viewers)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
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
      ],
    )
    return added === 1
  }

  /** Of the samples after `from` and until `to`. */
  async between(from: number, to: number): Promise<SourceCount[]> {
    const rows = await this.queries.all<Row>(
      `select server, app, stream, id, max(connections) as connections, sum(bytes_in) as bytes_in, sum(bytes_out) as bytes_out
       from samples where account = $1 and time > $2 and time <= $3 group by server, app, stream, id`,
      [this.account, from, to],
    )
    const told = await this.queries.all<Pick<Row, 'server' | 'app' | 'stream' | 'id'> & { viewers: string }>(
      `select server, app, stream, id, viewers from samples
       where account = $1 and time > $2 and time <= $3 and viewers is not null`,
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

const oldestSample = 'select min(time) as oldest from samples'

/** Whether some account has samples from before a moment. */
export async function hasSamplesBefore(queries: Queries, moment: number): Promise<boolean> {
  const row = await queries.get<{ oldest: number | null }>(oldestSample)
  return (row?.oldest ?? moment) < moment
}

/** Forgets samples of every account from before a moment, a minute of them at a time: writes wait for it. */
export async function forgetSamples(queries: Queries, moment: number): Promise<void> {
  const row = await queries.get<{ oldest: number | null }>(oldestSample)
  await queries.run('delete from samples where time < $1', [Math.min(moment, (row?.oldest ?? moment) + 60)])
}
