import { type AddressList, addressList } from './address.js'
import { MacKey } from './hmac.js'
import { effective, intersect, type Permission } from './permissions.js'
import type { Queries } from './store/db.js'
import type { HeldUse } from './store/key-uses.js'
import type { KeyRecord } from './store/keys.js'

/** Who acts, as the steps use it: a key with its secrets ready for HMAC, or somebody who does not sign; the rights worked out. */
export interface Authority {
  readonly known: boolean
  /** Null for whoever does not sign. */
  readonly keyId: string | null
  readonly account: number
  readonly lineage: string
  readonly principal: { readonly kind: string; readonly id: string }
  readonly permissions: readonly Permission[]
  /** True when the principal itself is granted nothing at all. */
  readonly powerless?: boolean
  /** Undefined: any address. */
  readonly addresses: AddressList | undefined
  /** Of a key always two, the newest first. */
  readonly secrets: readonly SigningSecret[]
  /** False when the key, its principal or its account is disabled or revoked. */
  readonly enabled: boolean
  /** The earlier of the key's and the principal's end, Unix seconds, null for never. */
  readonly expiresAt: number | null
  /** When the key, password or token ends by itself, whatever its principal does. */
  readonly ownExpiresAt: number | null
  /** Names of what it was worked out from, as {@link Touch} gives them. */
  readonly restsOn: readonly string[]
  /** The same as it is in a transaction, uncommitted changes included; never kept. */
  readonly reload: (queries: Queries) => Promise<Authority>
  /** True once something it was worked out from has changed: load it again. */
  stale: boolean
  /** What is held of the last use of its key; undefined until it is used, and for whoever does not sign. */
  use?: HeldUse | undefined
}

export interface SigningSecret {
  readonly key: MacKey
  /** Unix seconds, null for never. */
  readonly until: number | null
  /** What a message that it signed may do: a secret never allows more than its maker held. */
  readonly permissions: readonly Permission[]
}

/** An authority of a key. */
type KeyAuthority = Authority & { readonly keyId: string }

/** Reads one key; an unknown id gives the decoy. */
export type LoadKey = (keyId: string, queries?: Queries) => Promise<KeyRecord>

/** Up to two and a half kilobytes each, with what is noted of their use. */
const knownCapacity = 131_072
const unknownCapacity = 4_096

/**
 * Authorities by key id, kept until something that they depend on changes. Unknown ids are kept as well, apart, so that
 * asking for one costs as much as asking for a known one and cannot push known ones out.
 */
export class Authorities {
  private readonly known = new Map<string, KeyAuthority>()
  private readonly unknown = new Map<string, KeyAuthority>()
  private readonly dependents = new Map<string, Set<KeyAuthority>>()
  private generation = 0

  constructor(private readonly loadKey: LoadKey) {}

  cached(keyId: string): KeyAuthority | undefined {
    return this.known.get(keyId) ?? this.unknown.get(keyId)
  }

  /** Loads what is committed, and keeps it unless something changed meanwhile. */
  async load(keyId: string): Promise<Authority> {
    const { generation } = this
    // A copy: the id may be a slice that keeps the whole body of its request alive.
    const authority = this.toAuthority(await this.loadKey(Buffer.from(keyId).toString()))
    if (generation === this.generation) this.remember(authority)
    else authority.stale = true
    return authority
  }

  private toAuthority(record: KeyRecord): KeyAuthority {
    // Whoever loads it again keeps no record, which holds the secret as text, of every key that is in use.
    const { keyId } = record
    return toAuthority(record, async (queries) => this.toAuthority(await this.loadKey(keyId, queries)))
  }

  /** Forgets what depends on a changed key, principal or account. */
  drop(what: string): void {
    this.generation++
    const keyId = what.startsWith('key:') ? what.slice(4) : undefined
    const authority = keyId !== undefined && this.cached(keyId)
    if (authority) this.forget(authority)
    for (const dependent of this.dependents.get(what) ?? []) this.forget(dependent)
  }

