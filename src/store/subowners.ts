import { type PrincipalColumns, principalText, type Tagging } from './bindings.js'
import type { Queries, Value } from './db.js'
import { EndedKeys } from './ended-keys.js'
import { pageOf } from './pages.js'
import type { Touch } from './store.js'

/** A subowner as it is kept, without its password. */
export interface Subowner {
  readonly id: string
  readonly username: string
  /** The vendor's words: slice, api. */
  readonly permissions: readonly string[]
  /** The key whose secret is its api_key now. */
  readonly keyId: string
}

export interface SubownerChange {
  /** A hash. */
  readonly password?: string | undefined
  readonly permissions?: readonly string[] | undefined
  readonly keyId?: string | undefined
}

interface Row {
  id: string
  username: string
  permissions: string
  key_id: string
}

/** Where a subowner stands among all of its account. */
export interface SubownerPlace {
  readonly createdAt: number
  readonly username: string
}

const subownerKind = 'subowner'

const columns = 'id, username, permissions, key_id'
const toSubowner = (row: Row): Subowner => ({
  id: row.id,
  username: row.username,
  permissions: JSON.parse(row.permissions),
  keyId: row.key_id,
})

/** Subowners of one account: each is a principal, too. `held` is what its permissions amount to here. */
export class Subowners {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly tagging: Tagging,
    private readonly touch: Touch,
  ) {}

  async find(id: string): Promise<Subowner | undefined> {
    const row = await this.queries.get<Row>(`select ${columns} from subowners where account = $1 and id = $2`, [
      this.account,
      id,
    ])
    return row && toSubowner(row)
  }

  /** A page of them in the order of their making. */
  async page(page: number, pagesize: number): Promise<{ subowners: Subowner[]; total: number }> {
    const listing = { table: 'subowners', columns, where: 'account = $1', order: 'created_at, username' }
    const params = [this.account]
    const { rows, total } = await pageOf<Row>(this.queries, { ...listing, params }, page, pagesize)
    return { subowners: rows.map(toSubowner), total }
  }

  /** The first of them in the order of their making, or those that follow a place in it, with the place to go on from. */
  async following(
    place: SubownerPlace | undefined,
    most: number,
  ): Promise<{ subowners: Subowner[]; last: SubownerPlace | undefined }> {
    const after = place ? ' and (created_at, username) > ($3, $4)' : ''
    const rows = await this.queries.all<Row & { created_at: number }>(
      `select ${columns}, created_at from subowners where account = $1${after} order by created_at, username limit $2`,
      [this.account, most, ...(place ? [place.createdAt, place.username] : [])],
    )
    const last = rows.at(-1)
    return {
      subowners: rows.map(toSubowner),
      last: rows.length === most && last ? { createdAt: last.created_at, username: last.username } : undefined,
    }
  }

  /** False when the username is taken. */
  async insert(added: Subowner, password: string, held: readonly string[], now: number): Promise<boolean> {
    const inserted = await this.queries.run(
      `insert into subowners (account, id, username, password, permissions, key_id, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict do nothing`,
      [this.account, added.id, added.username, password, JSON.stringify(added.permissions), added.keyId, now],
    )
    if (inserted === 0) return false
    await this.queries.run(
      'insert into principals (account, kind, id, permissions, enable, created_at, tag) values ($1, $2, $3, $4, 1, $5, $6)',
      [this.account, subownerKind, added.id, JSON.stringify(held), now, this.tag(added.id, held)],
    )
    this.changed(added.id, true)
    return true
  }

  /** Changes only what is given. */
  async update(id: string, change: SubownerChange, held: readonly string[] | undefined, now: number): Promise<void> {
    const given: Record<string, Value | undefined> = {
      password: change.password,
      permissions: change.permissions && JSON.stringify(change.permissions),
      key_id: change.keyId,
      updated_at: now,
    }
    const set = Object.entries(given).filter((entry): entry is [string, Value] => entry[1] !== undefined)
    await this.queries.run(
      `update subowners set ${set.map(([column], index) => `${column} = $${index + 3}`).join(', ')} where account = $1 and id = $2`,
      [this.account, id, ...set.map(([, value]) => value)],
    )
    if (held === undefined) return
    const principal = await this.queries.get<PrincipalColumns & { tag: string | null }>(
      'select * from principals where account = $1 and kind = $2 and id = $3',
      [this.account, subownerKind, id],
    )
    // One that is not as it was written is not made good.
    const sound = principal && this.tagging.isTagged(principalText(principal), principal.tag)
    await this.queries.run(
      'update principals set permissions = $4, tag = $5 where account = $1 and kind = $2 and id = $3',
      [this.account, subownerKind, id, JSON.stringify(held), sound ? this.tag(id, held) : null],
    )
    this.changed(id)
  }

  /** Removes a subowner with its keys and tokens: a deleted one is unknown, not turned off. */
  async remove(id: string): Promise<void> {
    const keys = await new EndedKeys(this.queries, this.account).removeAllOf(subownerKind, id)
    await this.queries.run('delete from principals where account = $1 and kind = $2 and id = $3', [
      this.account,
      subownerKind,
      id,
    ])
    await this.queries.run('delete from subowners where account = $1 and id = $2', [this.account, id])
    for (const keyId of keys) this.touch(`key:${keyId}`)
    this.changed(id)
  }

  private tag(id: string, held: readonly string[]): string {
    const permissions = JSON.stringify(held)
    return this.tagging.tag(principalText({ account: this.account, kind: subownerKind, id, permissions, enable: 1 }))
  }

  private changed(id: string, isNew = false): void {
    this.touch(`principal:${this.account}:${subownerKind}:${id}`, isNew)
  }
}
