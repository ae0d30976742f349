import { each } from './bind-rows.js'
import {
  type PrincipalColumns,
  principalText,
  type TokenColumns,
  tokenText,
  type UserColumns,
  userColumns,
  userText,
} from './bindings.js'
import type { Queries } from './db.js'
import { openSound, type SecretColumns } from './keys.js'
import type { Sealing } from './store.js'

type Tagged = { readonly tag: string | null }

/** Rows that decide over rights and are not as the gateway wrote them: nobody acts with them. */
export interface UnsoundRows {
  /** Ids. */
  readonly keys: readonly string[]
  /** Kind and name. */
  readonly others: readonly string[]
}

export async function unsoundRows(queries: Queries, sealing: Sealing): Promise<UnsoundRows> {
  const keys: string[] = []
  const others: string[] = []
  await each<SecretColumns>(queries, 'select * from keys', ['key_id'], (row) => {
    if (!openSound(sealing, row)) keys.push(row.key_id)
  })
  await each<UserColumns>(queries, `select ${userColumns} from users`, ['account', 'id'], (row) => {
    if (!sealing.isTagged(userText(row), row.tag)) others.push(`user ${row.account}/${row.id}`)
  })
  await each<PrincipalColumns & Tagged>(queries, 'select * from principals', ['account', 'kind', 'id'], (row) => {
    if (row.kind === 'owner' || sealing.isTagged(principalText(row), row.tag)) return
    others.push(`${row.kind} ${row.account}/${row.id}`)
  })
  await each<TokenColumns & Tagged>(queries, 'select * from access_tokens', ['token_id'], (row) => {
    if (!sealing.isTagged(tokenText(row), row.tag)) others.push(`access token ${row.token_id}`)
  })
  return { keys, others }
}
