import type { Queries } from './db.js'
import { Meta } from './meta.js'

const migration = '0027-names-by-account.sql'
/** The newest user that was there when names became those of an account, Unix seconds. */
const newest = 'names_by_account'
/** For so long after the upgrade the operator is reminded, in seconds. */
const reminded = 90 * 86_400
const told = 50

/** What names users without saying their account. */
export interface BareNaming {
  readonly defaultAccount: number
  /** Whether panel users log in with a password. */
  readonly passwords: boolean
  /** Whether keys are named by their owner. */
  readonly owners: boolean
}

export interface BareNames {
  /** `CDN/NAME` of the first ones. */
  readonly names: readonly string[]
  readonly total: number
}

/**
 * The users that a bare name meant before names became those of an account, and means no longer; undefined when there are
 * none, and once the upgrade is 90 days past. `now` is Unix seconds.
 */
export async function namesNoLongerBare(
  queries: Queries,
  { defaultAccount, passwords, owners }: BareNaming,
  now: number,
): Promise<BareNames | undefined> {
  const before = await new Meta(queries).get(newest)
  const applied = await queries.get<{ at: number }>('select applied_at as at from migrations where id = $1', [
    migration,
  ])
  if (before === undefined || !applied || applied.at + reminded < now || !(passwords || owners)) return undefined
  const rows = await queries.all<{ account: number; id: string }>(
    `select u.account, u.id from users u
     where u.account <> $1 and u.created_at <= $2
       and ((cast($3 as integer) = 1 and u.password is not null)
         or (cast($4 as integer) = 1 and exists (
           select 1 from keys k where k.account = u.account and k.principal_kind = 'user' and k.principal_id = u.id
           and k.revoked_at is null)))
       and u.id in (select id from users group by id having count(*) = 1)
     order by u.account, u.id`,
    [defaultAccount, Number(before), Number(passwords), Number(owners)],
  )
  if (rows.length === 0) return undefined
  return { names: rows.slice(0, told).map(({ account, id }) => `${account}/${id}`), total: rows.length }
}
