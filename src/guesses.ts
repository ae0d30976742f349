import { limitedBy } from './address.js'
import { tooMany } from './limits.js'
import { TooManyPasswords, type Turn } from './passwords.js'
import { Recent } from './recent.js'
import { Refusal } from './refusal.js'
import { Tries } from './tries.js'

const perKnown = 10
const perAddress = 10
const perLogin = 30
const maxKnown = 10_000
const day = 86_400_000

/**
 * Limits wrong passwords, per minute. From an address (IPv6 by /64) from which a login was right within a day: 10 for the
 * two together. From any other: 10 for the address, and 30 for the login. So nobody who guesses from elsewhere can keep
 * out whoever has been let in, and guesses from many addresses at once are still few.
 */
export class Guesses {
  private readonly known: Recent
  private readonly perKnown: Tries
  private readonly perAddress: Tries
  private readonly perLogin: Tries

  /** `now` gives milliseconds of a clock that nobody sets. `shared`: what all nodes count together, where there are several. */
  constructor(
    now: () => number,
    private readonly shared?: SharedFailures,
  ) {
    this.known = new Recent(maxKnown, day, now)
    this.perKnown = new Tries(perKnown, now)
    this.perAddress = new Tries(perAddress, now)
    this.perLogin = new Tries(perLogin, now)
  }

  /** Notes that a login was right from an address. */
  right(login: string, address: string): void {
    this.known.add(pairOf(login, address))
  }

  /** Checks a password: throws 1429, without checking, when there were too many wrong ones, and 1503 when too many wait. */
  async guess(login: string, address: string, check: (turn: Turn) => Promise<boolean>): Promise<boolean> {
    const isKnown = this.known.has(pairOf(login, address))
    const limits = isKnown ? this.ofKnown(login, address) : this.ofStranger(login, address)
    await begin(limits)
    let failed = false
    try {
      failed = !(await this.shareCount(limits, () => check(isKnown ? 'first' : 'last')))
    } catch (error) {
      throw error instanceof TooManyPasswords ? new Refusal('OVERLOADED') : error
    } finally {
      for (const [tries, name] of limits) tries.end(name, failed)
    }
    return !failed
  }

  /** Counted as wrong by all nodes until it is known to be right. */
  private async shareCount(limits: Limits, check: () => Promise<boolean>): Promise<boolean> {
    const { shared } = this
    if (!shared) return check()
    const counted = limits.map(([tries, name]) => ({ name: `${this.kindOf(tries)} ${name}`, most: tries.most }))
    const wait = await shared.begin(counted)
    if (wait > 0) throw tooMany(wait)
    let wrong = false
    try {
      wrong = !(await check())
    } finally {
      if (!wrong) await shared.giveBack(counted)
    }
    return !wrong
  }

  private kindOf(tries: Tries): string {
    if (tries === this.perKnown) return 'known'
    return tries === this.perAddress ? 'address' : 'login'
  }

  private ofKnown(login: string, address: string): Limits {
    return [[this.perKnown, pairOf(login, address)]]
  }

  private ofStranger(login: string, address: string): Limits {
    return [
      [this.perAddress, limitedBy(address)],
      [this.perLogin, login],
    ]
  }
}

/** What is counted beyond this process: `begin` gives milliseconds to wait, 0 when the guess may be made. */
export interface SharedFailures {
  begin(counted: readonly { readonly name: string; readonly most: number }[]): Promise<number>
  giveBack(counted: readonly { readonly name: string; readonly most: number }[]): Promise<void>
}

/** What a guess counts for. */
type Limits = readonly (readonly [tries: Tries, name: string])[]

/** Begins a guess once it is surely not one too many; throws 1429 once it is. */
async function begin(limits: Limits): Promise<void> {
  for (;;) {
    const wait = Math.max(...limits.map(([tries, name]) => tries.wait(name)))
    if (wait > 0) throw tooMany(wait)
    const [full] = limits.filter(([tries, name]) => tries.full(name))
    if (!full) break
    const [tries, name] = full
    await tries.ended(name)
  }
  // Nothing is awaited since there was found to be room: whoever was woken together looks again one after the other.
  for (const [tries, name] of limits) tries.begin(name)
}

// An address has no white space.
const pairOf = (login: string, address: string): string => `${limitedBy(address)} ${login}`
