import type { Piece, Queries, Session, Value } from './db.js'
import type { Pace } from './pace.js'
import { NeedsSavepoints } from './taking.js'

/** A command awaited the network, a timer or a file inside its transaction. */
export class PendingRun extends Error {}

/** Rests of one command: some 20 s of work. One that goes on for ever must not hold the write lock as long. */
const mostRests = 2_500

/** Savepoints inside a command's own: what an item of a batch did can be taken back alone. */
export interface Nested {
  /** Undefined where there is nothing to wait for, as for {@link keep}. */
  savepoint(): Promise<unknown> | undefined
  /** Rejects with {@link NeedsSavepoints} when it cannot. */
  undo(): Promise<void>
  keep(): Promise<unknown> | undefined
}

/** The queries one command may make: dead once the command has ended, so that nobody writes into another's savepoint. */
export class Handle implements Queries, Nested {
  private outstanding = 0
  private ended = false
  private before: number | undefined
  private resting: Promise<void> | undefined
  private rests = 0

  /**
   * `light`: an item that has written nothing needs no savepoint; one that has, and is to be taken back, asks for another run.
   * `pace`: when queries of an engine that holds the event loop wait for its next turn.
   */
  constructor(
    private readonly queries: Queries & Partial<Pick<Session, 'immediate' | 'written'>>,
    private readonly name: string,
    private readonly onIdle: () => void = () => undefined,
    private readonly light = false,
    private readonly pace?: Pace,
  ) {}

  /** True when no query is under way. */
  get idle(): boolean {
    return this.outstanding === 0
  }

  end(): void {
    this.ended = true
  }

  all<T extends object>(sql: string, params?: readonly Value[]): Promise<T[]> {
    if (this.isDirect) return this.queries.all<T>(sql, params)
    return this.counted(() => this.queries.all<T>(sql, params))
  }

  get<T extends object>(sql: string, params?: readonly Value[]): Promise<T | undefined> {
    if (this.isDirect) return this.queries.get<T>(sql, params)
    return this.counted(() => this.queries.get<T>(sql, params))
  }

  run(sql: string, params?: readonly Value[]): Promise<number> {
    if (this.isDirect) return this.queries.run(sql, params)
    return this.counted(() => this.queries.run(sql, params))
  }

  piece<T extends object>(sql: string, params: readonly Value[], most: number): Promise<Piece<T>> {
    if (this.isDirect) return this.queries.piece<T>(sql, params, most)
    return this.counted(() => this.queries.piece<T>(sql, params, most))
  }

  savepoint(): Promise<unknown> | undefined {
    this.before = this.queries.written
    return this.light ? undefined : this.run('savepoint item')
  }

  async undo(): Promise<void> {
    if (this.light) {
      if (this.queries.written !== this.before) throw new NeedsSavepoints()
      return
    }
    await this.run('rollback to item')
    await this.run('release item')
  }

  keep(): Promise<unknown> | undefined {
    return this.light ? undefined : this.run('release item')
  }

  /** Nothing to wait for, so nothing to count: without a closure for each query. */
  private get isDirect(): boolean {
    return !this.ended && this.queries.immediate === true && this.pace?.isDue() !== true
  }

  private counted<T>(query: () => Promise<T>): Promise<T> {
    if (this.ended) {
      return Promise.reject(new PendingRun(`${this.name} used its store after it had ended: nothing was done`))
    }
    return this.underWay(query)
  }

  private async underWay<T>(query: () => Promise<T>): Promise<T> {
    this.outstanding++
    try {
      if (this.queries.immediate === true) await this.rest()
      return await query()
    } finally {
      if (--this.outstanding === 0) this.onIdle()
    }
  }

  /** Queries that are asked meanwhile wait together, and keep their order. */
  private rest(): Promise<void> | undefined {
    if (!this.resting && ++this.rests > mostRests) {
      throw new PendingRun(`${this.name} did not end within its transaction: nothing was done`)
    }
    this.resting ??= this.pace?.rest().finally(() => {
      this.resting = undefined
    })
    return this.resting
  }
}
