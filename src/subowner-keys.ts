import type { Caller, Context } from './command.js'
import { makerOf, mostLiveKeys, requireGrantable, requireShowable } from './delegate.js'
import type { KeyInfo } from './store/account-keys.js'
import type { Subowner } from './store/subowners.js'
import { subownerPrincipal } from './subowners.js'

type Around = Pick<Context, 'caller' | 'store' | 'now' | 'newKey'>

export interface RenewedKey {
  readonly keyId: string
  readonly secret: string
  /** Unix seconds; null when the old key had ended already. */
  readonly oldUntil: number | null
}

/**
 * Makes a subowner a further key of the same lineage, limited as the one it replaces, which goes on working for `grace`
 * seconds. Undefined when it would have more live keys than a principal may. Throws 1403 for whoever may not know its secret.
 */
export async function renewSubownerKey(
  { id, keyId: oldId }: Subowner,
  grace: number,
  { caller, store, now, newKey }: Around,
): Promise<RenewedKey | undefined> {
  const old = await store.accountKeys.find(oldId)
  if (old) requireShowable(caller, old)
  const oldUntil = old && isLive(old, now) ? Math.min(old.expiresAt ?? Number.POSITIVE_INFINITY, now + grace) : null
  if (oldUntil !== null) await store.accountKeys.update(oldId, { expiresAt: oldUntil })
  const { keyId, secret } = newKey()
  const limits = limitsAfter(old, caller, now)
  requireGrantable(caller, { ips: limits.addresses, expires_at: limits.expiresAt })
  const principal = subownerPrincipal(id)
  const made = {
    keyId,
    secret,
    account: caller.account,
    principal,
    lineage: old?.lineage ?? keyId,
    ...makerOf(caller),
    comment: '',
  }
  await store.keys.insert({ ...made, permissions: old?.permissions ?? ['*'], ...limits }, now)
  return (await makeRoom(made, { store, now })) ? { keyId, secret, oldUntil } : undefined
}

const isLive = ({ enable, revokedAt, expiresAt }: KeyInfo, now: number): boolean =>
  enable && revokedAt === null && (expiresAt === null || expiresAt > now)

/** A key that has ended must not make its successor ended, too. */
function limitsAfter(old: KeyInfo | undefined, caller: Caller, now: number) {
  const ended = old !== undefined && old.expiresAt !== null && old.expiresAt <= now
  return {
    addresses: old?.addresses ?? caller.addresses?.entries ?? [],
    expiresAt: old && !ended ? old.expiresAt : caller.expiresAt,
  }
}

/** Cuts the grace time of replaced keys short, the oldest first, until the principal has no more live keys than it may. */
async function makeRoom(
  made: Pick<KeyInfo, 'keyId' | 'lineage' | 'principal'>,
  { store, now }: Pick<Around, 'store' | 'now'>,
): Promise<boolean> {
  // With the lock that the count takes, nobody else gives it a key.
  const live = await store.accountKeys.countLive(made.principal, now)
  const keys = await store.accountKeys.live(made.principal, now)
  const replaced = keys.filter((key) => key.lineage === made.lineage && key.keyId !== made.keyId)
  for (const { keyId } of replaced.slice(0, Math.max(0, live - mostLiveKeys))) {
    await store.accountKeys.update(keyId, { expiresAt: now })
  }
  return live - replaced.length <= mostLiveKeys
}
