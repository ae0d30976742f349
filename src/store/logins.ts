import { type Tagging, type UserColumns, userText } from './bindings.js'
import type { Queries } from './db.js'

/** A panel user as its password is checked. */
export interface LoginRecord {
  readonly account: number
  readonly accountEnabled: boolean
  readonly login: string
  readonly type: number
  readonly enabled: boolean
  /** Unix seconds, null for never. */
  readonly expiresAt: number | null
  /** When the password ends by itself, whatever its user does. */
  readonly passwordUntil: number | null
  /** What whoever gave the password held: it never allows more. */
  readonly ceiling: readonly string[]
  /** Undefined for a user without a password, whom none lets in. */
  readonly hash: string | undefined
}

type Row = UserColumns & { readonly account_enable: number }

const toRecord = (row: Row): LoginRecord => ({
  account: row.account,
  accountEnabled: row.account_enable === 1,
  login: row.id,
  type: row.type,
  enabled: row.enable === 1,
  expiresAt: row.expire || null,
  passwordUntil: row.password_until,
  ceiling: row.ceiling === null ? [] : JSON.parse(row.ceiling),
  hash: row.password ?? undefined,
})

/**
 * The panel user of a login in one account; undefined when there is none. One whose row is not as it was written is named to
 * `onUnsound`, and is none.
 */
export async function findLogin(
  queries: Queries,
  tagging: Tagging,
  account: number,
  login: string,
  onUnsound: (what: string) => void,
): Promise<LoginRecord | undefined> {
  const row = await queries.get<Row>(
    `select u.account, a.enable as account_enable, u.id, u.type, u.enable, u.expire, u.password, u.password_until, u.ceiling, u.scope, u.tag
     from users u join accounts a on a.account = u.account where u.account = $1 and u.id = $2`,
    [account, login],
  )
  if (!row) return undefined
  if (tagging.isTagged(userText(row), row.tag)) return toRecord(row)
  onUnsound(`user ${row.account}/${row.id}`)
  return undefined
}
