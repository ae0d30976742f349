import { lockAccount } from './account-lock.js'
import { type KeyColumns, oldSecretBinding, secretBinding } from './bindings.js'
import type { Queries, Value } from './db.js'
import { type KeySecret, openSound, type SecretColumns } from './keys.js'
import { pageOf, places } from './pages.js'
import type { Sealing, Touch } from './store.js'
import { together } from './together.js'

/** A key as its account sees it: everything but its secrets. Moments are Unix seconds. */
export interface KeyInfo {
  readonly keyId: string
  readonly lineage: string
  readonly principal: { readonly kind: string; readonly id: string }
  readonly permissions: readonly string[]
  /** What the maker of its newest secret held: that secret never allows more. */
  readonly ceiling: readonly string[]
  /** Null for a panel user: its type decides. */
  readonly principalPermissions: readonly string[] | null
  readonly userType: number | null
  /** Whether a panel user was assigned slices or servers. */
  readonly userAssigned: boolean
  /** Null for never. */
  readonly principalExpiresAt: number | null
  readonly addresses: readonly string[]
  readonly enable: boolean
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly createdBy: string
  readonly comment: string
  readonly createdAt: number
  readonly lastUsedAt: number | null
  readonly lastAddress: string | null
}

/** A key with its signing secrets, the newest first. */
export interface SecretKeyInfo extends KeyInfo {
  readonly secrets: readonly KeySecret[]
}

export interface KeyChange {
  readonly permissions?: readonly string[] | undefined
  readonly addresses?: readonly string[] | undefined
  readonly expiresAt?: number | null | undefined
  readonly comment?: string | undefined
  readonly enable?: boolean | undefined
}

interface Row extends SecretColumns {
  principal_permissions: string | null
  user_type: number | null
  user_expire: number | null
  user_scope: string | null
  comment: string
  created_at: number
  last_used_at: number | null
  last_address: string | null
}

const select = `
  select k.key_id, k.account, k.lineage, k.secret, k.old_secret, k.old_until, k.ceiling, k.old_ceiling, k.principal_kind, k.principal_id, k.permissions, k.addresses, k.enable, k.expires_at, k.revoked_at,
         k.created_by, k.comment, k.created_at, p.permissions as principal_permissions, u.type as user_type,
         u.expire as user_expire, u.scope as user_scope, s.last_used_at, s.last_address
  from keys k
  left join principals p on p.account = k.account and p.kind = k.principal_kind and p.id = k.principal_id
  left join users u on k.principal_kind = 'user' and u.account = k.account and u.id = k.principal_id
  left join key_use s on s.key_id = k.key_id
  where k.account = $1`

const toInfo = (row: Row): KeyInfo => ({
  keyId: row.key_id,
  lineage: row.lineage,
  principal: { kind: row.principal_kind, id: row.principal_id },
  permissions: JSON.parse(row.permissions),
  ceiling: JSON.parse(row.ceiling),
  principalPermissions: row.principal_permissions === null ? null : JSON.parse(row.principal_permissions),
  userType: row.user_type,
  userAssigned: row.user_scope !== null,
  principalExpiresAt: row.user_expire || null,
  addresses: JSON.parse(row.addresses),
  enable: row.enable === 1,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
  createdBy: row.created_by,
  comment: row.comment,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
  lastAddress: row.last_address,
})

export interface NewSecret {
  readonly secret: string
  /** What its maker holds. */
  readonly ceiling: readonly string[]
  /** When its key must have ended, Unix seconds; null where nothing is said. */
  readonly end: number | null
}

type Columns = Readonly<Record<string, Value>>

/** Where and until when a key works. */
export type KeyLimits = Pick<KeyInfo, 'addresses' | 'expiresAt'>

