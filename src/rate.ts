import { Fifo } from './fifo.js'

interface Bucket {
  readonly name: string
  fullAt: number
}

const second = 1_000

/**
 * Lets names through at a rate: each has a bucket of one second's worth that fills steadily. What is more than a bucket
 * holds passes when the bucket is full, and is charged: it stays empty for as long as that much takes. A bounded number
 * of names is kept.
 */
export class Rate {
  private readonly buckets = new Map<string, Bucket>()
  /** In which order they are looked at again: those that are full need not be kept. */
  private readonly order = new Fifo<Bucket>()

  /** `now` gives milliseconds of a clock that nobody sets. */
  constructor(
    private readonly perSecond: number,
    private readonly capacity: number,
    private readonly now: () => number,
  ) {}

  /** Takes so many; or else how many milliseconds to wait until as many can be taken. */
  take(name: string, count: number): number {
    const now = this.now()
    const bucket = this.buckets.get(name) ?? this.begin(name, now)
    const missing = Math.max(0, bucket.fullAt - now)
    const cost = (count * second) / this.perSecond
    // Thirds of a second do not add up to one exactly.
    const wait = Math.round(1_000 * (missing + Math.min(cost, second) - second)) / 1_000
    if (missing > 0 && wait > 0) return wait
    bucket.fullAt = now + missing + cost
    return 0
  }

  private begin(name: string, now: number): Bucket {
    // Two for each that comes, so that they go sooner; for want of room the first goes as it is.
    for (let looked = 0; looked < 2; looked++) this.review(now)
    const bucket = { name, fullAt: now }
    this.buckets.set(name, bucket)
    this.order.push(bucket)
    return bucket
  }

  private review(now: number): void {
    const bucket = this.order.shift()
    if (!bucket) return
    if (bucket.fullAt <= now || this.buckets.size >= this.capacity) this.buckets.delete(bucket.name)
    else this.order.push(bucket)
  }
}
