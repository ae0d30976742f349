import { addressList } from './address.js'
import { type Authority, restsOnPrincipal } from './authority.js'
import type { TokenProof } from './dialect.js'
import { effective } from './permissions.js'
import type { TokenRecord } from './store/access-tokens.js'
import type { Queries } from './store/db.js'
import type { Verifier } from './verify.js'

/** Reads what a token stands for; undefined for an unknown one. */
export type LoadToken = (token: string, queries?: Queries) => Promise<TokenRecord | undefined>

/** Verifies bearer tokens. They are looked up by their hash, so that how long it takes tells nothing of a token. */
export function tokenVerifier(load: LoadToken): Verifier<TokenProof> {
  return async ({ token }) => {
    const found = await load(token)
    return found && { authority: authorityOf(found, (queries) => load(token, queries)) }
  }
}

function authorityOf(record: TokenRecord, load: (queries: Queries) => Promise<TokenRecord | undefined>): Authority {
  const { principal } = record
  return {
    known: true,
    keyId: null,
    account: record.account,
    lineage: record.tokenId,
    principal: { kind: principal.kind, id: principal.id },
    permissions: effective(record.permissions, principal.permissions, principal.type, principal.assigned),
    powerless: principal.permissions?.length === 0,
    addresses: record.addresses.length > 0 ? addressList(record.addresses) : undefined,
    secrets: [],
    enabled: principal.enabled && record.accountEnabled,
    expiresAt: Math.min(record.expiresAt, principal.expiresAt ?? record.expiresAt),
    ownExpiresAt: record.expiresAt,
    restsOn: [...restsOnPrincipal(record.account, principal), `token:${record.tokenId}`],
    async reload(queries) {
      const fresh = await load(queries)
      return fresh ? authorityOf(fresh, load) : { ...this, known: false }
    },
    // Never kept, so nobody would say when it changes.
    stale: true,
  }
}
