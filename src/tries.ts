import { Windows } from './windows.js'

/** The tries of one name whose end is not known yet. */
interface UnderWay {
  count: number
  /** Who waits for one of them to end. */
  waiting: (() => void)[]
}

const minute = 60_000
const capacity = 10_000

/**
 * So many failures a minute for every name. Tries that are under way count as if they were to fail, so that many at once
 * are no way round; whoever could be one too many waits until it is known, and so no right one is refused for want of room.
 */
export class Tries {
  private readonly failures: Windows
  private readonly underWay = new Map<string, UnderWay>()

  /** `now` gives milliseconds of a clock that nobody sets. */
  constructor(
    readonly most: number,
    now: () => number,
  ) {
    this.failures = new Windows(most, minute, capacity, now)
  }

  /** Milliseconds until the name may try again; 0 when it may. */
  wait(name: string): number {
    return this.failures.wait(name)
  }

  /** Whether a try could be one too many, should all those under way fail. */
  full(name: string): boolean {
    return this.failures.spent(name) + (this.underWay.get(name)?.count ?? 0) >= this.most
  }

  /** Resolves when a try under way has ended. */
  ended(name: string): Promise<void> {
    return new Promise((resolve) => {
      const tries = this.underWay.get(name)
      if (tries) tries.waiting.push(resolve)
      else resolve()
    })
  }

  begin(name: string): void {
    const tries = this.underWay.get(name)
    if (tries) tries.count++
    else this.underWay.set(name, { count: 1, waiting: [] })
  }

  end(name: string, failed: boolean): void {
    if (failed) this.failures.spend(name, 1)
    const tries = this.underWay.get(name)
    if (!tries) return
    if (--tries.count === 0) this.underWay.delete(name)
    const { waiting } = tries
    tries.waiting = []
    for (const resolve of waiting) resolve()
  }
}
