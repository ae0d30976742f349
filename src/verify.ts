import { timingSafeEqual } from 'node:crypto'
import { type Authority, type SigningSecret, signedBy } from './authority.js'
import type { MacProof } from './dialect.js'
import { decodeMac, macLength } from './encoding.js'
import type { MacKey } from './hmac.js'
import { Refusal } from './refusal.js'

/** A message whose proof was right. Without `mac` and `key` it was not signed: nothing is claimed for it, and its reply is not signed. */
export interface Verified {
  readonly authority: Authority
  /** Lower-case hex of the request's MAC: the message's identity, and part of what the reply signs. */
  readonly mac?: string
  /** The secret that signed it, which signs the reply too. */
  readonly key?: MacKey
}

/** The proofs that take looking up more than one key: each is undefined when it is wrong, after the same work. `address` is the caller's. */
export type Verifier<P> = (proof: P, now: number, address: string) => Promise<Verified | undefined>

type Signature = Pick<MacProof, 'signed' | 'mac'>

/**
 * The third step: the proof against the live secrets of the key. A wrong signature, a spelling that is not canonical and
 * an unknown key (whose authority is the decoy) are one answer after the same work: two MACs, whether the key was rotated or
 * not. Undefined, for the caller to count.
 */
export function verify(proof: Signature, authority: Authority, now: number): Verified | undefined {
  const given = decodeMac(proof.mac, givenMac)
  let verified: Verified | undefined
  for (const secret of authority.secrets) {
    const { key, until } = secret
    const mac = key.mac(proof.signed, 'hex')
    rightMac.write(mac, 'hex')
    const right = given !== undefined && timingSafeEqual(rightMac, given)
    const live = until === null || until > now
    if (right && live && authority.known) verified = { authority: signedBy(authority, secret), mac, key }
  }
  return verified
}

/** Kept, for to make two buffers takes longer than to fill and compare them. */
const givenMac = Buffer.alloc(macLength)
const rightMac = Buffer.alloc(macLength)

/** The secret of a key that a message was signed with; undefined when the key does not sign with it any more. */
export const liveSecret = (key: MacKey, { secrets }: Authority, now: number): SigningSecret | undefined =>
  secrets.find((secret) => (secret.until === null || secret.until > now) && secret.key.equals(key))

/**
 * Freshness (protocol §4): throws 1503 while a restored database waits for the clock to pass its floor, and 1402 outside
 * the window or at the floor. All in Unix seconds; a message without a timestamp has no window.
 */
export function requireFresh(timestamp: number | undefined, now: number, window: number, floor: number): void {
  if (floor >= now) {
    throw new Refusal('OVERLOADED', {
      message: 'This instance was restored from a backup, or its clock was wrong: it takes no messages yet',
      retryAfter: floor - now + 1,
    })
  }
  if (timestamp === undefined) return
  const skew = timestamp - now
  if (Math.abs(skew) <= window && timestamp > floor) return
  const fault = skew > 0 ? 'ahead of' : 'behind'
  throw new Refusal('STALE', {
    message: `The timestamp is ${Math.abs(skew)} s ${fault} the server's clock; ${window} s are accepted`,
    skew,
  })
}
