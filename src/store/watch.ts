import type { Queries } from './db.js'
import { Handle, type Nested, PendingRun } from './handle.js'
import { ownPace, type Pace } from './pace.js'

/** Milliseconds of a transaction in one turn of the event loop, where its queries hold it. */
const longestTurn = 8

interface Guarded {
  readonly handle: Handle
  reject(error: unknown): void
}

/**
 * Watches the commands of one batch: one that is still pending when the event loop turns, and waits for no query, is
 * rejected with {@link PendingRun}, and its handle is dead from then on. Whoever awaits the network would hold the write lock.
 */
export class Watch {
  private guarded: Guarded | undefined
  private turn: NodeJS.Immediate | undefined
  private readonly pace: Pace
  /** Milliseconds that commands rested, while others were served. */
  rested = 0

  constructor() {
    const { isDue, rest } = ownPace(longestTurn)
    this.pace = {
      isDue,
      rest: async () => {
        const began = performance.now()
        await rest()
        this.rested += performance.now() - began
      },
    }
  }

  end(): void {
    clearImmediate(this.turn)
  }

  async run<T>(
    queries: Queries,
    entry: { readonly name: string; run(queries: Queries, nested: Nested): Promise<T> },
    light = false,
  ): Promise<T> {
    const handle = new Handle(queries, entry.name, () => this.arm(), light, this.pace)
    this.arm()
    try {
      return await new Promise<T>((resolve, reject) => {
        this.guarded = { handle, reject }
        entry.run(handle, handle).then(resolve, reject)
      })
    } finally {
      this.guarded = undefined
      handle.end()
    }
  }

  /** Nothing but the store can be awaited by a command whose last query has been answered: one turn later it has ended, or asked again. */
  private arm(): void {
    this.turn ??= setImmediate(() => this.look())
  }

  private look(): void {
    this.turn = undefined
    if (!this.guarded?.handle.idle) return
    this.guarded.reject(new PendingRun('run() awaited something other than the store'))
  }
}
