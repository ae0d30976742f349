interface Window {
  count: number
  /** Unix milliseconds. */
  readonly until: number
}

const minute = 60_000
const capacity = 10_000

/** So many tries a minute for every name. A try is taken before it is known how it ends, so that many at once are no way round. */
export class Tries {
  private readonly windows = new Map<string, Window>()

  /** `now` gives Unix milliseconds. */
  constructor(
    private readonly most: number,
    private readonly now: () => number,
  ) {}

  /** Milliseconds until there is a try again; 0 when there is one. */
  wait(name: string): number {
    const window = this.current(name)
    return window && window.count >= this.most ? window.until - this.now() : 0
  }

  take(name: string): void {
    const window = this.current(name)
    if (window) window.count++
    else this.begin(name)
  }

  giveBack(name: string): void {
    const window = this.current(name)
    if (window && window.count > 0) window.count--
  }

  private current(name: string): Window | undefined {
    const window = this.windows.get(name)
    const left = window ? window.until - this.now() : 0
    // A clock that was set back must not make a window longer.
    return left > 0 && left <= minute ? window : undefined
  }

  private begin(name: string): void {
    this.windows.delete(name)
    if (this.windows.size >= capacity) this.forget()
    this.windows.set(name, { count: 1, until: this.now() + minute })
  }

  /** What has passed, and if that is nothing, the oldest: it is the next to pass. */
  private forget(): void {
    for (const name of this.windows.keys()) if (!this.current(name)) this.windows.delete(name)
    const [oldest] = this.windows.size >= capacity ? this.windows.keys() : []
    if (oldest !== undefined) this.windows.delete(oldest)
  }
}
