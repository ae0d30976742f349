import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { nanoid } from 'nanoid'
import type { Credentials } from '../../clients/typescript/index.js'
import { generateKey } from '../../src/generate.js'
import { Accounts } from '../../src/store/accounts.js'
import type { Value } from '../../src/store/db.js'
import { Keys } from '../../src/store/keys.js'
import { openPostgres } from '../../src/store/postgres.js'
import { openSqlite } from '../../src/store/sqlite.js'
import { placeOf, type TestInstance } from './instance.js'

export interface KeyOptions {
  readonly account?: number
  /** The login of the panel user who gets the key; without it, the owner of the account gets it. */
  readonly user?: string
  readonly permissions?: readonly string[]
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
      keyId: apiKey,
      secret,
      account,
      principal,
      permissions,
      ceiling: ['*'],
      createdBy: 'test',
      comment: '',
    }
    await new Keys(session, instance.vault).insert(made, instance.seconds())
    await session.run('update keys set addresses = $2 where key_id = $1', [apiKey, JSON.stringify(addresses)])
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

/** Changes rows as another process with the same database would; resolves in a later turn, from which on it is seen. */
export async function elsewhere(instance: TestInstance, sql: string, params: readonly Value[] = []): Promise<number> {
  const place = placeOf(instance.folder)
  const db = place ? openPostgres(place.url) : openSqlite(join(instance.folder, 'countersign.db'))
  try {
    return await db.transaction((session) => session.run(sql, params))
  } finally {
    await db.close()
    await setImmediate()
  }
}
