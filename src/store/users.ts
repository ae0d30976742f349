import { lockAccount } from './account-lock.js'
import { userText } from './bindings.js'
import type { Queries, Value } from './db.js'
import { EndedKeys } from './ended-keys.js'
import { ownPace, type Pace } from './pace.js'
import { paged } from './paged.js'
import { assign } from './scopes.js'
import type { Sealing, Touch } from './store.js'
import { changeTagged, nextTag, userRow } from './user-tags.js'

/** A panel user as it is kept, without its password. Moments are Unix seconds. */
export interface PanelUser {
  readonly id: string
  readonly enable: boolean
  readonly type: number
  readonly comment: string
  readonly ip: string
  readonly expire: number
  readonly conlimit: number
  readonly created_at: number
  readonly updated_at: number
}

export interface AssignedUser extends PanelUser {
  readonly assigned: boolean
}

/**
 * What a change may name; `password` is a hash, `ceiling` what it may ever allow, `passwordUntil` when it ends by itself (null for
 * as long as its user), `token` plain (null removes it).
 */
export interface UserFields {
  readonly enable?: boolean | undefined
  readonly type?: number | undefined
  readonly password?: string | undefined
  readonly passwordUntil?: number | null | undefined
  readonly ceiling?: readonly string[] | undefined
  readonly comment?: string | undefined
  readonly token?: string | null | undefined
  readonly ip?: string | undefined
  readonly expire?: number | undefined
  readonly conlimit?: number | undefined
}

export interface UserFilter {
  readonly type?: number | undefined
  readonly enable?: boolean | undefined
  readonly q?: string | undefined
}

type Row = Omit<PanelUser, 'enable'> & { enable: number }

const columns = 'id, enable, type, comment, ip, expire, conlimit, created_at, updated_at'
const assignedColumn = 'case when scope is null then 0 else 1 end as assigned'
const findUser = `select ${columns}, ${assignedColumn} from users where account = $1 and id = $2`
const findUserWithToken = `select ${columns}, token from users where account = $1 and id = $2`
const toggleUser = `update users set enable = $1, tag = $2, updated_at = $3
  where account = $4 and id = $5 and enable = $6 and coalesce(tag, '') = $7`
/** Columns that the tag of a user covers. */
const tagged: ReadonlySet<string> = new Set(['type', 'enable', 'expire', 'password', 'password_until', 'ceiling'])
/** Member by member: copying all but one of a row takes longer than to find it. */
const toUser = (row: Row): PanelUser => ({
  id: row.id,
  enable: row.enable === 1,
  type: row.type,
  comment: row.comment,
  ip: row.ip,
  expire: row.expire,
  conlimit: row.conlimit,
  created_at: row.created_at,
  updated_at: row.updated_at,
})
const filter = `account = $1 and (cast($2 as integer) is null or type = $2) and (cast($3 as integer) is null or enable = $3)
  and (cast($4 as text) is null or lower(id) like $4 escape '\\' or lower(comment) like $4 escape '\\')`

/** Binds a sealed playback token to its user. */
export const tokenBinding = (account: number, id: string): string => `users.token:${account}:${id}`

