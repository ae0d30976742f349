import pg from 'pg'
import { everything, StorageError } from './db.js'
import { clientOptions } from './postgres-connection.js'
import { between, channel, inSchema, lockOf, programs } from './postgres-session.js'

/** Milliseconds. What is cached when the channel fails is gone well within a second: the sum of `believed`, `silence` and a little. */
const beatEvery = 200
const believed = 500
const doubtEvery = 250
const silence = 400
const firstRetry = 100
const lastRetry = 1_000

/** What its connection is called among those of the server. */
export const listening = 'countersign listen'

/** Shared by every process that listens, for as long as its connection lasts. */
export const useLock = inSchema(String(lockOf('use')))

/** Both are asked for at once: without one of them the connection, and what it holds, is given up. */
const join = `
  select pg_try_advisory_lock_shared(${useLock}) as used, pg_try_advisory_lock_shared(${programs}, cast($1 as integer)) as known`

/** Hears what other processes on the database tell, on a connection of its own, and knows whether it may have missed something. */
export class Listener {
  /** Settles once the first connection shares the use of the database, or has found that another process has it alone. */
  readonly joined: Promise<void>
  private join: (failure?: StorageError) => void = () => undefined
  private client: pg.Client | undefined
  /** When a question was asked whose answer came after everything that was told before. */
  private heardUpTo = Number.NEGATIVE_INFINITY
  private lastDoubt = Number.NEGATIVE_INFINITY
  private missed = false
  private retry = firstRetry
  private timer: NodeJS.Timeout | undefined
  private closed = false

  constructor(
    private readonly url: string,
    /** Whether a backend of the server serves this process itself. */
    private readonly isOwn: (processId: number) => boolean,
    private readonly onTold: (what: string) => void,
    /** The newest migration that this program knows. */
    private readonly schema: number,
  ) {
    this.joined = new Promise((resolve, reject) => {
      this.join = (failure) => (failure ? reject(failure) : resolve())
    })
    this.joined.catch(() => undefined)
    void this.connect()
  }

  /** True when something may have been told unheard since it was last asked. */
  doubt(): boolean {
    const now = performance.now()
    const deaf = now - this.heardUpTo > believed && now - this.lastDoubt > doubtEvery
    if (!deaf && !this.missed) return false
    this.missed = false
    this.lastDoubt = now
    return true
  }

  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.timer)
    await this.client?.end().catch(() => undefined)
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({ ...clientOptions(this.url, listening), query_timeout: silence })
    this.client = client
    client.on('error', () => this.lose(client))
    client.on('end', () => this.lose(client))
    client.on('notification', ({ processId, payload }) => this.hear(processId, payload))
    try {
      await client.connect()
      await client.query(`listen ${channel}`)
      await this.share(client)
      this.retry = firstRetry
      this.missed = true
      await this.beat(client)
    } catch {
      this.lose(client)
    }
  }

  private async share(client: pg.Client): Promise<void> {
    const { rows } = await client.query(join, [this.schema])
    const [{ used, known }] = rows
    const failure = used
      ? new StorageError('busy', 'a newer version is upgrading the database')
      : new StorageError('busy', 'the database is being restored, or its master key changed')
    this.join(used && known ? undefined : failure)
    if (!used || !known) throw failure
  }

  private hear(processId: number, what = ''): void {
    if (this.isOwn(processId)) return
    if (what === everything) this.missed = true
    else for (const one of what.split(between)) this.onTold(one)
  }

  /** An answer comes after whatever was told before the question. */
  private async beat(client: pg.Client): Promise<void> {
    const asked = performance.now()
    await client.query('select 1')
    this.heardUpTo = asked
    this.again(beatEvery, () => void this.beat(client).catch(() => this.lose(client)))
  }

  private lose(client: pg.Client): void {
    if (this.client !== client || this.closed) return
    this.client = undefined
    void client.end().catch(() => undefined)
    this.again(this.retry, () => void this.connect())
    this.retry = Math.min(2 * this.retry, lastRetry)
  }

  private again(after: number, work: () => void): void {
    if (this.closed) return
    clearTimeout(this.timer)
    this.timer = setTimeout(work, after)
    this.timer.unref()
  }
}
