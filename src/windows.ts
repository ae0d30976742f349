import { Fifo } from './fifo.js'

interface Window {
  readonly name: string
  readonly until: number
  spent: number
}

/**
 * What names spend of an allowance that each has in a window of time, from its first spending on. A bounded number of
 * names is kept: what has passed goes first, then the oldest, which is the next to pass. All in milliseconds.
 */
export class Windows {
  private readonly windows = new Map<string, Window>()
  /** All windows are equally long, so they end in the order in which they began. */
  private readonly order = new Fifo<Window>()
  private full = 0

  /** `now` is a clock that nobody sets: after a step of the time of day a minute is still a minute. */
  constructor(
    readonly allowance: number,
    private readonly length: number,
    private readonly capacity: number,
    private readonly now: () => number,
  ) {}

  /** Whether any name has spent its allowance: asked for every message, and mostly none has. */
  get anyFull(): boolean {
    if (this.full > 0) this.forgetPassed()
    return this.full > 0
  }

  spent(name: string): number {
    return this.current(name)?.spent ?? 0
  }

  /** How long until the name has its allowance again; 0 while there is something left of it. */
  wait(name: string): number {
    const window = this.current(name)
    return window && this.isFull(window) ? window.until - this.now() : 0
  }

  spend(name: string, amount: number): void {
    const window = this.current(name) ?? this.begin(name)
    const wasFull = this.isFull(window)
    window.spent += amount
    if (!wasFull && this.isFull(window)) this.full++
  }

  private isFull({ spent }: Window): boolean {
    return spent >= this.allowance
  }

  private current(name: string): Window | undefined {
    const window = this.windows.get(name)
    return window && window.until > this.now() ? window : undefined
  }

  private begin(name: string): Window {
    this.forgetPassed()
    if (this.windows.size >= this.capacity) this.forgetFirst()
    const window = { name, until: this.now() + this.length, spent: 0 }
    this.windows.set(name, window)
    this.order.push(window)
    return window
  }

  private forgetPassed(): void {
    const now = this.now()
    for (let { first } = this.order; first && first.until <= now; first = this.order.first) this.forgetFirst()
  }

  private forgetFirst(): void {
    const window = this.order.shift()
    if (!window) return
    this.windows.delete(window.name)
    if (this.isFull(window)) this.full--
  }
}