/** The keys of one account. */
export class AccountKeys {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly sealing: Sealing,
    private readonly touch: Touch,
  ) {}

  async find(keyId: string): Promise<KeyInfo | undefined> {
    const row = await this.queries.get<Row>(`${select} and k.key_id = $2`, [this.account, keyId])
    return row && toInfo(row)
  }

  /** Those that are there, in the order of their ids as given. */
  async findAll(ids: readonly string[]): Promise<KeyInfo[]> {
    return (await together(ids, (id) => this.find(id))).filter((found) => found !== undefined)
  }

  /** A page of them in the order of their making. */
  async page(page: number, pagesize: number): Promise<{ keys: KeyInfo[]; total: number }> {
    const listing = { table: 'keys', columns: 'key_id', where: 'account = $1', order: 'created_at, key_id' }
    const { rows: ids, total } = await pageOf<{ key_id: string }>(
      this.queries,
      { ...listing, params: [this.account] },
      page,
      pagesize,
    )
    if (ids.length === 0) return { keys: [], total }
    const rows = await this.queries.all<Row>(
      `${select} and k.key_id in (${places(ids, 1)}) order by k.created_at, k.key_id`,
      [this.account, ...ids.map((row) => row.key_id)],
    )
    return { keys: rows.map(toInfo), total }
  }

  /** The keys of a principal that can sign now, the oldest first. */
  async live({ kind, id }: { kind: string; id: string }, now: number): Promise<KeyInfo[]> {
    const rows = await this.queries.all<Row>(
      `${select} and k.principal_kind = $2 and k.principal_id = $3 and k.enable = 1 and k.revoked_at is null
       and (k.expires_at is null or k.expires_at > $4) order by k.created_at, k.key_id`,
      [this.account, kind, id, now],
    )
    return rows.map(toInfo)
  }

  /** Where and until when the keys of a principal work that nobody revoked, each combination once. */
  async limitsOf({ kind, id }: { kind: string; id: string }): Promise<KeyLimits[]> {
    const rows = await this.queries.all<Pick<Row, 'addresses' | 'expires_at'>>(
      `select distinct addresses, expires_at from keys where account = $1 and principal_kind = $2 and principal_id = $3
       and revoked_at is null`,
      [this.account, kind, id],
    )
    return rows.map((row) => ({ addresses: JSON.parse(row.addresses), expiresAt: row.expires_at }))
  }

  /** The keys of several principals with their secrets, the oldest first; undefined where they are more than so many. */
  async withSecretsOfMany(kind: string, ids: readonly string[], most: number): Promise<SecretKeyInfo[] | undefined> {
    if (ids.length === 0) return []
    const rows = await this.queries.all<Row>(
      `${select} and k.principal_kind = $2 and k.principal_id in (${places(ids, 3)})
       order by k.created_at, k.key_id limit $3`,
      [this.account, kind, most + 1, ...ids],
    )
    return rows.length > most
      ? undefined
      : rows.map((row) => ({ ...toInfo(row), secrets: openSound(this.sealing, row) ?? [] }))
  }

  /** The newest keys of a principal with their secrets, the oldest of them first. */
  async newestWithSecrets({ kind, id }: { kind: string; id: string }, most: number): Promise<SecretKeyInfo[]> {
    const ids = await this.queries.all<{ key_id: string }>(
      `select key_id from keys where account = $1 and principal_kind = $2 and principal_id = $3
       order by created_at desc, key_id desc limit $4`,
      [this.account, kind, id, most],
    )
    return this.withSecretsOf(ids.map((row) => row.key_id))
  }

  /** Keys by their ids with their secrets, the oldest first. */
  async withSecretsOf(keyIds: readonly string[]): Promise<SecretKeyInfo[]> {
    if (keyIds.length === 0) return []
    const rows = await this.queries.all<Row>(
      `${select} and k.key_id in (${places(keyIds, 1)}) order by k.created_at, k.key_id`,
      [this.account, ...keyIds],
    )
    return rows.map((row) => ({ ...toInfo(row), secrets: openSound(this.sealing, row) ?? [] }))
  }

  /** How many keys of a principal can sign now. Takes the account's lock, so that the count holds until the commit. */
  async countLive(principal: { kind: string; id: string }, now: number): Promise<number> {
    await lockAccount(this.queries, this.account)
    const row = await this.queries.get<{ live: number }>(
      `select count(*) as live from keys where account = $1 and principal_kind = $2 and principal_id = $3
       and enable = 1 and revoked_at is null and (expires_at is null or expires_at > $4)`,
      [this.account, principal.kind, principal.id, now],
    )
    return row?.live ?? 0
  }

  /** Changes only what is given. */
  async update(keyId: string, change: KeyChange): Promise<void> {
    const given: Record<string, Value | undefined> = {
      permissions: change.permissions && JSON.stringify(change.permissions),
      addresses: change.addresses && JSON.stringify(change.addresses),
      expires_at: change.expiresAt,
      comment: change.comment,
      enable: change.enable === undefined ? undefined : Number(change.enable),
    }
    const set = Object.entries(given).filter((entry): entry is [string, Value] => entry[1] !== undefined)
    await this.change(keyId, Object.fromEntries(set))
  }

  /**
   * Gives a key a new secret; the one it had works until `oldUntil`, one before that ends now. False where there is no such key,
   * or its row is not as it was written.
   */
  async rotate(keyId: string, { secret, ceiling, end }: NewSecret, oldUntil: number): Promise<boolean> {
    const row = await this.row(keyId)
    const opened = row && openSound(this.sealing, row)
    if (!row || !opened) return false
    const sooner = end !== null && (row.expires_at === null || row.expires_at > end)
    const change = {
      ceiling: JSON.stringify(ceiling),
      old_until: oldUntil,
      old_ceiling: row.ceiling,
      ...(sooner && { expires_at: end }),
    }
    await this.write(keyId, { ...change, ...this.sealed({ ...row, ...change }, secret, opened[0].secret) })
    return true
  }

  /** Lowers the ceilings of a key's secrets; false when they were as low. */
  async lower(keyId: string, limit: (ceiling: readonly string[]) => readonly string[]): Promise<boolean> {
    const row = await this.row(keyId)
    if (!row) return false
    const lowered = (text: string) => JSON.stringify(limit(JSON.parse(text)))
    const ceiling = lowered(row.ceiling)
    const old = row.old_ceiling && lowered(row.old_ceiling)
    if (ceiling === row.ceiling && old === row.old_ceiling) return false
    await this.change(keyId, { ceiling, old_ceiling: old })
    return true
  }

  async revoke(keyId: string, now: number): Promise<void> {
    const row = await this.row(keyId)
    if (row?.revoked_at === null) await this.change(keyId, { revoked_at: now })
  }

  private row(keyId: string): Promise<SecretColumns | undefined> {
    return this.queries.get<SecretColumns>('select * from keys where account = $1 and key_id = $2', [
      this.account,
      keyId,
    ])
  }

  /** Changes columns, and seals the secrets anew with them: those of a row that is as it was written, which no other becomes. */
  private async change(keyId: string, change: Columns): Promise<void> {
    const row = await this.row(keyId)
    const opened = row && openSound(this.sealing, row)
    const sealed = opened && this.sealed({ ...row, ...change }, opened[0].secret, opened[1]?.secret)
    await this.write(keyId, { ...change, ...sealed })
  }

  private sealed(row: KeyColumns, secret: string, old: string | undefined): Columns {
    return {
      secret: this.sealing.seal(secret, secretBinding(row)),
      old_secret: old === undefined ? null : this.sealing.seal(old, oldSecretBinding(row)),
    }
  }

  private async write(keyId: string, columns: Columns): Promise<void> {
    const set = Object.entries(columns)
    await this.queries.run(
      `update keys set ${set.map(([column], index) => `${column} = $${index + 3}`).join(', ')} where account = $1 and key_id = $2`,
      [this.account, keyId, ...set.map(([, value]) => value)],
    )
    this.touch(`key:${keyId}`)
  }
}
