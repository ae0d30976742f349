import type { Caller, Context } from './command.js'
import { endFor, makerOf, mostLiveKeys, requireShowable } from './delegate.js'
import { ceilingOf, permissionsOfType } from './permissions.js'
import { Refusal } from './refusal.js'
import type { KeyInfo } from './store/account-keys.js'
import type { AssignedUser } from './store/users.js'

/** Whether a call about the API access of a panel user is about the caller's own. */
export const isOwnAccess = (params: Readonly<Record<string, unknown>>, { kind, id }: Caller['principal']): boolean =>
  kind === 'user' && (params.id === undefined || params.id === id)

/** The login that is meant: the one given, or the caller's own; undefined when that is no panel user. */
export function userMeant(id: string | undefined, { principal }: Caller): string | undefined {
  return id ?? (principal.kind === 'user' ? principal.id : undefined)
}

/** The key of somebody's API access; undefined when it has none, or somebody revoked it. */
export async function accessKey(
  id: string | undefined,
  { caller, store }: Pick<Context, 'caller' | 'store'>,
): Promise<KeyInfo | undefined> {
  const user = userMeant(id, caller)
  const access = user === undefined ? undefined : await store.apiAccess.find(user)
  const key = access && (await store.accountKeys.find(access.keyId))
  const own = key?.principal.kind === 'user' && key.principal.id === user
  return own && key.revokedAt === null ? key : undefined
}

/** Throws 1403 unless the caller holds everything that a panel user holds (protocol §11). */
export function requireOverUser(caller: Caller, { type, assigned }: Pick<AssignedUser, 'type' | 'assigned'>): void {
  if (caller.holdsAll(permissionsOfType(type, assigned))) return
  throw new Refusal('FORBIDDEN', { message: 'This user holds more than you do' })
}

/** Whether a key by itself can sign now. */
export const isLiveKey = ({ enable, revokedAt, expiresAt }: KeyInfo, now: number): boolean =>
  enable && revokedAt === null && (expiresAt === null || expiresAt > now)

type Around = Pick<Context, 'caller' | 'store' | 'now' | 'newKey'>

/**
 * Turns the API access of a panel user on: with the key that it had, under a new secret, or a new one, limited as the
 * caller is. `on`: it is on already; `full`: the user would have more live keys than a principal may. Throws 1403 for
 * whoever may not know the secret.
 */
export async function openAccess(
  user: string,
  around: Around,
): Promise<{ readonly keyId: string; readonly secret: string } | 'on' | 'full'> {
  const { store, now } = around
  const old = await accessKey(user, around)
  if (old && isLiveKey(old, now)) return 'on'
  const opened = (old && (await reviveKey(old, around))) ?? (await makeKey(user, around))
  return (await store.accountKeys.countLive({ kind: 'user', id: user }, now)) > mostLiveKeys ? 'full' : opened
}

async function reviveKey(old: KeyInfo, { caller, store, now, newKey }: Around) {
  requireShowable(caller, old)
  const { secret } = newKey()
  const ended = old.expiresAt !== null && old.expiresAt <= now
  const made = { secret, ceiling: ceilingOf(caller.permissions), end: endFor(caller, old.principal) }
  // What it signed with before must not work again.
  // One whose row was edited is replaced.
  if (!(await store.accountKeys.rotate(old.keyId, made, now))) return undefined
  await store.accountKeys.update(old.keyId, { enable: true, ...(ended && { expiresAt: caller.expiresAt }) })
  return { keyId: old.keyId, secret }
}

async function makeKey(user: string, { caller, store, now, newKey }: Around) {
  const { keyId, secret } = newKey()
  await store.keys.insert(
    {
      keyId,
      secret,
      account: caller.account,
      principal: { kind: 'user', id: user },
      permissions: ['*'],
      addresses: caller.addresses?.entries ?? [],
      expiresAt: caller.expiresAt,
      ...makerOf(caller),
      comment: 'API access',
    },
    now,
  )
  await store.apiAccess.set(user, keyId, now)
  return { keyId, secret }
}
