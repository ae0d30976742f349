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

  /** `now` gives Unix milliseconds. */
  constructor(now: () => number) {
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
    const pair = pairOf(login, address)
    const isKnown = this.known.has(pair)
    const taken: readonly (readonly [tries: Tries, name: string])[] = isKnown
      ? [[this.perKnown, pair]]
      : [
          [this.perAddress, limitedBy(address)],
          [this.perLogin, login],
        ]
    const wait = Math.max(...taken.map(([tries, name]) => tries.wait(name)))
    if (wait > 0) throw tooMany(wait)
    for (const [tries, name] of taken) tries.take(name)
    let wrong = false
    try {
      wrong = !(await check(isKnown ? 'first' : 'last'))
    } catch (error) {
      throw error instanceof TooManyPasswords ? new Refusal('OVERLOADED') : error
    } finally {
      if (!wrong) for (const [tries, name] of taken) tries.giveBack(name)
    }
    return !wrong
  }
}

// An address has no white space.
const pairOf = (login: string, address: string): string => `${limitedBy(address)} ${login}`
