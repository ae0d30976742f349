import { limitedBy } from './address.js'
import { Refusal } from './refusal.js'

/** A request whose body is here. */
export interface Arrived {
  /** Whose it is taken to be: see {@link sourceOf}. */
  readonly source: Source
  /** What it came over. */
  readonly connection: object
}

/** An account, by its number; an address, where no account is known yet. */
export type Source = number | string

/** Requests count by the account that last proved itself on their connection from their address, else by the address (IPv6 by its /64). */
export const sourceOf = (
  proved: { readonly account: number; readonly address: string } | undefined,
  address: string,
): Source => (proved?.address === address ? proved.account : limitedBy(address))

/** Requests that want an answer up to this many are never too much. */
const calm = 640
/** As many may be under way at once when it was calm a moment ago: many who come together are no overload. */
const burst = 1_024
/** While it is never calm: what is taken on waits no longer than some four times as long as it would have. */
const standing = 160
/** Beyond that, requests of sources that have few under way: a source that floods crowds no other one out. */
const reserve = 512
const few = 32
/** How long after a refusal a crowd is not taken for a burst: whoever was refused comes again. */
const aftermath = 1_000
/** How long it may go without being calm, in milliseconds. */
const grace = 250
/** Requests that wait for something other than this thread: a password's hash, a twin, a module's own errand. */
const maxParked = 1_024
const maxParkedOfOne = 256

/**
 * How much is under way, and whether more can be taken on. One thread works on everything, so the number of requests that
 * it has begun and not answered says how long the next one would wait.
 */
export class Load {
  private underWay = 0
  private readonly bySource = new Map<Source, number>()
  /** What single sources have under way beyond what all may have together when it is busy. */
  private excess = 0
  private parked = 0
  private readonly parkedBy = new Map<number, number>()
  private calmAt = Number.NEGATIVE_INFINITY
  private idleSince = Number.NEGATIVE_INFINITY
  private strictUntil = Number.NEGATIVE_INFINITY
  /** Connections that were ever made. */
  connections = 0

  /** Counts one that was taken on; {@link end} when it is answered. */
  begin(source: Source): void {
    this.underWay++
    const own = (this.bySource.get(source) ?? 0) + 1
    this.bySource.set(source, own)
    if (own > standing) this.excess++
  }

  /** `now` gives milliseconds. */
  end(source: Source, now: () => number): void {
    this.underWay--
    const own = this.bySource.get(source) ?? 0
    if (own > standing) this.excess--
    if (own > 1) this.bySource.set(source, own - 1)
    else this.bySource.delete(source)
    if (this.underWay === 0) this.idleSince = now()
  }

  /**
   * Does not count a request while it waits for `work`. Throws 1503 when too many do, or too many of an account, which is
   * undefined for work that nobody has proved to be theirs.
   */
  async aside<T>(account: number | undefined, work: () => Promise<T>): Promise<T> {
    const own = account === undefined ? 0 : (this.parkedBy.get(account) ?? 0)
    if (this.parked >= maxParked || own >= maxParkedOfOne) throw new Refusal('OVERLOADED')
    this.park(account, 1)
    try {
      return await work()
    } finally {
      this.park(account, -1)
    }
  }

  private park(account: number | undefined, by: 1 | -1): void {
    this.parked += by
    this.underWay -= by
    if (account === undefined) return
    const own = (this.parkedBy.get(account) ?? 0) + by
    if (own > 0) this.parkedBy.set(account, own)
    else this.parkedBy.delete(account)
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
   * Of more than there is room for, those that are taken on: one of each source in turn, of a source one of each connection
   * in turn, and in the order of their arrival. What an account has under way counts as turns that it had.
   */
  choose<T extends Arrived>(arrived: readonly T[], room: number): { taken: T[]; refused: T[] } {
    const byConnection = inTurn(arrived, ({ connection }) => connection).map(({ request }) => request)
    const ranked = inTurn(
      byConnection,
      ({ source }) => source,
      (source) => {
        const own = this.bySource.get(source) ?? 0
        // Behind one address there may be many callers. What some of them have under way takes no turns of the others, unless it is a crowd.
        return typeof source === 'number' || own > standing ? own : 0
      },
    )
    const spare = Math.max(0, Math.min(reserve, standing + reserve - (this.underWay - this.excess) - room))
    const modest = ranked.filter(({ rank }) => rank < few).length
    const count = Math.max(room, Math.min(modest, room + spare))
    const requests = ranked.map(({ request }) => request)
    return { taken: requests.slice(0, count), refused: requests.slice(count) }
  }
}

/** The first of each source, then the second of each, and so on; `had` says how many turns one had before. */
function inTurn<T, S>(
  requests: readonly T[],
  sourceOf: (request: T) => S,
  had: (source: S) => number = () => 0,
): { request: T; rank: number }[] {
  const seen = new Map<S, number>()
  const ranked = requests.map((request) => {
    const source = sourceOf(request)
    const rank = seen.get(source) ?? had(source)
    seen.set(source, rank + 1)
    return { request, rank }
  })
  return ranked.sort((one, other) => one.rank - other.rank)
}
