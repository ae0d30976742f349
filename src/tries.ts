interface Window {
  failed: number
  /** Unix milliseconds. */
  readonly until: number
}

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
  private readonly windows = new Map<string, Window>()
  private readonly underWay = new Map<string, UnderWay>()

  /** `now` gives Unix milliseconds. */
  constructor(
    readonly most: number,
    private readonly now: () => number,
  ) {}

  /** Milliseconds until the name may try again; 0 when it may. */
  wait(name: string): number {
    const window = this.current(name)
    return window && window.failed >= this.most ? window.until - this.now() : 0
  }

  /** Whether a try could be one too many, should all those under way fail. */
  full(name: string): boolean {
    return (this.current(name)?.failed ?? 0) + (this.underWay.get(name)?.count ?? 0) >= this.most
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
    if (failed) this.fail(name)
    const tries = this.underWay.get(name)
    if (!tries) return
    if (--tries.count === 0) this.underWay.delete(name)
    const { waiting } = tries
    tries.waiting = []
    for (const resolve of waiting) resolve()
  }

  private current(name: string): Window | undefined {
    const window = this.windows.get(name)
    const left = window ? window.until - this.now() : 0
    // A clock that was set back must not make a window longer.
    return left > 0 && left <= minute ? window : undefined
  }

  private fail(name: string): void {
    const window = this.current(name)
    if (window) {
      window.failed++
      return
    }
    this.windows.delete(name)
    if (this.windows.size >= capacity) this.forget()
    this.windows.set(name, { failed: 1, until: this.now() + minute })
  }

  /** What has passed, and if that is nothing, the oldest: it is the next to pass. */
  private forget(): void {
    for (const name of this.windows.keys()) if (!this.current(name)) this.windows.delete(name)
    const [oldest] = this.windows.size >= capacity ? this.windows.keys() : []
    if (oldest !== undefined) this.windows.delete(oldest)
  }
}