  dropAll(): void {
    this.generation++
    for (const authority of this.known.values()) authority.stale = true
    for (const authority of this.unknown.values()) authority.stale = true
    this.known.clear()
    this.unknown.clear()
    this.dependents.clear()
  }

  private remember(authority: KeyAuthority): void {
    const cache = authority.known ? this.known : this.unknown
    const [oldest] = cache.size >= (authority.known ? knownCapacity : unknownCapacity) ? cache.values() : []
    const replaced = cache.get(authority.keyId) ?? oldest
    if (replaced) this.forget(replaced)
    cache.set(authority.keyId, authority)
    if (!authority.known) return
    for (const what of dependencies(authority)) {
      const set = this.dependents.get(what)
      if (set) set.add(authority)
      else this.dependents.set(what, new Set([authority]))
    }
  }

  private forget(authority: KeyAuthority): void {
    authority.stale = true
    const cache = authority.known ? this.known : this.unknown
    if (cache.get(authority.keyId) === authority) cache.delete(authority.keyId)
    for (const what of dependencies(authority)) {
      const set = this.dependents.get(what)
      set?.delete(authority)
      if (set?.size === 0) this.dependents.delete(what)
    }
  }
}

/** The authority of a message that one of the secrets signed: an old secret may allow less, or more, than the newest. */
export function signedBy(authority: Authority, { permissions }: SigningSecret): Authority {
  if (permissions === authority.permissions) return authority
  // What becomes stale must be seen to.
  return Object.create(authority, { permissions: { value: permissions, enumerable: true } })
}

/** Names of what the rights of a principal rest on, beside its key or token. */
export const restsOnPrincipal = (account: number, { kind, id }: Authority['principal']): [string, string] => [
  accountName(account),
  kind === 'user' ? userName(account, id) : `principal:${account}:${kind}:${id}`,
]

export const userName = (account: number, login: string): string => `user:${account}:${login}`

/** Everything in an account rests on it. */
export const accountName = (account: number): string => `account:${account}`

const dependencies = ({ account, principal }: KeyAuthority): string[] => restsOnPrincipal(account, principal)

const mostShared = 1_024
const principals = new Map<string, Authority['principal']>()
const decoyKeys = new Map<string, MacKey>()
const permissionLists = new Map<string, readonly Permission[]>()

/** What many keys have in common is kept once: a hundred thousand of them take less memory, and the processor finds it sooner. */
function shared<T>(known: Map<string, T>, name: string, made: T): T {
  const held = known.get(name)
  if (held !== undefined) return held
  if (known.size >= mostShared) known.clear()
  known.set(name, made)
  return made
}

function toAuthority(record: KeyRecord, reload: Authority['reload']): KeyAuthority {
  const { principal } = record
  const { kind, id } = principal
  const allowed = effective(record.permissions, principal.permissions, principal.type, principal.assigned)
  const secrets = record.secrets.map(({ secret, until, ceiling, decoy }) => {
    const permissions = intersect(allowed, ceiling)
    return {
      key: decoy ? shared(decoyKeys, secret, new MacKey(secret)) : new MacKey(secret),
      until,
      permissions: shared(permissionLists, permissions.join(' '), permissions),
    }
  })
  const ends = [record.expiresAt, principal.expiresAt].filter((end) => end !== null)
  return {
    known: record.known,
    keyId: record.keyId,
    account: record.account,
    lineage: record.lineage === record.keyId ? record.keyId : record.lineage,
    principal: shared(principals, `${kind}:${id}`, { kind, id }),
    permissions: secrets[0]?.permissions ?? [],
    powerless: principal.permissions?.length === 0,
    addresses: record.addresses.length > 0 ? addressList(record.addresses) : undefined,
    secrets,
    enabled: record.enabled && principal.enabled && record.accountEnabled,
    expiresAt: ends.length > 0 ? Math.min(...ends) : null,
    ownExpiresAt: record.expiresAt,
    get restsOn() {
      return [...restsOnPrincipal(this.account, this.principal), `key:${this.keyId}`]
    },
    reload,
    stale: false,
    use: undefined,
  }
}
