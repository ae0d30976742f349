import {
  looseBinding,
  oldSecretBinding,
  type PrincipalColumns,
  principalText,
  secretBinding,
  type TokenColumns,
  tokenText,
  type UserColumns,
  userColumns,
  userText,
} from './bindings.js'
import type { Queries, Value } from './db.js'
import { decoyBinding, type SecretColumns } from './keys.js'
import { Meta } from './meta.js'
import type { Sealing } from './store.js'

const rowsAtOnce = 500
/** What the decoy was bound to before migration 0026. */
const looseDecoy = looseBinding('decoy')

/**
 * Binds every row of a database that a version before migration 0026 wrote to what its rights rest on, once, and makes the decoy
 * secret. In the caller's transaction. The decoy says which was done: it is sealed under another binding then. Only the master key
 * can seal it, so that nobody who edits the file can have rows bound again.
 */
export async function bindRows(queries: Queries, sealing: Sealing, secret: string): Promise<void> {
  const meta = new Meta(queries)
  // Of several nodes that start at once the others wait here, and then find it done.
  await queries.run(`update meta set value = value where name = 'decoy'`)
  const decoy = await meta.get('decoy')
  if (decoy !== undefined && opens(sealing, decoy, decoyBinding)) return
  const loose = decoy === undefined ? await anyLooseKey(queries, sealing) : opens(sealing, decoy, looseDecoy)
  if (loose) await bindAll(queries, sealing)
  else if (decoy !== undefined) {
    throw new Error('the decoy secret was edited: restore a backup, or put back the row of meta that is named decoy')
  }
  const sealed = sealing.seal(decoy === undefined ? secret : sealing.open(decoy, looseDecoy), decoyBinding)
  if (decoy === undefined) await meta.add('decoy', sealed)
  else await meta.set('decoy', sealed)
}

/** Whether {@link bindRows} has bound the rows of a database. */
export async function isBound(queries: Queries, sealing: Sealing): Promise<boolean> {
  const decoy = await new Meta(queries).get('decoy')
  return decoy !== undefined && opens(sealing, decoy, decoyBinding)
}

function opens(sealing: Sealing, sealed: string, binding: string): boolean {
  try {
    sealing.open(sealed, binding)
    return true
  } catch {
    return false
  }
}

/** A database that was made, and never served, has no decoy. */
async function anyLooseKey(queries: Queries, sealing: Sealing): Promise<boolean> {
  const rows = await queries.all<SecretColumns>('select * from keys order by created_at limit 20')
  return rows.some((row) => opens(sealing, row.secret, looseBinding(row.key_id)))
}

async function bindAll(queries: Queries, sealing: Sealing): Promise<void> {
  await each<SecretColumns>(queries, 'select * from keys', ['key_id'], async (row) => {
    if (!opens(sealing, row.secret, looseBinding(row.key_id))) return
    const old = row.old_secret
    const bound = (sealed: string, binding: string) =>
      sealing.seal(sealing.open(sealed, looseBinding(row.key_id)), binding)
    const isOldSound = old !== null && opens(sealing, old, looseBinding(row.key_id))
    await queries.run('update keys set secret = $2, old_secret = $3 where key_id = $1', [
      row.key_id,
      bound(row.secret, secretBinding(row)),
      isOldSound ? bound(old, oldSecretBinding(row)) : null,
    ])
  })
  await each<UserColumns>(queries, `select ${userColumns} from users`, ['account', 'id'], async (row) => {
    const tag = sealing.tag(userText(row))
    await queries.run('update users set tag = $3 where account = $1 and id = $2', [row.account, row.id, tag])
  })
  await each<PrincipalColumns>(queries, 'select * from principals', ['account', 'kind', 'id'], async (row) => {
    const tag = sealing.tag(principalText(row))
    const key = [row.account, row.kind, row.id]
    await queries.run('update principals set tag = $4 where account = $1 and kind = $2 and id = $3', [...key, tag])
  })
  await each<TokenColumns>(queries, 'select * from access_tokens', ['token_id'], async (row) => {
    const tag = sealing.tag(tokenText(row))
    await queries.run('update access_tokens set tag = $2 where token_id = $1', [row.token_id, tag])
  })
}

/** Every row that a query finds, some hundred at a time, in the order of its key. */
export async function each<R extends object>(
  queries: Queries,
  sql: string,
  key: readonly string[],
  work: (row: R) => Promise<void> | void,
): Promise<void> {
  const names = key.join(', ')
  const places = key.map((_, index) => `$${index + 2}`).join(', ')
  for (let after: Value[] | undefined, more = true; more; ) {
    const rows: R[] = await queries.all<R>(
      `${sql} ${after ? `where (${names}) > (${places})` : ''} order by ${names} limit $1`,
      [rowsAtOnce, ...(after ?? [])],
    )
    for (const row of rows) await work(row)
    const last = rows.at(-1)
    after = last && key.map((name): Value => Reflect.get(Object(last), name))
    more = rows.length === rowsAtOnce
  }
}
