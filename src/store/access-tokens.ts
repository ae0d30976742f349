import { createHash } from 'node:crypto'
import { lockAccount } from './account-lock.js'
import {
  isPrincipalSound,
  type PrincipalParts,
  principalParts,
  type Tagging,
  type TokenColumns,
  tokenText,
} from './bindings.js'
import type { Queries } from './db.js'
import type { PrincipalRecord } from './keys.js'
import { inPieces, pageOf, places } from './pages.js'
import type { Touch } from './store.js'
import { together } from './together.js'

/** A bearer token as its account sees it. Moments are Unix seconds. */
export interface TokenInfo {
  readonly tokenId: string
  readonly principal: PrincipalRecord
  readonly permissions: readonly string[]
  readonly addresses: readonly string[]
  readonly expiresAt: number
  readonly createdBy: string
  readonly createdAt: number
}

/** A token with what decides over its use. */
export interface TokenRecord extends TokenInfo {
  readonly account: number
  readonly accountEnabled: boolean
}

export interface NewToken {
  readonly tokenId: string
  readonly token: string
  readonly principal: { readonly kind: string; readonly id: string }
  readonly permissions: readonly string[]
  readonly addresses: readonly string[]
  readonly expiresAt: number
  readonly createdBy: string
}

type Row = TokenColumns & PrincipalParts & { account_enable: number; created_at: number; tag: string | null }

const select = `
  select t.*, a.enable as account_enable, ${principalParts}
  from access_tokens t
  join accounts a on a.account = t.account
  left join principals p on p.account = t.account and p.kind = t.principal_kind and p.id = t.principal_id
  left join users u on t.principal_kind = 'user' and u.account = t.account and u.id = t.principal_id`

/** 256 bits of chance need no salt and no slow hash. */
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')

const toRecord = (row: Row): TokenRecord => ({
  tokenId: row.token_id,
  account: row.account,
  accountEnabled: row.account_enable === 1,
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
  expiresAt: row.expires_at,
  createdBy: row.created_by,
  createdAt: row.created_at,
})

/**
 * The token that somebody shows, of whatever account; undefined when there is none, or none any more. One whose row, or whose
 * principal's, is not as it was written is named to `onUnsound`, and is none.
 */
export async function findToken(
  queries: Queries,
  tagging: Tagging,
  token: string,
  onUnsound: (what: string) => void,
): Promise<TokenRecord | undefined> {
  const row = await queries.get<Row>(`${select} where t.token_hash = $1`, [hashOf(token)])
  if (!row) return undefined
  if (tagging.isTagged(tokenText(row), row.tag) && isPrincipalSound(tagging, row)) return toRecord(row)
  onUnsound(`access token ${row.token_id}`)
  return undefined
}

/** The access tokens of one account. */
export class AccessTokens {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly tagging: Tagging,
    private readonly touch: Touch,
  ) {}

  async find(tokenId: string): Promise<TokenInfo | undefined> {
    const row = await this.queries.get<Row>(`${select} where t.account = $1 and t.token_id = $2`, [
      this.account,
      tokenId,
    ])
    return row && toRecord(row)
  }

  /** Those that are there, in the order of their ids as given. */
  async findAll(ids: readonly string[]): Promise<TokenInfo[]> {
    return (await together(ids, (id) => this.find(id))).filter((found) => found !== undefined)
  }

  /** A page of those that have not ended, in the order of their making. */
  async page(now: number, page: number, pagesize: number): Promise<{ tokens: TokenInfo[]; total: number }> {
    const { rows: ids, total } = await pageOf<{ token_id: string }>(
      this.queries,
      {
        table: 'access_tokens',
        columns: 'token_id',
        where: 'account = $1 and expires_at > $2',
        order: 'created_at, token_id',
        params: [this.account, now],
      },
      page,
      pagesize,
    )
    if (ids.length === 0) return { tokens: [], total }
    const rows = await this.queries.all<Row>(
      `${select} where t.token_id in (${places(ids, 0)}) order by t.created_at, t.token_id`,
      ids.map((row) => row.token_id),
    )
    return { tokens: rows.map(toRecord), total }
  }

  /** How many tokens of a principal have not ended. Takes the account's lock, so that the count holds until the commit. */
  async countLive(principal: { kind: string; id: string }, now: number): Promise<number> {
    await lockAccount(this.queries, this.account)
    const row = await this.queries.get<{ live: number }>(
      `select count(*) as live from access_tokens where account = $1 and principal_kind = $2 and principal_id = $3
       and expires_at > $4`,
      [this.account, principal.kind, principal.id, now],
    )
    return row?.live ?? 0
  }

  async insert(made: NewToken, now: number): Promise<void> {
    const row = {
      token_id: made.tokenId,
      token_hash: hashOf(made.token),
      account: this.account,
      principal_kind: made.principal.kind,
      principal_id: made.principal.id,
      permissions: JSON.stringify(made.permissions),
      addresses: JSON.stringify(made.addresses),
      expires_at: made.expiresAt,
      created_by: made.createdBy,
    }
    await this.queries.run(
      `insert into access_tokens (token_id, token_hash, account, principal_kind, principal_id, permissions, addresses,
       expires_at, created_by, created_at, tag) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [...Object.values(row), now, this.tagging.tag(tokenText(row))],
    )
  }

  async remove(tokenIds: readonly string[]): Promise<void> {
    for (const some of inPieces(tokenIds)) {
      await this.queries.run(`delete from access_tokens where account = $1 and token_id in (${places(some, 1)})`, [
        this.account,
        ...some,
      ])
    }
    for (const tokenId of tokenIds) this.touch(`token:${tokenId}`)
  }
}
