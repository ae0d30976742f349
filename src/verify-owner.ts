import type { Authorities } from './authority.js'
import type { OwnerProof } from './dialect.js'
import { type Verified, type Verifier, verify } from './verify.js'

/** The ids of the keys that may have signed for an owner, at most {@link mostTried}; none when nobody or several are meant. */
export type KeysOfOwner = (owner: string, now: number) => Promise<readonly string[]>

/** A principal has at most five enabled keys (protocol §9.3). */
const mostTried = 5

/**
 * Verifies signatures that name only their principal: with every key that may have made it, and with decoys up to five,
 * so that an unknown owner takes the work of a known one.
 */
export function ownerVerifier(authorities: Authorities, keysOf: KeysOfOwner): Verifier<OwnerProof> {
  return async (proof, now) => {
    const keyIds = (await keysOf(proof.owner, now)).slice(0, mostTried)
    let verified: Verified | undefined
    for (let i = 0; i < mostTried; i++) {
      const keyId = keyIds[i] ?? decoys[i] ?? ''
      const authority = authorities.cached(keyId) ?? (await authorities.load(keyId))
      verified = verify(proof, authority, now) ?? verified
    }
    return verified
  }
}

/** Ids that no key can have: a name from outside has no white space. */
const decoys = Array.from({ length: mostTried }, (_, index) => `no key ${index}`)
