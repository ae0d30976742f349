import { type AddressList, addressList } from './address.js'
import type { Caller } from './command.js'
import { effective } from './permissions.js'
import { invalid, Refusal } from './refusal.js'
import type { TokenInfo } from './store/access-tokens.js'
import type { KeyInfo } from './store/account-keys.js'
import type { Store } from './store/store.js'

/** So that a message that names only its principal needs a bounded number of MACs (protocol §9.3). */
export const mostLiveKeys = 5

/** What a key may be limited to. Moments are Unix seconds. */
export interface Grant {
  readonly permissions?: readonly string[] | undefined
  readonly ips?: readonly string[] | undefined
  readonly expires_at?: number | null | undefined
}

/** Throws 1403 unless the caller holds everything that a key may do now (protocol §11). */
export function requireOver(caller: Caller, key: KeyInfo): void {
  const held = effective(key.permissions, key.principalPermissions, key.userType)
  if (!caller.holdsAll(held)) throw new Refusal('FORBIDDEN', { message: 'This key may do more than you may' })
}

/** The same for a bearer token. */
export function requireHolding(caller: Caller, { permissions, principal }: TokenInfo): void {
  if (caller.holdsAll(effective(permissions, principal.permissions, principal.type))) return
  throw new Refusal('FORBIDDEN', { message: 'This token may do more than you may' })
}

/** Throws 1403 unless the caller may know a key's secret: it holds everything, wherever and as long as the key works. */
export function requireShowable(caller: Caller, key: KeyInfo): void {
  requireOver(caller, key)
  const ends = [key.expiresAt, key.principalExpiresAt].filter((end) => end !== null)
  requireGrantable(caller, { ips: key.addresses, expires_at: ends.length > 0 ? Math.min(...ends) : null })
}

/** Whether the caller may know a key's secret, as {@link requireShowable} says. */
export function mayBeShown(caller: Caller, key: KeyInfo): boolean {
  try {
    requireShowable(caller, key)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

/**
 * Throws 1422 for an address list that cannot be read, and 1403 for a grant that goes beyond the caller: more
 * permissions, a longer life, other addresses. Whoever is limited would otherwise make itself a key without the limit.
 */
export function requireGrantable(caller: Caller, { permissions = [], ips, expires_at: end }: Grant): void {
  const missing = permissions.filter((permission) => !caller.holds(permission))
  if (missing.length > 0) throw beyond(`You do not hold ${missing.join(', ')}`)
  if (end !== undefined && caller.expiresAt !== null && (end === null || end > caller.expiresAt)) {
    throw beyond('It would outlive what you sign with')
  }
  if (ips === undefined) return
  const list = readList(ips)
  if (!caller.addresses) return
  const inside = caller.addresses
  if (ips.length === 0 || list.some((entry) => !inside.contains(entry)))
    throw beyond('It would be usable where what you sign with is not')
}

function readList(ips: readonly string[]): readonly string[] {
  let list: AddressList
  try {
    list = addressList(ips)
  } catch (error) {
    throw invalid('/ips', error instanceof Error ? error.message : 'is no address list')
  }
  return list.entries
}

const beyond = (message: string) => new Refusal('FORBIDDEN', { message })

/** Whose a new key or token is. The operator at the command line is nobody who signs: it is the account's owner's. */
export async function signerFor({ principal, account }: Caller, store: Store): Promise<Caller['principal']> {
  if (principal.kind !== 'local') return principal
  const owner = await store.accounts.owner(account)
  if (owner === undefined) {
    throw new Refusal('INVALID_PARAMS', { message: `There is no account ${account}: create it first` })
  }
  return { kind: 'owner', id: owner }
}

/** What is kept of whoever made a key or token. */
export const madeBy = ({ keyId, principal }: Caller): string => keyId ?? `${principal.kind}:${principal.id}`
