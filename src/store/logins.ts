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
  /** Undefined for a user without a password, whom none lets in. */
  readonly hash: string | undefined
}

interface Row {
  account: number
  account_enable: number
  id: string
  type: number
  enable: number
  expire: number
  password: string | null
}

const toRecord = (row: Row): LoginRecord => ({
  account: row.account,
  accountEnabled: row.account_enable === 1,
  login: row.id,
  type: row.type,
  enabled: row.enable === 1,
  expiresAt: row.expire || null,
  hash: row.password ?? undefined,
})

/** The panel user that logs in; undefined when there is none, and when several accounts have one and none was named. */
export async function findLogin(
  queries: Queries,
  account: number | undefined,
  login: string,
): Promise<LoginRecord | undefined> {
  const rows = await queries.all<Row>(
    `select u.account, a.enable as account_enable, u.id, u.type, u.enable, u.expire, u.password
     from users u join accounts a on a.account = u.account
     where u.id = $1 and (cast($2 as bigint) is null or u.account = $2) limit 2`,
    [login, account ?? null],
  )
  const [only, ...others] = rows
  return only && others.length === 0 ? toRecord(only) : undefined
}
