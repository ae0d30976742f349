import { Accounts } from './accounts.js'
import type { Session } from './db.js'
import { Keys } from './keys.js'
import { Meta } from './meta.js'
import type { Sealing } from './store.js'

/** The first account of a database, its owner, and the owner's key. */
export interface FirstOwner {
  readonly account: number
  readonly ownerId: string
  readonly keyId: string
  readonly secret: string
  /** Names the master key, so that another one is noticed at start. */
  readonly fingerprint: string
}

/**
 * Fills a new database, in the caller's transaction; false when it was filled before. `instance`, which nobody can give,
 * comes from here alone.
 */
export async function bootstrap(session: Session, sealing: Sealing, first: FirstOwner, now: number): Promise<boolean> {
  // Of several at once the others wait here until the first has committed.
  if (!(await new Meta(session).add('master_key', first.fingerprint))) return false
  const account = { account: first.account, name: `account ${first.account}`, enable: true }
  await new Accounts(session, () => undefined).insert(account, first.ownerId, now, true)
  await new Keys(session, sealing).insert(
    {
      keyId: first.keyId,
      secret: first.secret,
      account: first.account,
      principal: { kind: 'owner', id: first.ownerId },
      permissions: ['*', 'instance'],
      ceiling: ['*', 'instance'],
      createdBy: 'init',
      comment: 'made by init',
    },
    now,
  )
  return true
}
