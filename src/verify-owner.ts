import type { Authorities } from './authority.js'
import type { OwnerProof } from './dialect.js'
import type { UserName } from './store/owners.js'
import { type Verified, type Verifier, verify } from './verify.js'

/** The ids of the keys that may have signed for an owner, or else for a panel user, at most {@link mostTried}. */
export type KeysOfOwner = (owner: string, user: UserName, now: number) => Promise<readonly string[]>

/** A principal has at most five enabled keys (protocol §8.3). */
const mostTried = 5

/**
 * Verifies signatures that name only their principal: with every key that may have made it, and with decoys up to five,
 * so that an unknown owner takes the work of a known one: two MACs for each. A bare login is that of the default account.
 */
export function ownerVerifier(
  authorities: Authorities,
  keysOf: KeysOfOwner,
  defaultAccount: number,
): Verifier<OwnerProof> {
  return async (proof, now) => {
    const { owner, user } = proof
    const named = { account: user.account ?? defaultAccount, login: user.login }
    const keyIds = (await keysOf(owner, named, now)).slice(0, mostTried)
    let verified: Verified | undefined
    for (let i = 0; i < mostTried; i++) {
      const keyId = keyIds[i] ?? decoy(owner, i)
      const authority = authorities.cached(keyId) ?? (await authorities.load(keyId))
      verified = verify(proof, authority, now) ?? verified
    }
    return verified
  }
}

/**
 * An id that no key can have: a name from outside has no white space. The first one is the owner's own, so that an unknown
 * owner is looked up as a key would be the first time that it is named.
 */
const decoy = (owner: string, index: number): string => (index === 0 ? `no key of ${owner}` : `no key ${index}`)
