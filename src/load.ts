import { limitedBy } from './address.js'
import { Refusal } from './refusal.js'

/** A request whose body is here. */
export interface Arrived {
  /** The caller's; IPv6 counts by its /64. */
  readonly address: string
  /** What it came over. */
  readonly connection: object
}

/** Requests that want an answer up to this many are never too much. */
const calm = 640
/** As many may be under way at once when it was calm a moment ago: many who come together are no overload. */
const burst = 1_024
/** While it is never calm: what is taken on waits no longer than some four times as long as it would have. */
const standing = 160
/** Beyond that, the first of each address: whoever floods crowds nobody else out. */
const reserve = 32
/** How long after a refusal a crowd is not taken for a burst: whoever was refused comes again. */
const aftermath = 1_000
/** How long it may go without being calm, in milliseconds. */
const grace = 250
/** Requests that wait for something other than this thread: a password's hash, a twin, a module's own errand. */
const maxParked = 1_024

/**
 * How much is under way, and whether more can be taken on. One thread works on everything, so the number of requests that
 * it has begun and not answered says how long the next one would wait.
 */
export class Load {
  private underWay = 0
  private parked = 0
  private calmAt = Number.NEGATIVE_INFINITY
  private idleSince = Number.NEGATIVE_INFINITY
  private strictUntil = Number.NEGATIVE_INFINITY
  /** Connections that were ever made. */
  connections = 0

  /** Counts one that was taken on; {@link end} when it is answered. */
  begin(): void {
    this.underWay++
  }

  /** `now` gives milliseconds. */
  end(now: () => number): void {
    this.underWay--
    if (this.underWay === 0) this.idleSince = now()
  }

  /** Does not count a request while it waits for `work`. Throws 1503 when too many do. */
  async aside<T>(work: () => Promise<T>): Promise<T> {
    if (this.parked >= maxParked) throw new Refusal('OVERLOADED')
    this.parked++
    this.underWay--
    try {
      return await work()
    } finally {
      this.parked--
      this.underWay++
    }
  }

  /**
   * How many of those that arrive now can be taken on, while `refused` wait to be told no: they count as long as they wait,
   * or a refusal alone would make it calm. `now` in milliseconds.
   */
  room(arriving: number, refused: number, now: number): number {
    const isCalm = this.underWay + arriving + refused <= calm
    const wasIdle = this.underWay + refused === 0 && now - this.idleSince > grace
    if (isCalm || wasIdle) this.calmAt = now
    const most = now - this.calmAt > grace || now < this.strictUntil ? standing : burst
    const room = Math.max(0, most - this.underWay)
    if (room < arriving && !isCalm) this.strictUntil = now + aftermath
    return room
  }

  /**
   * Of more than there is room for, those that are taken on: one of each address in turn, of an address one of each connection
   * in turn, and in the order of their arrival.
   */
  choose<T extends Arrived>(arrived: readonly T[], room: number): { taken: T[]; refused: T[] } {
    const byConnection = inTurn(arrived, ({ connection }) => connection).map(({ request }) => request)
    const ranked = inTurn(byConnection, ({ address }) => limitedBy(address))
    const spare = Math.max(0, Math.min(reserve, standing + reserve - this.underWay - room))
    const firsts = ranked.filter(({ rank }) => rank === 0).length
    const count = Math.max(room, Math.min(firsts, room + spare))
    const requests = ranked.map(({ request }) => request)
    return { taken: requests.slice(0, count), refused: requests.slice(count) }
  }
}

/** The first of each source, then the second of each, and so on. */
function inTurn<T>(requests: readonly T[], sourceOf: (request: T) => unknown): { request: T; rank: number }[] {
  const seen = new Map<unknown, number>()
  const ranked = requests.map((request) => {
    const source = sourceOf(request)
    const rank = seen.get(source) ?? 0
    seen.set(source, rank + 1)
    return { request, rank }
  })
  return ranked.sort((one, other) => one.rank - other.rank)
}
