import type { Queries } from './db.js'
import { digestOf } from './digest.js'

/** The code of a claim that marks its key as never to be run (`request-status` with `void`). */
export const voidCode = 0

/** Binds a sealed outcome to its claim. */
export const outcomeBinding = (requestId: string): string => `claims.outcome:${requestId}`

/** Of what must not be seen twice. */
export const identityDigest = (identity: string): string => digestOf(identity)

/** One identity that was used, with the outcome of its message. */
export interface Claim {
  /** Begins with the time of its making, so that rows are in order. */
  readonly request_id: string
  /** Of the identity: {@link identityDigest}. */
  readonly identity_digest: string
  readonly account: number
  readonly principal: string
  readonly command: string
  /** The message's own timestamp, Unix seconds. */
  readonly timestamp: number
  /** Lower-case hex of the message's MAC. */
  readonly mac: string
  /** MAC of the parameters under a derived key; empty where the message had no idempotency key. */
  readonly params_mac: string
  readonly code: number
  /** The result as JSON, sealed when it holds a secret; null when it is not kept. */
  readonly outcome: string | null
  readonly sealed: number
  readonly created_at: number
}

/** Claims that are forgotten together: up to a request id, on messages dated until a moment, made until another. Unix seconds. */
export interface Portion {
  readonly last: string
  readonly newest: number
  readonly made: number
}

const columns =
  'request_id, identity_digest, account, principal, command, timestamp, mac, params_mac, code, outcome, sealed, created_at'

/** From the last partition that holds anything, and meets a condition, to the first: a step of the index for each. */
const eachPartition = (condition: string): string =>
  `select max(part) from claims where ${condition} union all
   select (select max(part) from claims where part < number) from parts where number is not null`

export class Claims {
  constructor(private readonly queries: Queries) {}

  /** Wherever it lies: for whoever does not know the partitions. */
  find(digest: string): Promise<Claim | undefined> {
    return this.queries.get<Claim>(
      `with recursive parts (number) as (${eachPartition('part is not null')})
       select ${columns} from parts join claims on part = number and identity_digest = $1`,
      [digest],
    )
  }

  findIn(partitions: readonly number[], digest: string): Promise<Claim | undefined> {
    const [first = 0] = partitions
    return partitions.length > 1 ? this.firstOf(partitions, digest) : this.findAt(first, digest)
  }

  private findAt(partition: number, digest: string): Promise<Claim | undefined> {
    return this.queries.get<Claim>(`select ${columns} from claims where part = $1 and identity_digest = $2`, [
      partition,
      digest,
    ])
  }

  private async firstOf(partitions: readonly number[], digest: string): Promise<Claim | undefined> {
    for (const partition of partitions) {
      const claim = await this.findAt(partition, digest)
      if (claim) return claim
    }
    return undefined
  }

  findRequest(requestId: string): Promise<Claim | undefined> {
    return this.queries.get<Claim>(`select ${columns} from claims where request_id = $1`, [requestId])
  }

  /** True when the digest was free in this partition and is now taken. */
  async insert(claim: Claim, partition: number): Promise<boolean> {
    const inserted = await this.queries.run(
      `insert into claims (${columns}, part)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing`,
      [
        claim.request_id,
        claim.identity_digest,
        claim.account,
        claim.principal,
        claim.command,
        claim.timestamp,
        claim.mac,
        claim.params_mac,
        claim.code,
        claim.outcome,
        claim.sealed,
        claim.created_at,
        partition,
      ],
    )
    return inserted === 1
  }

  /** A later message was answered from a claim: the claim is kept until the floor may pass that message as well. */
  async extend({ request_id: requestId }: Claim, timestamp: number): Promise<void> {
    await this.queries.run('update claims set timestamp = $2 where request_id = $1 and timestamp < $2', [
      requestId,
      timestamp,
    ])
  }

  /** How many there are in a partition, counted up to a limit. */
  async countIn(partition: number, limit: number): Promise<number> {
    const sql = 'select count(*) as counted from (select 1 from claims where part = $1 limit $2) as counted'
    return (await this.queries.get<{ counted: number }>(sql, [partition, limit]))?.counted ?? 0
  }

  /** The numbers of the partitions below one that hold anything, the last first. */
  async partitionsBefore(partition: number): Promise<number[]> {
    const rows = await this.queries.all<{ number: number }>(
      `with recursive parts (number) as (${eachPartition('part < $1')}) select number from parts where number is not null`,
      [partition],
    )
    return rows.map(({ number }) => number)
  }

  /** The number of the first partition that holds anything; undefined when none does. */
  async oldestPartition(): Promise<number | undefined> {
    const row = await this.queries.get<{ oldest: number | null }>('select min(part) as oldest from claims')
    return row?.oldest ?? undefined
  }

  /** Digests of a partition in their order, those after one of them. */
  async digestsIn(partition: number, after: string, limit: number): Promise<string[]> {
    const rows = await this.queries.all<{ identity_digest: string }>(
      'select identity_digest from claims where part = $1 and identity_digest > $2 order by identity_digest limit $3',
      [partition, after, limit],
    )
    return rows.map(({ identity_digest }) => identity_digest)
  }

  /** The oldest claims that may go, up to `limit`: those made before a request id, on messages dated until `until`. */
  async portion(beforeRequest: string, until: number, limit: number): Promise<Portion | undefined> {
    const row = await this.queries.get<{ last: string | null; newest: number; made: number }>(
      `select max(request_id) as last, max(timestamp) as newest, max(created_at) as made from
       (select request_id, timestamp, created_at from claims where request_id < $1 and timestamp <= $2
        order by request_id limit $3) as oldest`,
      [beforeRequest, until, limit],
    )
    return row && row.last !== null ? { last: row.last, newest: row.newest, made: row.made } : undefined
  }

  /** The number forgotten. */
  forget({ last, newest }: Portion): Promise<number> {
    return this.queries.run('delete from claims where request_id <= $1 and timestamp <= $2', [last, newest])
  }

  /** The newest moment for which a client has signed, as far as the gateway's clock agreed; 0 where there is no claim. Unix seconds. */
  async newestSigned(): Promise<number> {
    const sql = 'select created_at, timestamp from claims order by request_id desc limit 1'
    const row = await this.queries.get<{ created_at: number; timestamp: number }>(sql)
    return row ? Math.min(row.created_at, row.timestamp) : 0
  }

  /** When the oldest claim was made, Unix seconds; undefined when there is none. */
  async oldest(): Promise<number | undefined> {
    const sql = 'select created_at from claims order by request_id limit 1'
    return (await this.queries.get<{ created_at: number }>(sql))?.created_at
  }

  /** When the newest claim was made, Unix seconds; undefined when there is none. */
  async newest(): Promise<number | undefined> {
    const sql = 'select created_at from claims order by request_id desc limit 1'
    return (await this.queries.get<{ created_at: number }>(sql))?.created_at
  }

  async anyBefore(request: string, floor: number): Promise<boolean> {
    const row = await this.queries.get(
      'select 1 as one from claims where request_id < $1 and timestamp <= $2 limit 1',
      [request, floor],
    )
    return row !== undefined
  }
}
