import type { Value } from './db.js'

/**
 * What the rights of a row rest on, as text: the secrets of a key are sealed with it as associated data, other rows have a tag, a
 * MAC of it. A row that was edited without the master key no longer fits.
 */
export interface KeyColumns {
  readonly key_id: string
  readonly account: number
  readonly principal_kind: string
  readonly principal_id: string
  readonly lineage: string
  readonly permissions: string
  readonly ceiling: string
  readonly addresses: string
  readonly enable: number
  readonly expires_at: number | null
  readonly revoked_at: number | null
  readonly created_by: string
  readonly old_until: number | null
  readonly old_ceiling: string | null
}

const ofKey = (row: KeyColumns): Value[] => [
  row.key_id,
  row.account,
  row.principal_kind,
  row.principal_id,
  row.lineage,
  row.permissions,
  row.addresses,
  row.enable,
  row.expires_at,
  row.revoked_at,
  row.created_by,
]

/** Binds the newest secret of a key. */
export const secretBinding = (row: KeyColumns): string => JSON.stringify(['keys.secret', ...ofKey(row), row.ceiling])

/** Binds the secret before, which has an end and a ceiling of its own. */
export const oldSecretBinding = (row: KeyColumns): string =>
  JSON.stringify(['keys.old_secret', ...ofKey(row), row.old_until, row.old_ceiling])

/** Binds a signing secret as versions before migration 0026 sealed it: to its key's id alone. */
export const looseBinding = (keyId: string): string => `keys.secret:${keyId}`

export interface UserColumns {
  readonly account: number
  readonly id: string
  readonly type: number
  readonly enable: number
  readonly expire: number
  readonly password: string | null
  /** When it ends by itself, Unix seconds. */
  readonly password_until: number | null
  readonly ceiling: string | null
  readonly scope: string | null
  readonly tag: string | null
}

export const userColumns = 'account, id, type, enable, expire, password, password_until, ceiling, scope, tag'

export const userText = (row: Omit<UserColumns, 'tag'>): string => {
  const { account, id, type, enable, expire, password, ceiling, scope, password_until: until } = row
  const text = ['users', account, id, type, enable, expire, password, ceiling, scope]
  // A row without one has the tag that it had before there was one.
  return JSON.stringify(until === null ? text : [...text, until])
}

export interface PrincipalColumns {
  readonly account: number
  readonly kind: string
  readonly id: string
  readonly permissions: string
  readonly enable: number
}

export const principalText = ({ account, kind, id, permissions, enable }: PrincipalColumns): string =>
  JSON.stringify(['principals', account, kind, id, permissions, enable])

export interface TokenColumns {
  readonly token_id: string
  readonly token_hash: string
  readonly account: number
  readonly principal_kind: string
  readonly principal_id: string
  readonly permissions: string
  readonly addresses: string
  readonly expires_at: number
  readonly created_by: string
}

export const tokenText = (row: TokenColumns): string =>
  JSON.stringify([
    'access_tokens',
    row.token_id,
    row.token_hash,
    row.account,
    row.principal_kind,
    row.principal_id,
    row.permissions,
    row.addresses,
    row.expires_at,
    row.created_by,
  ])

/** Checks tags. */
export interface Tagging {
  tag(text: string): string
  /** False for a tag that is missing, or was made of another text. */
  isTagged(text: string, tag: string | null): boolean
}

/** What a query joins of whose a key or token is. */
export interface PrincipalParts {
  readonly account: number
  readonly principal_kind: string
  readonly principal_id: string
  readonly principal_permissions: string | null
  readonly principal_enable: number | null
  readonly principal_tag: string | null
  readonly user_type: number | null
  readonly user_enable: number | null
  readonly user_expire: number | null
  readonly user_password: string | null
  readonly user_password_until: number | null
  readonly user_ceiling: string | null
  readonly user_scope: string | null
  readonly user_tag: string | null
}

export const principalParts = `p.permissions as principal_permissions, p.enable as principal_enable, p.tag as principal_tag,
  u.type as user_type, u.enable as user_enable, u.expire as user_expire, u.password as user_password,
  u.password_until as user_password_until, u.ceiling as user_ceiling, u.scope as user_scope, u.tag as user_tag`

/**
 * Whether whose a key or token is stands as the gateway wrote it. An owner always holds everything in its account, so its row has
 * no tag: what its keys may do is bound to them.
 */
export function isPrincipalSound(tagging: Tagging, row: PrincipalParts): boolean {
  const { account, principal_kind: kind, principal_id: id } = row
  if (kind === 'owner') return true
  if (row.principal_permissions !== null) {
    const columns = { account, kind, id, permissions: row.principal_permissions, enable: row.principal_enable ?? 0 }
    if (kind === 'user' || !tagging.isTagged(principalText(columns), row.principal_tag)) return false
  }
  return row.user_type === null || tagging.isTagged(userText(userOf(row, row.user_type)), row.user_tag)
}

const userOf = (row: PrincipalParts, type: number): Omit<UserColumns, 'tag'> => ({
  account: row.account,
  id: row.principal_id,
  type,
  enable: row.user_enable ?? 0,
  expire: row.user_expire ?? 0,
  password: row.user_password,
  password_until: row.user_password_until,
  ceiling: row.user_ceiling,
  scope: row.user_scope,
})
