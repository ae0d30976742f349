/** One source of what waits, such as an account. */
interface Source<T> {
  readonly name: unknown
  readonly items: T[]
  /** Milliseconds that a unit of its work has taken of late. */
  cost: number
  /** Milliseconds of its work so far, on a clock that all sources share. */
  spent: number
}

/** What is worked on together. */
export interface Lot<T> {
  readonly items: readonly T[]
  /** Units of work by source. */
  readonly units: ReadonlyMap<Source<T>, number>
}

export interface TurnsOptions<T> {
  /** What {@link Turns.take} limits, such as bytes. */
  readonly sizeOf: (item: T) => number
  /** How much work an item is; 1 unless given. */
  readonly unitsOf?: (item: T) => number
  /** Of units that take longer than `from` milliseconds a lot has no more than `most` milliseconds. */
  readonly slow?: { readonly from: number; readonly most: number }
  /** While several sources come, a lot has at most so many milliseconds of each. An item that takes longer has a lot to itself. */
  readonly share?: number
}

/** What a unit of work is taken to cost before one was seen, and the least that it can cost. Milliseconds. */
const firstCost = 0.1
const leastCost = 0.01
/** How far one lot moves what is known of the cost of its sources. */
const learning = 0.25
/** How long several sources count as coming after items of two of them came one after the other, in milliseconds. */
const mixedFor = 100
/** Sources that are remembered while nothing of theirs waits. */
const maxIdle = 1_024

/**
 * A queue in which sources take turns: what comes next is of the source that has used the least time (start-time fair
 * queueing, Goyal 1996). So nobody waits behind the crowd of another source, and a source with slow work has fewer turns.
 */
export class Turns<T> {
  private readonly sources = new Map<unknown, Source<T>>()
  /** Those of which something waits, in the order of their coming. */
  private readonly waiting: Source<T>[] = []
  private clock = 0
  private count = 0
  /** Whose item came last, and when the one before it was of another source. */
  private lastName: unknown
  private mixedAt = Number.NEGATIVE_INFINITY

  constructor(private readonly options: TurnsOptions<T>) {}

  get length(): number {
    return this.count
  }

  lengthOf(name: unknown): number {
    return this.sources.get(name)?.items.length ?? 0
  }

  /** Whether items of several sources came within so many milliseconds. */
  isMixed(within: number): boolean {
    return performance.now() - this.mixedAt < within
  }

  /** Whose turn it is, of those sources that `may` allows. */
  whose(may?: (name: unknown) => boolean): { readonly name: unknown } | undefined {
    return this.next((source) => !may || may(source.name))
  }

  /** The item of each source that has waited longest. */
  *firsts(): Iterable<T> {
    for (const { items } of this.waiting) if (items[0] !== undefined) yield items[0]
  }

  add(name: unknown, item: T): void {
    const source = this.sources.get(name) ?? this.made(name)
    if (this.lastName !== undefined && name !== this.lastName) this.mixedAt = performance.now()
    this.lastName = name
    if (source.items.push(item) === 1) {
      // A source that was away has saved nothing up.
      source.spent = Math.max(source.spent, this.clock)
      this.waiting.push(source)
    }
    this.count++
  }

  /** Takes the next ones, of those sources that `may` allows: up to a size of `most`, and at least one if there is one. */
  take(most: number, may?: (name: unknown) => boolean): Lot<T> {
    const { sizeOf, unitsOf, slow } = this.options
    const items: T[] = []
    const units = new Map<Source<T>, number>()
    let size = 0
    let slowly = 0
    const share = this.share()
    const mayMore = (source: Source<T>) => (units.get(source) ?? 0) * source.cost < share && (!may || may(source.name))
    for (let source = this.next(mayMore); source; source = this.next(mayMore)) {
      const [item] = source.items
      if (item === undefined) break
      size += sizeOf(item)
      const work = unitsOf ? unitsOf(item) : 1
      const isLong = source.cost * work > share
      if (items.length > 0 && (isLong || size > most || (slow && slowly >= slow.most))) break
      this.shift(source)
      this.clock = source.spent
      source.spent += source.cost * work
      if (slow && source.cost > slow.from) slowly += source.cost * work
      units.set(source, (units.get(source) ?? 0) + work)
      items.push(item)
      if (isLong) break
    }
    return { items, units }
  }

  /** Notes how long a lot took, in milliseconds: each of its sources is charged the share that its work was expected to take. */
  charge({ units }: Lot<T>, milliseconds: number): void {
    let expected = 0
    for (const [source, work] of units) expected += source.cost * work
    if (expected === 0) return
    for (const [source, work] of units) {
      const before = source.cost * work
      const real = (milliseconds * before) / expected
      source.spent += real - before
      source.cost = Math.max(leastCost, source.cost + (real / work - source.cost) * learning)
    }
  }

  /** Drops what waits longest of each source while `drop` says so of it. */
  drop(dropped: (item: T) => boolean): void {
    for (const source of [...this.waiting]) {
      for (let [item] = source.items; item !== undefined && dropped(item); [item] = source.items) this.shift(source)
    }
  }

  private next(may: (source: Source<T>) => boolean): Source<T> | undefined {
    let next: Source<T> | undefined
    for (const source of this.waiting) {
      if (next && source.spent >= next.spent) continue
      if (may(source)) next = source
    }
    return next
  }

  /** Milliseconds that a lot has of each source. */
  private share(): number {
    const { share = Number.POSITIVE_INFINITY } = this.options
    return this.isMixed(mixedFor) ? share : Number.POSITIVE_INFINITY
  }

  private shift(source: Source<T>): void {
    source.items.shift()
    this.count--
    if (source.items.length === 0) this.waiting.splice(this.waiting.indexOf(source), 1)
  }

  private made(name: unknown): Source<T> {
    if (this.sources.size >= maxIdle + this.waiting.length) this.forgetOne()
    const source = { name, items: [], cost: firstCost, spent: this.clock }
    this.sources.set(name, source)
    return source
  }

  private forgetOne(): void {
    for (const [name, { items }] of this.sources) {
      if (items.length > 0) continue
      this.sources.delete(name)
      return
    }
  }
}
