import type { KeyObject } from 'node:crypto'
import { limitedBy } from './address.js'
import { type Authority, restsOnPrincipal } from './authority.js'
import type { PasswordProof } from './dialect.js'
import { Guesses, type SharedFailures } from './guesses.js'
import { hmac } from './hmac.js'
import type { Passwords } from './passwords.js'
import { intersect, permissionsOfType } from './permissions.js'
import { Recent } from './recent.js'
import type { Queries } from './store/db.js'
import type { LoginRecord } from './store/logins.js'
import type { Verifier } from './verify.js'

/** Reads a panel user of an account; undefined when there is none. */
export type LoadLogin = (account: number, login: string, queries?: Queries) => Promise<LoginRecord | undefined>

export interface PasswordParts {
  readonly load: LoadLogin
  readonly passwords: Passwords
  /** The account of a bare login. */
  readonly defaultAccount: number
  /** Of this process alone: what passwords were right is remembered as HMACs under it. */
  readonly key: KeyObject
  /** Milliseconds of a clock that nobody sets. */
  readonly elapsed: () => number
  /** Counts wrong passwords together with other nodes. */
  readonly shared?: SharedFailures | undefined
}

const maxRemembered = 1_000
const rememberedFor = 300_000

/**
 * Verifies passwords of panel users. An unknown user, one without a password, and a wrong password are one answer after the
 * same work, which does not depend on what other accounts have. A right password is remembered until nobody uses it for five minutes, under
 * a name that the stored hash is part of: when that changes, what was remembered is worth nothing. The user itself is read
 * for every message.
 */
export function passwordVerifier({
  load,
  passwords,
  defaultAccount,
  key,
  elapsed,
  shared,
}: PasswordParts): Verifier<PasswordProof> {
  const remembered = new Recent(maxRemembered, rememberedFor, elapsed)
  const guesses = new Guesses(elapsed, shared)
  // The same password of the same user, sent many times at once, is one guess.
  const underWay = new Map<string, Promise<boolean>>()

  function check(name: string, who: string, address: string, password: string, hash: string | undefined) {
    const shared = `${name} ${limitedBy(address)}`
    const begun = underWay.get(shared)
    if (begun) return begun
    const work = guesses
      .guess(who, address, (turn) => passwords.verify(password, hash, turn))
      .finally(() => underWay.delete(shared))
    underWay.set(shared, work)
    return work
  }

  return async ({ account = defaultAccount, login, password }, now, address) => {
    const found = withoutEnded(await load(account, login), now)
    const who = JSON.stringify([account, login])
    const name = hmac(key, JSON.stringify([who, found?.hash ?? null, password]), 'base64')
    const right = remembered.has(name) || (await check(name, who, address, password, found?.hash))
    if (!right || !found) return undefined
    remembered.add(name)
    guesses.right(who, address)
    return { authority: authorityOf(found, load) }
  }
}

/** A password that has ended by itself is none. */
function withoutEnded(user: LoginRecord | undefined, now: number): LoginRecord | undefined {
  const ended = user && user.passwordUntil !== null && user.passwordUntil <= now
  return ended ? { ...user, hash: undefined } : user
}

function authorityOf(user: LoginRecord, load: LoadLogin): Authority {
  const ends = [user.expiresAt, user.passwordUntil].filter((end) => end !== null)
  return {
    known: true,
    keyId: null,
    account: user.account,
    // With another password it is another login: a message that was under way when it changed has not shown that one.
    lineage: user.hash ?? '',
    principal: { kind: 'user', id: user.login },
    permissions: intersect(permissionsOfType(user.type), user.ceiling),
    powerless: false,
    addresses: undefined,
    secrets: [],
    enabled: user.enabled && user.accountEnabled,
    expiresAt: ends.length > 0 ? Math.min(...ends) : null,
    ownExpiresAt: user.passwordUntil,
    restsOn: restsOnPrincipal(user.account, { kind: 'user', id: user.login }),
    async reload(queries) {
      const fresh = await load(user.account, user.login, queries)
      return fresh ? authorityOf(fresh, load) : { ...this, known: false }
    },
    // Never kept, so nobody would say when it changes.
    stale: true,
  }
}
