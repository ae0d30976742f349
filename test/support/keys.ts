import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { nanoid } from 'nanoid'
import type { Credentials } from '../../clients/typescript/index.js'
import { generateKey } from '../../src/generate.js'
import { Accounts } from '../../src/store/accounts.js'
import {
  oldSecretBinding,
  type PrincipalColumns,
  principalText,
  secretBinding,
  type UserColumns,
  userText,
} from '../../src/store/bindings.js'
import { everything, type Queries, type Session, type Value } from '../../src/store/db.js'
import { Keys, openSound, type SecretColumns } from '../../src/store/keys.js'
import { openPostgres } from '../../src/store/postgres.js'
import { openSqlite } from '../../src/store/sqlite.js'
import type { Sealing } from '../../src/store/store.js'
import { placeOf, type TestInstance } from './instance.js'

export interface KeyOptions {
  readonly account?: number
  /** The login of the panel user who gets the key; without it, the owner of the account gets it. */
  readonly user?: string
  readonly permissions?: readonly string[]
  /** What its maker holds; `*` by default. */
  readonly ceiling?: readonly string[]
  readonly addresses?: readonly string[]
  readonly apiKey?: string
}

/** Makes a key, with `*` unless something else is said, for the owner or a panel user of account 1 or another one. */
export function makeKey(instance: TestInstance, options: KeyOptions = {}): Promise<Credentials> {
  const { account = 1, user, permissions = ['*'], addresses = [] } = options
  const { keyId, secret } = generateKey({ randomBytes, randomName: nanoid })
  const apiKey = options.apiKey ?? keyId
  return instance.db.transaction(async (session) => {
    const owner = await new Accounts(session, () => undefined).owner(account)
    const principal = user === undefined ? { kind: 'owner', id: owner ?? '' } : { kind: 'user', id: user }
    const made = {
      addresses,
      keyId: apiKey,
      secret,
      account,
      principal,
      permissions,
      ceiling: options.ceiling ?? ['*'],
      createdBy: 'test',
      comment: '',
    }
    await new Keys(session, instance.vault).insert(made, instance.seconds())
    return { apiKey, secret }
  })
}

/** Makes an account with its owner, and a key with `*` for that owner. */
export async function makeAccount(instance: TestInstance, account: number): Promise<Credentials> {
  await instance.db.transaction((session) =>
    new Accounts(session, () => undefined).insert(
      { account, name: `account ${account}`, enable: true },
      randomBytes(16).toString('hex'),
      instance.seconds(),
    ),
  )
  return makeKey(instance, { account })
}

/** Makes a panel user of account 1 through `set-user`, and a key for it. */
export async function makeUser(
  instance: TestInstance,
  id: string,
  user: object,
  permissions: readonly string[] = ['*'],
): Promise<Credentials> {
  const { code } = await instance.call('set-user', { id, user }, { idempotencyKey: nanoid() })
  if (code !== 3011) throw new Error(`set-user answered ${code}`)
  return makeKey(instance, { user: id, permissions })
}

/** Changes rows as another process with the same database and master key would; resolves in a later turn, from which on it is seen. */
export const elsewhere = (instance: TestInstance, sql: string, params: readonly Value[] = []): Promise<number> =>
  beside(instance, (session) => written(session, instance.vault, () => session.run(sql, params)))

/**
 * The same without the master key: rows are edited in the database itself, and the gateway is told to read everything again, which
 * on PostgreSQL it does a little later.
 */
export const edited = (instance: TestInstance, sql: string, params: readonly Value[] = []): Promise<number> =>
  beside(instance, async (session) => {
    await session.tell([everything])
    return session.run(sql, params)
  })

async function beside(instance: TestInstance, work: (session: Session) => Promise<number>): Promise<number> {
  const place = placeOf(instance.folder)
  const db = place ? openPostgres(place.url) : openSqlite(join(instance.folder, 'countersign.db'))
  try {
    return await db.transaction(work)
  } finally {
    await db.close()
    await setImmediate()
  }
}

/** Runs a change, then binds every row to what stands in it: what only the master key can do. */
export async function written<T>(session: Queries, vault: Sealing, change: () => Promise<T>): Promise<T> {
  const secrets = new Map<string, ReturnType<typeof openSound>>()
  for (const row of await session.all<SecretColumns>('select * from keys')) {
    secrets.set(row.key_id, openSound(vault, row))
  }
  const result = await change()
  for (const row of await session.all<SecretColumns>('select * from keys')) {
    const [newest, old] = secrets.get(row.key_id) ?? []
    if (!newest) continue
    const oldSecret = old && row.old_secret !== null ? vault.seal(old.secret, oldSecretBinding(row)) : null
    await session.run('update keys set secret = $2, old_secret = $3 where key_id = $1', [
      row.key_id,
      vault.seal(newest.secret, secretBinding(row)),
      oldSecret,
    ])
  }
  for (const row of await session.all<UserColumns>('select * from users')) {
    const tag = vault.tag(userText(row))
    await session.run('update users set tag = $3 where account = $1 and id = $2', [row.account, row.id, tag])
  }
  for (const row of await session.all<PrincipalColumns>('select * from principals')) {
    const key = [row.account, row.kind, row.id]
    const tag = vault.tag(principalText(row))
    await session.run('update principals set tag = $4 where account = $1 and kind = $2 and id = $3', [...key, tag])
  }
  return result
}
