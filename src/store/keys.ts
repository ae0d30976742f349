import {
  isPrincipalSound,
  type KeyColumns,
  oldSecretBinding,
  type PrincipalParts,
  principalParts,
  secretBinding,
} from './bindings.js'
import type { Queries } from './db.js'
import { Meta } from './meta.js'
import type { Sealing, Touch } from './store.js'

/** A key with what decides over its use: its account, its principal, its live secrets. */
export interface KeyRecord {
  /** False for the decoy that stands in for every unknown id. */
  readonly known: boolean
  /** True where there is such a key and its row, or that of its principal, is not as it was written: then it is unknown. */
  readonly unsound?: boolean
  readonly keyId: string
  readonly account: number
  readonly accountEnabled: boolean
  readonly lineage: string
  readonly principal: PrincipalRecord
  readonly permissions: readonly string[]
  readonly addresses: readonly string[]
  /** Always two, the newest first: a decoy stands in where there is no old one, so that all keys take the same work. */
  readonly secrets: readonly KeySecret[]
  readonly enabled: boolean
  readonly expiresAt: number | null
}

export interface KeySecret {
  readonly secret: string
  /** When it stops being accepted, Unix seconds; null for as long as the key works. */
  readonly until: number | null
  /** What its maker held when it was made: it never allows more. */
  readonly ceiling: readonly string[]
  /** True for what stands in for a secret that is not there. */
  readonly decoy?: boolean
}

export interface PrincipalRecord {
  readonly kind: string
  readonly id: string
  /** Null for a panel user: its type decides. */
  readonly permissions: readonly string[] | null
  readonly type: number | null
  /** Whether a panel user was assigned slices or servers. */
  readonly assigned: boolean
  readonly enabled: boolean
  readonly expiresAt: number | null
}

export interface NewKey {
  readonly keyId: string
  readonly secret: string
  readonly account: number
  readonly principal: { readonly kind: string; readonly id: string }
  /** That of the key it replaces; its own by default. */
  readonly lineage?: string
  readonly permissions: readonly string[]
  /** What its maker holds. */
  readonly ceiling: readonly string[]
  readonly addresses?: readonly string[]
  readonly expiresAt?: number | null
  readonly createdBy: string
  readonly comment: string
}

type Row = SecretColumns & PrincipalParts & { readonly account_enable: number }

const select = `
  select k.*, a.enable as account_enable, ${principalParts}
  from keys k
  join accounts a on a.account = k.account
  left join principals p on p.account = k.account and p.kind = k.principal_kind and p.id = k.principal_id
  left join users u on k.principal_kind = 'user' and u.account = k.account and u.id = k.principal_id
  where k.key_id = $1`

/** Binds the decoy secret. Of another kind than versions before migration 0026 had: it also says that every row is bound. */
export const decoyBinding = 'keys.decoy'

/** A key's row with its secrets as they are kept. */
export interface SecretColumns extends KeyColumns {
  readonly secret: string
  readonly old_secret: string | null
}

/** The secrets of a key, opened, the newest first. Throws when the row is not as it was written. */
export function secretsOf(sealing: Sealing, row: SecretColumns): [KeySecret] | [KeySecret, KeySecret] {
  const newest = {
    secret: sealing.open(row.secret, secretBinding(row)),
    until: null,
    ceiling: JSON.parse(row.ceiling),
  }
  if (row.old_secret === null) return [newest]
  const secret = sealing.open(row.old_secret, oldSecretBinding(row))
  return [newest, { secret, until: row.old_until, ceiling: JSON.parse(row.old_ceiling ?? '[]') }]
}

/** The same; undefined when the row is not as it was written. */
export function openSound(sealing: Sealing, row: SecretColumns): ReturnType<typeof secretsOf> | undefined {
  try {
    return secretsOf(sealing, row)
  } catch {
    return undefined
  }
}

const rowOf = (key: NewKey): KeyColumns => ({
  key_id: key.keyId,
  account: key.account,
  principal_kind: key.principal.kind,
  principal_id: key.principal.id,
  lineage: key.lineage ?? key.keyId,
  permissions: JSON.stringify(key.permissions),
  ceiling: JSON.stringify(key.ceiling),
  addresses: JSON.stringify(key.addresses ?? []),
  enable: 1,
  expires_at: key.expiresAt ?? null,
  revoked_at: null,
  created_by: key.createdBy,
  old_until: null,
  old_ceiling: null,
})

/** The key repository: the only place where signing secrets are sealed and opened. */
export class Keys {
  constructor(
    private readonly queries: Queries,
    private readonly sealing: Sealing,
    private readonly touch: Touch = () => undefined,
  ) {}

  /** The key of an id; for an unknown one a decoy that costs as much and whose secret nobody has. */
  async load(keyId: string): Promise<KeyRecord> {
    const row = await this.queries.get<Row>(select, [keyId])
    const sealed = (await new Meta(this.queries).get('decoy')) ?? ''
    return (row && this.record(row, sealed)) ?? { ...this.decoy(keyId, sealed), unsound: row !== undefined }
  }

  /** Stores a key; false when the id is taken. */
  async insert(key: NewKey, now: number): Promise<boolean> {
    const row = rowOf(key)
    const inserted = await this.queries.run(
      `insert into keys (key_id, account, principal_kind, principal_id, lineage, permissions, addresses, secret, enable, expires_at, created_by, comment, created_at, ceiling)
       values ($1, $2, $3, $4, $12, $5, $6, $7, 1, $8, $9, $10, $11, $13) on conflict do nothing`,
      [
        row.key_id,
        row.account,
        row.principal_kind,
        row.principal_id,
        row.permissions,
        row.addresses,
        this.sealing.seal(key.secret, secretBinding(row)),
        row.expires_at,
        row.created_by,
        key.comment,
        now,
        row.lineage,
        row.ceiling,
      ],
    )
    this.touch(`key:${key.keyId}`, true)
    return inserted === 1
  }

  private openDecoy(sealed: string): KeySecret {
    return { secret: this.sealing.open(sealed, decoyBinding), until: 0, ceiling: [], decoy: true }
  }

  private record(row: Row, decoy: string): KeyRecord | undefined {
    const opened = isPrincipalSound(this.sealing, row) ? openSound(this.sealing, row) : undefined
    if (!opened) return undefined
    const [newest, old = this.openDecoy(decoy)] = opened
    return {
      known: true,
      keyId: row.key_id,
      account: row.account,
      accountEnabled: row.account_enable === 1,
      lineage: row.lineage,
      principal: {
        kind: row.principal_kind,
        id: row.principal_id,
        permissions: row.principal_permissions === null ? null : JSON.parse(row.principal_permissions),
        type: row.user_type,
        assigned: row.user_scope !== null,
        enabled: (row.principal_enable ?? row.user_enable) === 1,
        expiresAt: row.user_expire || null,
      },
      permissions: JSON.parse(row.permissions),
      addresses: JSON.parse(row.addresses),
      secrets: [newest, old],
      enabled: row.enable === 1 && row.revoked_at === null,
      expiresAt: row.expires_at,
    }
  }

  private decoy(keyId: string, sealed: string): KeyRecord {
    return {
      known: false,
      keyId,
      account: 0,
      accountEnabled: false,
      lineage: '',
      principal: {
        kind: 'none',
        id: '',
        permissions: [],
        type: null,
        assigned: false,
        enabled: false,
        expiresAt: null,
      },
      permissions: [],
      addresses: [],
      secrets: [this.openDecoy(sealed), this.openDecoy(sealed)],
      enabled: false,
      expiresAt: null,
    }
  }
}
