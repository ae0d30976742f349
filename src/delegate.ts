import { type AddressList, addressList } from './address.js'
import type { Caller } from './command.js'
import { ceilingOf, covers, effective, intersect, type Permission, permissionsOfType } from './permissions.js'
import { invalid, Refusal } from './refusal.js'
import type { TokenInfo } from './store/access-tokens.js'
import type { KeyInfo } from './store/account-keys.js'
import type { NewKey } from './store/keys.js'
import type { Store } from './store/store.js'
import type { AssignedUser } from './store/users.js'

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
  const held = effective(key.permissions, key.principalPermissions, key.userType, key.userAssigned)
  if (!caller.holdsAll(intersect(held, key.ceiling)))
    throw new Refusal('FORBIDDEN', { message: 'This key may do more than you may' })
}

/** The same for a bearer token. */
export function requireHolding(caller: Caller, { permissions, principal }: TokenInfo): void {
  if (caller.holdsAll(effective(permissions, principal.permissions, principal.type, principal.assigned))) return
  throw new Refusal('FORBIDDEN', { message: 'This token may do more than you may' })
}

/**
 * Throws 1403 unless the caller may make a key's next secret: it holds everything that the key may do now, wherever and as
 * long as the key works. The secret never allows more than the caller holds.
 */
export function requireShowable(caller: Caller, key: KeyInfo): void {
  requireOver(caller, key)
  const ends = [key.expiresAt, key.principalExpiresAt].filter((end) => end !== null)
  requireGrantable(caller, { ips: key.addresses, expires_at: ends.length > 0 ? Math.min(...ends) : null })
}

/** Whether the caller may know a key's secrets, as {@link requireShowable} says. */
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

/**
 * Throws 1403 when an update gives a key something and the key, as it is then, goes beyond the caller: a weak key without
 * limits must not be made strong by a strong one that has limits. Turning a key on gives back what somebody gave it.
 */
export function requireUpdatable(caller: Caller, before: KeyInfo, after: KeyInfo): void {
  const added = after.permissions.filter((permission) => !covers(before.permissions, permission))
  const above = added.filter((permission) => !covers(after.ceiling, permission))
  if (above.length > 0) {
    throw beyond(`The maker of this key's secret did not hold ${above.join(', ')}: give the key a new secret first`)
  }
  requireOver(caller, after)
  if (gains(before, after)) requireShowable(caller, after)
}

function gains(before: KeyInfo, after: KeyInfo): boolean {
  const stronger = after.permissions.some((permission) => !covers(before.permissions, permission))
  const longer = endOf(after.expiresAt) > endOf(before.expiresAt)
  return stronger || longer || wider(before.addresses, after.addresses)
}

function wider(before: readonly string[], after: readonly string[]): boolean {
  if (before.length === 0) return false
  const list = addressList(before)
  return after.length === 0 || after.some((entry) => !list.contains(entry))
}

/** Null and 0 are never. */
const endOf = (moment: number | null): number => moment || Number.POSITIVE_INFINITY

/** What of a panel user decides over what it may do, and until when (Unix seconds, 0 is never). */
type UserRights = Pick<AssignedUser, 'type' | 'expire' | 'assigned'>

/**
 * Throws 1403 when a change gives a panel user rights, a password or a later end beyond the caller's own end, or gives an
 * existing one any of it while the caller is bound to addresses: users are not. Type 3 holds only what it was assigned.
 */
export function requireUserGrantable(
  caller: Caller,
  before: UserRights | undefined,
  after: UserRights,
  password: boolean,
): void {
  const held = permissionsOfType(after.type, after.assigned)
  if (held.length === 0) return
  const raised =
    before !== undefined && !held.every((one) => covers(permissionsOfType(before.type, before.assigned), one))
  const usable = password || raised || (before !== undefined && endOf(after.expire) > endOf(before.expire))
  if (!usable && before !== undefined) return
  if (endOf(after.expire) > endOf(caller.expiresAt)) {
    throw beyond(`The user would outlast you: give it an expire of at most ${caller.expiresAt}`)
  }
  if (usable && caller.addresses) throw beyond('The user could act where you may not: users are bound to no address')
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

/** What is kept of the maker of a key: who it was, and what it holds now. */
export const makerOf = (caller: Caller): Pick<NewKey, 'createdBy' | 'ceiling'> => ({
  createdBy: madeBy(caller),
  ceiling: ceilingOf(caller.permissions),
})

/**
 * When a secret or password that a caller gives a principal must have ended (Unix seconds, null for never): the caller knows it. The
 * principal may be given a later end by somebody who does not know who knows the secret. An end of the caller's own principal
 * holds for that principal's secrets as well.
 */
export const endFor = (
  { principal, expiresAt, ownExpiresAt }: Caller,
  { kind, id }: Caller['principal'],
): number | null => (principal.kind === kind && principal.id === id ? ownExpiresAt : expiresAt)

/**
 * What a password that a caller gives a panel user may ever allow. A caller with limits, whom a user that holds nothing does not
 * keep to them, gives one that stays worth nothing.
 */
export function passwordCeiling(caller: Caller, after: UserRights): Permission[] {
  const limited = caller.expiresAt !== null || caller.addresses !== undefined
  return limited && permissionsOfType(after.type, after.assigned).length === 0 ? [] : ceilingOf(caller.permissions)
}
