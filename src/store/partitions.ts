import { Claims } from './claims.js'
import type { Queries, Session } from './db.js'
import { blockOf, DigestFilter, digestsPerFilter } from './digest-filter.js'
import { Meta } from './meta.js'

/** Where a transaction looks for claims, and where it makes its own. */
export interface Place {
  /** The partition of new claims. */
  readonly partition: number
  /** Every partition that may hold a digest. */
  mayHold(digest: string): readonly number[]
  /** Told of each claim that was made. */
  made(): void
}

const first = 0
const onlyFirst: readonly number[] = [first]

/** Of an engine whose transactions go on side by side: one unique index over all claims keeps them apart. */
export const onePlace: Place = { partition: first, mayHold: () => onlyFirst, made: () => undefined }

/** So many claims that their part of the index, of about 3,000 pages, is changed again and again before the log is written back. */
export const claimsPerPartition = digestsPerFilter

/** Some two milliseconds of reading: under load a commit lies between two of them. */
const digestsAtOnce = 4_000
/** Milliseconds between two readings of so many. */
const pause = 1

/**
 * The partitions of the claims of a file. New claims go into the last one, whose number is kept in the database and only
 * grows. One that is full is closed by opening the next, in the transaction of the next write: from that commit on nothing is ever
 * added to it, by any process, and a filter over it that was read from then on stays right. One without a filter is asked.
 */
export class Partitions {
  /** What was last found committed. */
  private newest: number | undefined
  /** How many claims it may still take. */
  private room = 0
  private closed: readonly Closed[] = []
  private reading: NodeJS.Timeout | undefined
  private ended = false

  /** `size`: claims in a partition. */
  constructor(
    private readonly queries: Queries,
    private readonly size = claimsPerPartition,
  ) {}

  /** At the beginning of a transaction, before it has written anything. */
  async enter(session: Session): Promise<Place> {
    const { newest, closed } = await this.look(session)
    const opens = this.room <= 0
    const partition = opens ? newest + 1 : newest
    // Until this is committed the one before is not closed.
    if (opens) await new Meta(session).setPartition(partition)
    const always = opens ? [partition, newest] : [partition]
    return {
      partition,
      mayHold(digest) {
        const block = blockOf(digest)
        const perhaps = closed.filter((one) => one.mayHold(digest, block))
        return perhaps.length === 0 ? always : [...always, ...perhaps.map(({ number }) => number)]
      },
      made: () => void this.room--,
    }
  }

  /** Learns what is committed, so that the filters are there before they are needed; enter would do it. */
  async begin(): Promise<void> {
    await this.look(this.queries)
  }

  /** After a fault nothing is believed. */
  doubt(): void {
    this.newest = undefined
    this.closed = []
  }

  /** Lets go of the filters of partitions that hold nothing any more. */
  async forgotten(): Promise<void> {
    const oldest = await new Claims(this.queries).oldestPartition()
    this.closed = this.closed.filter(({ number }) => oldest !== undefined && number >= oldest)
  }

  close(): void {
    this.ended = true
    clearTimeout(this.reading)
  }

  /** What was found at one moment, together. `queries`: sees what is committed, and nothing else yet. */
  private async look(queries: Queries): Promise<{ readonly newest: number; readonly closed: readonly Closed[] }> {
    const newest = await new Meta(queries).partition()
    let { closed } = this
    if (newest !== this.newest) {
      const claims = new Claims(queries)
      const room = this.size - (await claims.countIn(newest, this.size))
      const before = await claims.partitionsBefore(newest)
      const known = new Map(this.closed.map((one) => [one.number, one]))
      closed = before.map((number) => known.get(number) ?? new Closed(number))
      this.newest = newest
      this.room = room
      this.closed = closed
    }
    this.readOn()
    return { newest, closed }
  }

  /** Goes on in the background until every closed partition has its filter. */
  private readOn(): void {
    if (this.reading || this.ended) return
    const next = this.closed.find(({ whole }) => !whole)
    if (!next) return
    this.reading = setTimeout(() => void this.readOnIn(next), pause)
    this.reading.unref()
  }

  private async readOnIn(partition: Closed): Promise<void> {
    // Where the storage is at fault, a later transaction begins again where this one was.
    const read = await partition.readOn(this.queries).then(
      () => true,
      () => false,
    )
    this.reading = undefined
    if (read) this.readOn()
  }
}

/** A partition to which nothing is added any more, and what is known of its digests. */
class Closed {
  private readonly filters: DigestFilter[] = []
  private last = ''
  /** Whether all of its digests were read. */
  whole = false

  constructor(readonly number: number) {}

  mayHold(digest: string, block: number): boolean {
    if (!this.whole) return true
    for (const filter of this.filters) if (filter.mayHold(digest, block)) return true
    return false
  }

  async readOn(queries: Queries): Promise<void> {
    const digests = await new Claims(queries).digestsIn(this.number, this.last, digestsAtOnce)
    for (const digest of digests) this.filter().add(digest)
    this.last = digests.at(-1) ?? this.last
    this.whole = digests.length < digestsAtOnce
  }

  /** One with room: a partition from before there were any may hold more digests than one filter. */
  private filter(): DigestFilter {
    const last = this.filters.at(-1)
    if (last && !last.full) return last
    const next = new DigestFilter()
    this.filters.push(next)
    return next
  }
}
