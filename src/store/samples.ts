import type { Calendar } from './calendar.js'
import { Counted } from './counted.js'
import type { Queries } from './db.js'
import { sourceDigest } from './digest.js'
import { ownPace, type Pace } from './pace.js'
import { RollUp } from './roll-up.js'
import { Budget, TooManyRows } from './rows.js'
import { walk } from './walk.js'

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
  readonly viewers: ReadonlySet<string>
}

type Row = Omit<SourceCount, 'viewers'> & { id: string; time: number; viewers: string | null }

type Source = { -readonly [K in Exclude<keyof SourceCount, 'viewers'>]: SourceCount[K] } & {
  readonly viewers: Set<string>
}

/** What a source takes in memory, in entries of a set. */
const sourceSize = 12
const serversAtOnce = 500

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

/** Samples of one account. */
export class Samples {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly pace: Pace = ownPace(),
  ) {}

  /**
   * Takes the samples that are not there yet, and adds them to what is told of their times; how many those are. Others can
   * be recognised as repeats for as long as they are kept. One from before `known` counts as one where something of its time was
   * forgotten: see {@link Counted}.
   */
  async take(server: string, samples: readonly Sample[], { now, known, calendar }: Taking): Promise<number> {
    // What was reported of one account through several gateways is added up one after the other.
    await this.queries.run('update accounts set version = version + 1 where account = $1', [this.account])
    const old = samples.filter(({ time }) => time <= known)
    const isCounted = old.length > 0 && (await new Counted(this.queries, this.account, calendar).among(server, old))
    const taken: Sample[] = []
    for (const sample of samples) {
      const { time } = sample
      if (isCounted && time <= known && isCounted(sample)) continue
      if (await this.add(server, sample, time <= known ? now : time)) taken.push(sample)
    }
    await new RollUp(this.queries, this.account, calendar).add(server, taken)
    return taken.length
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

  /** What `ask` finds out; undefined where that would take too much time or memory. */
  async withinReach<T>(ask: (reach: Recent) => Promise<T>): Promise<T | undefined> {
    try {
      return await ask(new Recent(this.queries, this.account, new Budget(this.pace)))
    } catch (error) {
      if (error instanceof TooManyRows) return undefined
      throw error
    }
  }
}

/** What one answer is told from. */
export class Recent {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly budget: Budget,
  ) {}

  /** Counts entries that are kept until the answer is there. */
  keep(entries: number): void {
    this.budget.keep(entries)
  }

  /** What the samples of each source after `from` and until `to` come to, of one server where that is given. */
  async between(from: number, to: number, server: string | undefined): Promise<SourceCount[]> {
    const sources = new Map<string, Source>()
    const add = (row: Row) => {
      this.budget.takeRow()
      this.add(sources, row)
    }
    for (const one of server === undefined ? await this.servers() : [server]) {
      const sql = `select server, time, source_digest, app, stream, id, connections, bytes_in, bytes_out, viewers from samples
        where account = $1 and server = $2 and time <= $3`
      const key = ['time', 'source_digest']
      const walked = { sql, params: [this.account, one, to], key, after: [from + 1, ''] }
      await walk<Row>(this.queries, this.budget.pace, walked, add)
    }
    return [...sources.values()]
  }

  /** The servers of which samples are kept: each is found without reading its samples. */
  private async servers(): Promise<string[]> {
    const { pace } = this.budget
    const found: string[] = []
    for (;;) {
      const { rows, more } = await this.queries.piece<{ server: string }>(
        `with recursive found (server) as (
           select min(server) from samples where account = $1 and server > $2
           union all
           select (select min(server) from samples where account = $1 and server > found.server) from found where server is not null
         ) select server from found where server is not null`,
        [this.account, found.at(-1) ?? ''],
        serversAtOnce,
      )
      for (const { server } of rows) found.push(server)
      if (!more) return found
      if (pace.isDue(serversAtOnce)) await pace.rest()
    }
  }

  private add(sources: Map<string, Source>, row: Row): void {
    const key = sourceOf(row)
    let source = sources.get(key)
    if (!source) {
      const { server, app, stream } = row
      source = { server, app, stream, connections: 0, bytes_in: 0, bytes_out: 0, viewers: new Set() }
      sources.set(key, source)
      this.budget.keep(sourceSize)
    }
    source.connections = Math.max(source.connections, row.connections)
    source.bytes_in += row.bytes_in
    source.bytes_out += row.bytes_out
    if (row.viewers === null) return
    const before = source.viewers.size
    for (const viewer of JSON.parse(row.viewers)) source.viewers.add(viewer)
    this.budget.keep(source.viewers.size - before)
  }
}
