import { timingSafeEqual } from 'node:crypto'
import { ScryptThreads } from './scrypt.js'
import { Turns } from './turns.js'

const cost = { N: 2 ** 15, r: 8, p: 1 }
const atOnce = 4
/** Of the process: its instances share them. */
const threads = new ScryptThreads()
const maxWaiting = { first: 256, last: 64 }
/** Of one account: a batch of a hundred waits, and leaves room for others. */
const maxWaitingOfOne = 128

/** Whoever has proved nothing yet waits behind everybody who has: a flood of guesses must not hold up honest callers. */
export type Turn = keyof typeof maxWaiting

/** Hashes passwords with scrypt (RFC 7914), at most four at once; further calls wait their turn. */
export interface Passwords {
  /** `scrypt$N$r$p$salt$hash`, salt and hash in base64. Rejects when too many are waiting. */
  hash(password: string): Promise<string>
  /** Without a stored hash: the same work, and false. Rejects when too many are waiting. */
  verify(password: string, hash: string | undefined, turn?: Turn): Promise<boolean>
}

/** Thrown by {@link Passwords} when its queue is full: nothing was done. */
export class TooManyPasswords extends Error {}

/** Everybody's passwords; {@link of} hashes for one account, which takes turns with the others. */
export interface SharedPasswords extends Passwords {
  of(account: number): Passwords
}

/** Whose a hash is, where nobody has proved to be an account. */
const nobody = ''

export function passwords(randomBytes: (size: number) => Buffer): SharedPasswords {
  let running = 0
  const turns = () => new Turns<() => void>({ sizeOf: () => 1 })
  const waiting: Record<Turn, Turns<() => void>> = { first: turns(), last: turns() }
  async function limited<T>(whose: number | typeof nobody, turn: Turn, work: () => Promise<T>): Promise<T> {
    if (running >= atOnce) {
      const own = whose === nobody ? 0 : waiting[turn].lengthOf(whose)
      if (waiting[turn].length >= maxWaiting[turn] || own >= maxWaitingOfOne) {
        throw new TooManyPasswords('too many passwords are waiting to be hashed')
      }
      await new Promise<void>((resolve) => waiting[turn].add(whose, resolve))
    } else running++
    try {
      return await work()
    } finally {
      const [next] = waiting[waiting.first.length > 0 ? 'first' : 'last'].take(1).items
      if (next) next()
      else running--
    }
  }
  const derived = (
    whose: number | typeof nobody,
    turn: Turn,
    password: string,
    salt: Buffer,
    { N, r, p }: typeof cost,
  ) =>
    limited(whose, turn, () =>
      threads.derive({ password, salt, length: 32, options: { N, r, p, maxmem: 256 * N * r } }),
    )
  const decoySalt = randomBytes(16)
  const of = (whose: number | typeof nobody): Passwords => ({
    async hash(password) {
      const salt = randomBytes(16)
      const hash = await derived(whose, 'first', password, salt, cost)
      return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString('base64')}$${hash.toString('base64')}`
    },
    async verify(password, stored, turn = 'first') {
      if (stored === undefined) {
        await derived(whose, turn, password, decoySalt, cost)
        return false
      }
      const [scheme, N, r, p, salt, hash] = stored.split('$')
      if (scheme !== 'scrypt' || !salt || !hash) throw new Error('a stored password hash has an unknown form')
      const expected = Buffer.from(hash, 'base64')
      const given = { N: Number(N), r: Number(r), p: Number(p) }
      const actual = await derived(whose, turn, password, Buffer.from(salt, 'base64'), given)
      return actual.length === expected.length && timingSafeEqual(actual, expected)
    },
  })
  return { ...of(nobody), of }
}