/** Panel users of one account. */
export class Users {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly sealing: Sealing,
    private readonly touch: Touch,
    private readonly pace: Pace = ownPace(),
  ) {}

  /** The user, and whether it was assigned slices or servers. */
  async find(id: string): Promise<AssignedUser | undefined> {
    const row = await this.queries.get<Row & { assigned: number }>(findUser, [this.account, id])
    return row && { ...toUser(row), assigned: row.assigned === 1 }
  }

  /** The user with its playback token where `mayShow` says so; null otherwise, and when it has none. */
  async findWithToken(
    id: string,
    mayShow: (user: Pick<PanelUser, 'type'>) => boolean,
  ): Promise<(PanelUser & { readonly token: string | null }) | undefined> {
    const row = await this.queries.get<Row & { token: string | null }>(findUserWithToken, [this.account, id])
    if (!row) return undefined
    const token = row.token && mayShow(row) ? this.sealing.open(row.token, this.binding(id)) : null
    return Object.assign(toUser(row), { token })
  }

  async list(wanted: UserFilter, page: number, pagesize: number): Promise<{ users: PanelUser[]; total: number }> {
    // As the engines do: letters of ASCII alone.
    const lower = wanted.q?.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    const q = lower ? `%${lower.replace(/[\\%_]/g, '\\$&')}%` : null
    const where: Value[] = [
      this.account,
      wanted.type ?? null,
      wanted.enable === undefined ? null : Number(wanted.enable),
      q,
    ]
    const asked = { table: 'users', columns, key: 'id', filter, params: where }
    const { rows, total } = await paged<Row>(this.queries, this.pace, asked, page, pagesize)
    return { users: rows.map(toUser), total }
  }

  async insert(id: string, fields: UserFields, now: number): Promise<void> {
    const row = {
      account: this.account,
      id,
      type: fields.type ?? 3,
      enable: (fields.enable ?? true) ? 1 : 0,
      expire: fields.expire ?? 0,
      password: fields.password ?? null,
      password_until: fields.passwordUntil ?? null,
      ceiling: fields.ceiling ? JSON.stringify(fields.ceiling) : null,
      scope: null,
    }
    await this.queries.run(
      `insert into users (account, id, enable, type, password, comment, token, ip, expire, conlimit, created_at, updated_at, ceiling, tag, password_until)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13, $14)`,
      [
        this.account,
        id,
        row.enable,
        row.type,
        row.password,
        fields.comment ?? '',
        this.sealed(id, fields.token),
        fields.ip ?? '',
        row.expire,
        fields.conlimit ?? 0,
        now,
        row.ceiling,
        this.sealing.tag(userText(row)),
        row.password_until,
      ],
    )
    this.changed(id, true)
  }

  /** Changes only what is given. */
  async update(id: string, fields: UserFields, now: number): Promise<void> {
    const given: Record<string, Value | undefined> = {
      enable: fields.enable === undefined ? undefined : Number(fields.enable),
      type: fields.type,
      password: fields.password,
      password_until: fields.passwordUntil,
      ceiling: fields.ceiling && JSON.stringify(fields.ceiling),
      comment: fields.comment,
      token: fields.token === undefined ? undefined : this.sealed(id, fields.token),
      ip: fields.ip,
      expire: fields.expire,
      conlimit: fields.conlimit,
      updated_at: now,
    }
    const set = Object.entries(given).filter((entry): entry is [string, Value] => entry[1] !== undefined)
    const write = () =>
      this.queries.run(
        `update users set ${set.map(([column], index) => `${column} = $${index + 3}`).join(', ')} where account = $1 and id = $2`,
        [this.account, id, ...set.map(([, value]) => value)],
      )
    if (set.some(([column]) => tagged.has(column))) {
      await changeTagged(this.queries, this.sealing, { account: this.account, id }, write)
    } else await write()
    this.changed(id)
  }

  /** Turns a user on or off and returns it as it is afterwards; undefined when there is none. */
  async toggle(
    id: string,
    now: number,
  ): Promise<Pick<AssignedUser, 'enable' | 'type' | 'expire' | 'assigned'> | undefined> {
    for (;;) {
      const row = await userRow(this.queries, this.account, id)
      if (!row) return undefined
      const enable = 1 - row.enable
      const tag = nextTag(this.sealing, row, { ...row, enable })
      // Another node may have changed it since it was read: then it is read again.
      const toggled = await this.queries.run(toggleUser, [
        enable,
        tag,
        now,
        this.account,
        id,
        row.enable,
        row.tag ?? '',
      ])
      if (toggled === 0) continue
      this.changed(id)
      return { enable: enable === 1, type: row.type, expire: row.expire, assigned: row.scope !== null }
    }
  }

  /** Removes a user with its keys and tokens: they must not open the account to a later user of the same name. */
  async remove(id: string): Promise<void> {
    const keys = await new EndedKeys(this.queries, this.account).removeAllOf('user', id)
    for (const keyId of keys) this.touch(`key:${keyId}`)
    await this.queries.run('delete from api_access where account = $1 and user_id = $2', [this.account, id])
    await assign(this.queries, this.account, id, undefined)
    await this.queries.run('delete from users where account = $1 and id = $2', [this.account, id])
    this.changed(id)
  }

  /**
   * Whether an enabled, unexpired administrator is left. Takes the account's lock first, so that two commands on
   * different nodes cannot each take away the other's last one; call it after the change.
   */
  async administratorLeft(now: number): Promise<boolean> {
    await lockAccount(this.queries, this.account)
    const row = await this.queries.get(
      'select 1 as one from users where account = $1 and type = 1 and enable = 1 and (expire = 0 or expire > $2) limit 1',
      [this.account, now],
    )
    return row !== undefined
  }

  private changed(id: string, isNew = false): void {
    this.touch(`user:${this.account}:${id}`, isNew)
  }

  private sealed(id: string, token: string | null | undefined): string | null {
    return token ? this.sealing.seal(token, this.binding(id)) : null
  }

  private binding(id: string): string {
    return tokenBinding(this.account, id)
  }
}
