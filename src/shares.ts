import { Refusal } from './refusal.js'

/** Lets each account do something at most so many times at once: its further calls wait for these, and nobody else's do. */
export class Shares {
  private readonly running = new Map<number, number>()
  private readonly waiting = new Map<number, (() => void)[]>()

  constructor(private readonly most: number) {}

  /** Throws 1504 where its turn comes after `deadline`, in milliseconds of `performance.now()`: nothing was done. */
  async run<T>(account: number, deadline: number, work: () => Promise<T>): Promise<T> {
    const running = this.running.get(account) ?? 0
    if (running < this.most) this.running.set(account, running + 1)
    else await this.turn(account)
    try {
      if (performance.now() > deadline) throw new Refusal('TIMED_OUT')
      return await work()
    } finally {
      this.end(account)
    }
  }

  /** The place of a call that has ended is handed on. */
  private turn(account: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.waiting.get(account)
      if (waiting) waiting.push(resolve)
      else this.waiting.set(account, [resolve])
    })
  }

  private end(account: number): void {
    const waiting = this.waiting.get(account)
    const next = waiting?.shift()
    if (waiting?.length === 0) this.waiting.delete(account)
    if (next) {
      next()
      return
    }
    const running = (this.running.get(account) ?? 0) - 1
    if (running > 0) this.running.set(account, running)
    else this.running.delete(account)
  }
}
