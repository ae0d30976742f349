import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { nanoid } from 'nanoid'
import type { Credentials } from '../../clients/typescript/index.js'
import { generateKey } from '../../src/generate.js'
import { effective, intersect } from '../../src/permissions.js'
import { AccessTokens } from '../../src/store/access-tokens.js'
import { Accounts } from '../../src/store/accounts.js'
import { ApiAccess } from '../../src/store/api-access.js'
import { Keys } from '../../src/store/keys.js'
import { Subowners } from '../../src/store/subowners.js'
import { Users } from '../../src/store/users.js'
import { sampleOf } from '../support/access.js'
import type { TestInstance } from '../support/instance.js'

const permission = fc.constantFrom(
  ...[
    '*',
    '*:read',
    'users:read',
    'users:write',
    'users:*',
    'keys:read',
    'keys:write',
    'keys:*',
    'streams:*',
    'secrets:read',
    'secrets:read',
    'users:read',
    'subowners:*',
    'subowners:read',
    'slices:*',
    'servers:*',
    'stats:read',
    'stats:write',
  ],
)
const permissions = fc.uniqueArray(permission, { maxLength: 3 })
const type = fc.integer({ min: 1, max: 3 })
interface Limits {
  readonly addresses: readonly string[]
  readonly hours: number | null
}
const unlimited: Limits = { addresses: [], hours: null }
const bound: Limits = { addresses: ['127.0.0.0/8'], hours: null }
const ending: Limits = { addresses: [], hours: 2 }
const limits = fc.constantFrom(unlimited, bound, ending, { ...bound, hours: 2 })
/** When panel users end, in hours; null is never. */
const end = fc.constantFrom(null, null, 1, 3)

/** A tree of principals with keys, and the key that somebody wants more from. */
export const tree = fc.record({
  users: fc.array(fc.record({ type, end, keys: fc.array(fc.record({ permissions, limits }), { maxLength: 2 }) }), {
    minLength: 1,
    maxLength: 4,
  }),
  ownerKeys: fc.array(fc.record({ permissions, limits }), { maxLength: 2 }),
  /** Whether each has api, and further keys of its own. */
  subowners: fc.array(fc.record({ api: fc.boolean(), keys: fc.array(permissions, { maxLength: 1 }) }), {
    minLength: 1,
    maxLength: 2,
  }),
  intruder: fc.record({
    ofUser: fc.boolean(),
    // Half of them are strong: what is left for those to rise in is time and place.
    permissions: fc.oneof(permissions, fc.constant(['*'])),
    writes: fc.subarray(['keys:write', 'users:write', 'subowners:write', 'slices:write'], { minLength: 1 }),
    limits,
    /** Of a panel user's key: the user ends, not the key. */
    userEnds: fc.boolean(),
  }),
  /** For every key the one that it was made with. */
  parents: fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
})
export type Tree = typeof tree extends fc.Arbitrary<infer T> ? T : never

const single = fc.record({
  verb: fc.constantFrom(
    ...([
      'create',
      'create',
      'update',
      'update',
      'update',
      'rotate',
      'rotate',
      'revoke',
      'import',
      'token',
      'token',
      'untoken',
      'save',
      'save',
      'remove',
      'toggle',
      'show',
      'show',
      'show',
      'subowner-create',
      'subowner-update',
      'subowner-update',
      'subowner-delete',
      'subowner-show',
      'subowner-list',
      'access-on',
      'access-on',
      'access-new',
      'access-new',
      'access-off',
      'access-list',
      'assign',
      'assign',
      'server-set',
      'server-remove',
      'slice-set',
      'slice-remove',
      'stats-report',
      'stats-read',
      'stats-read',
    ] as const),
  ),
  key: fc.nat(),
  user: fc.nat(),
  permissions: fc.option(permissions, { nil: undefined, freq: 2 }),
  ips: fc.constantFrom(undefined, undefined, undefined, [], ['127.0.0.1'], ['0.0.0.0/0']),
  hours: fc.constantFrom(undefined, undefined, undefined, null, 1, 3),
  type,
  flag: fc.boolean(),
})
type Single = typeof single extends fc.Arbitrary<infer T> ? T : never

/**
 * Messages of the intruder, now and then one of the owner (`honest`) that promotes, demotes, removes or revives somebody: the
 * intruder may know secrets of theirs, and must not rise with them.
 */
export const attempts = fc.array(
  fc.record({
    by: fc.nat(),
    honest: fc.integer({ min: 0, max: 9 }).map((n) => n < 2),
    atomic: fc.boolean(),
    items: fc.oneof(
      { weight: 3, arbitrary: fc.tuple(single) },
      { weight: 1, arbitrary: fc.array(single, { minLength: 2, maxLength: 4 }) },
    ),
  }),
  { minLength: 4, maxLength: 20, size: 'max' },
)
export type Attempt = (typeof attempts extends fc.Arbitrary<infer T> ? T : never)[number]

export interface KeyState {
  /** What it may do together with its principal, under what the maker of its secret held. */
  readonly holds: readonly string[]
  readonly addresses: readonly string[]
  /** The earlier of its own and its principal's. */
  readonly end: number | null
  /** Whose it is, if a subowner's. */
  readonly subowner: string | null
  readonly createdBy: string
  readonly revoked: boolean
  readonly row: string
}

export interface UserState {
  readonly type: number
  readonly assigned: boolean
  readonly end: number | null
  readonly row: string
}

export interface State {
  readonly keys: ReadonlyMap<string, KeyState>
  readonly users: ReadonlyMap<string, UserState>
  readonly tokens: ReadonlyMap<string, KeyState>
  readonly subowners: ReadonlyMap<string, { readonly holds: readonly string[]; readonly row: string }>
}

/** Keys, access tokens, panel users and subowners of every account as they stand in the database. */
export async function stateOf({ db }: TestInstance): Promise<State> {
  const keys = await db.all<
    Record<string, string> & {
      expires_at: number | null
      user_type: number | null
      user_expire: number | null
      user_scope: string | null
    }
  >(
    `select k.*, p.permissions as own, p.enable as principal_enable, u.type as user_type, u.expire as user_expire, u.scope as user_scope from keys k
     left join principals p on p.account = k.account and p.kind = k.principal_kind and p.id = k.principal_id
     left join users u on k.principal_kind = 'user' and u.account = k.account and u.id = k.principal_id`,
  )
  const tokens = await db.all<
    Record<string, string> & {
      expires_at: number | null
      user_type: number | null
      user_expire: number | null
      user_scope: string | null
    }
  >(
    `select t.*, p.permissions as own, p.enable as principal_enable, u.type as user_type, u.expire as user_expire, u.scope as user_scope from access_tokens t
     left join principals p on p.account = t.account and p.kind = t.principal_kind and p.id = t.principal_id
     left join users u on t.principal_kind = 'user' and u.account = t.account and u.id = t.principal_id`,
  )
  const subowners = await db.all<{ id: string; own: string }>(
    `select s.*, p.permissions as own from subowners s
     join principals p on p.account = s.account and p.kind = 'subowner' and p.id = s.id`,
  )
  const users = await db.all<{ account: number; id: string; type: number; expire: number; scope: string | null }>(
    'select * from users',
  )
  const held = (
    row: Record<string, string> & {
      expires_at: number | null
      user_type: number | null
      user_expire: number | null
      user_scope: string | null
    },
  ): KeyState => ({
    holds: effective(
      intersect(JSON.parse(row.permissions ?? ''), JSON.parse(row.ceiling ?? row.permissions ?? '')),
      row.own ? JSON.parse(row.own) : null,
      row.user_type,
      row.user_scope !== null,
    ),
    addresses: JSON.parse(row.addresses ?? ''),
    end: earlier(row.expires_at, row.user_expire || null),
    subowner: row.principal_kind === 'subowner' ? (row.principal_id ?? null) : null,
    createdBy: row.created_by ?? '',
    revoked: row.revoked_at !== null,
    row: JSON.stringify(row),
  })
  return {
    keys: new Map(keys.map((row) => [row.key_id ?? '', held(row)])),
    tokens: new Map(tokens.map((row) => [row.token_id ?? '', held(row)])),
    subowners: new Map(subowners.map((row) => [row.id, { holds: JSON.parse(row.own), row: JSON.stringify(row) }])),
    users: new Map(
      users.map((row) => [
        row.id,
        { type: row.type, assigned: row.scope !== null, end: row.expire || null, row: JSON.stringify(row) },
      ]),
    ),
  }
}

const earlier = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b)

export interface Planted {
  readonly intruder: Credentials
  /** The secrets of everybody else; those of subowners by whose they are. */
  readonly secrets: readonly string[]
  readonly subownerSecrets: readonly (readonly [subowner: string, secret: string])[]
  tokenOf(user: string): string
  readonly now: number
}

/** Makes a tree in account 1, in place of the one before; the key that init made stays. */
export function plant(
  instance: TestInstance,
  { users, ownerKeys, subowners, intruder, parents }: Tree,
): Promise<Planted> {
  const run = nanoid(6)
  const now = instance.seconds()
  return instance.db.transaction(async (session) => {
    await session.run('delete from keys where account = 1 and key_id <> $1', [instance.owner.apiKey])
    await session.run('delete from users')
    await session.run('delete from api_access')
    await session.run('delete from access_tokens')
    await session.run('delete from ended_keys')
    await session.run('delete from subowners')
    await session.run(`delete from principals where kind = 'subowner'`)
    const repository = new Keys(session, instance.vault)
    const owner = (await new Accounts(session, () => undefined).owner(1)) ?? ''
    const made: Credentials[] = [instance.owner]
    const at = (hours: number) => now + hours * 3600
    const subownerSecrets: [string, string][] = []
    const add = async (kind: string, id: string, granted: readonly string[], limited = unlimited, ceiling = ['*']) => {
      const { keyId, secret } = generateKey({ randomBytes, randomName: nanoid })
      const createdBy = made[(parents[made.length % parents.length] ?? 0) % made.length]?.apiKey ?? ''
      const expiresAt = limited.hours === null ? null : at(limited.hours)
      const { addresses } = limited
      const given = { permissions: granted, ceiling, addresses, expiresAt, createdBy, comment: '' }
      await repository.insert({ keyId, secret, account: 1, principal: { kind, id }, ...given }, now)
      made.push({ apiKey: keyId, secret })
      return { apiKey: keyId, secret }
    }
    const panel = new Users(session, 1, instance.vault, () => undefined)
    const tokenOf = (id: string) => `token-of-${id}`
    for (const [index, { type, end, keys }] of users.entries()) {
      const id = `${run}-${index}`
      await panel.insert(id, { type, token: tokenOf(id), ...(end !== null && { expire: at(end) }) }, now)
      const first = made.length
      for (const key of keys) await add('user', id, key.permissions, key.limits)
      const access = made[first]
      if (access && index % 2) await new ApiAccess(session, 1).set(id, access.apiKey, now)
    }
    for (const key of ownerKeys) await add('owner', owner, key.permissions, key.limits)
    const tokens = new AccessTokens(session, 1, instance.vault, () => undefined)
    for (const [index, { permissions: granted }] of ownerKeys.entries()) {
      const by = made[index % made.length]?.apiKey ?? ''
      const given = { permissions: granted, addresses: [], expiresAt: now + 3600, createdBy: by }
      const token = { tokenId: `${run}-token-${index}`, token: nanoid(), principal: { kind: 'owner', id: owner } }
      await tokens.insert({ ...token, ...given }, now)
    }
    for (const [index, { api, keys }] of subowners.entries()) {
      const id = `${run}-subowner-${index}`
      const [{ apiKey: keyId }, held] = [await add('subowner', id, ['*']), api ? ['*'] : []]
      const added = { id, username: id, permissions: api ? ['api'] : ['slice'], keyId }
      await new Subowners(session, 1, instance.vault, () => undefined).insert(added, 'hash', held, now)
      for (const granted of keys) await add('subowner', id, granted)
      const own = made.slice(-1 - keys.length)
      subownerSecrets.push(...own.map(({ secret }): [string, string] => [id, secret]))
    }
    const own = `${run}-own`
    const granted = [...intruder.permissions, ...intruder.writes]
    const first = await addFirst()
    async function addFirst() {
      if (!intruder.ofUser) return add('owner', owner, granted, intruder.limits, granted)
      const { hours } = intruder.limits
      const expire = intruder.userEnds && hours !== null ? at(hours) : 0
      await panel.insert(own, { type: 1, expire }, now)
      const limited = expire === 0 ? intruder.limits : { ...intruder.limits, hours: null }
      return add('user', own, granted, limited, granted)
    }
    const ofSubowners = new Set(subownerSecrets.map(([, secret]) => secret))
    const others = made.filter((one) => one.apiKey !== first.apiKey && !ofSubowners.has(one.secret))
    return { intruder: first, secrets: others.map(({ secret }) => secret), subownerSecrets, tokenOf, now }
  })
}

type Sent = readonly [cmd: string, params: object]

/** The message of an attempt, on what there is in `state`. */
export function attempt({ items, atomic, honest }: Attempt, state: State, planted: Planted): Sent {
  const commands = items.map((item) => (honest ? management(item, state, planted.now) : message(item, state, planted)))
  const [first] = commands
  if (commands.length === 1 && first) return first
  return ['batch', { commands: commands.map(([cmd, params]) => ({ cmd, ...params })), atomic }]
}

const pick = <T>(from: Iterable<T>, index: number): T => {
  const all = [...from]
  return all[index % all.length] as T
}

/** What an owner does to others: it lowers and raises them, gives them ends, takes them away, and makes them anew. */
function management(
  { key, user, verb, type, flag, hours }: Single,
  { keys, users, subowners }: State,
  now: number,
): Sent {
  if (verb.startsWith('subowner') && subowners.size > 0) {
    const id = pick(subowners.keys(), user)
    if (verb === 'subowner-delete') return ['subowners/delete', { id }]
    return ['subowners/update', { id, permissions: flag ? ['slice'] : ['api'] }]
  }
  const id = pick([...users.keys(), 'revived'], user)
  if (verb === 'create') {
    const others = [...keys].filter(([, { createdBy }]) => createdBy !== 'init').map(([keyId]) => keyId)
    return ['keys/update', { key: pick(others, key), permissions: flag ? [] : ['*'] }]
  }
  if (verb === 'remove') return ['set-user', { id, user: { remove: true } }]
  if (verb === 'assign') return ['slices/assign', { user: id, slices: ['sports'], servers: [] }]
  if (verb === 'toggle') return ['toggle-user', { id }]
  // Never, or so many hours on; where nothing is said the end stays.
  const expire = hours === null ? 0 : hours && now + hours * 3_600
  return ['set-user', { id, user: { type: flag ? 1 : type, expire } }]
}

/** Questions about what a panel user may have been given a part of. */
const statistics = (now: number): readonly Sent[] => [
  ['stats/realtime', {}],
  ['stats/indepth', { from: now - 60, to: now + 60, group_by: 'stream' }],
  ['stats/daily', { date: new Date(now * 1000).toISOString().slice(0, 10) }],
  ['servers/list', {}],
  ['slices/list', {}],
]

function message(wanted: Single, { keys, users, tokens, subowners }: State, { now }: Planted): Sent {
  const { verb, permissions: granted, ips, hours, flag } = wanted
  const key = pick(keys.keys(), wanted.key)
  const id = flag && verb === 'save' ? `new-${wanted.user % 3}` : pick([...users.keys(), 'nobody'], wanted.user)
  const grant = { permissions: granted, ips, expires_at: typeof hours === 'number' ? now + hours * 3600 : hours }
  const subowner = pick([...subowners.keys(), 'nobody'], wanted.key)
  const vendor = { permissions: flag ? ['api'] : ['slice'] }
  switch (verb) {
    case 'subowner-create':
      return ['subowners/create', { username: `made-${wanted.user}`, password: 'mine', ...vendor }]
    case 'subowner-update':
      return ['subowners/update', { id: subowner, ...(wanted.user % 2 ? { newkey: 1, grace: flag ? 0 : 60 } : vendor) }]
    case 'subowner-delete':
      return ['subowners/delete', { id: subowner }]
    case 'subowner-show':
      return ['subowners/get', { id: subowner }]
    case 'subowner-list':
      return ['subowners/list', {}]
    case 'access-on':
      return ['api-access/enable', { id }]
    case 'access-new':
      return ['api-access/regenerate', { id, grace: flag ? 0 : 60 }]
    case 'access-off':
      return ['api-access/disable', { id }]
    case 'access-list':
      return ['api-access/whitelist', { id, ips: ips ?? [] }]
    case 'assign':
      return ['slices/assign', { user: id, slices: flag ? ['sports'] : [], servers: wanted.user % 2 ? ['edge-1'] : [] }]
    case 'server-set':
      return ['servers/set', { id: flag ? 'edge-1' : 'edge-9', name: 'mine' }]
    case 'server-remove':
      return ['servers/remove', { id: flag ? 'edge-1' : 'edge-9' }]
    case 'slice-set':
      return ['slices/set', { id: flag ? 'sports' : 'mine', name: 'mine', match: {} }]
    case 'slice-remove':
      return ['slices/remove', { id: flag ? 'sports' : 'mine' }]
    case 'stats-report':
      return ['stats/report', { server: 'edge-1', samples: [sampleOf({ time: now })] }]
    case 'stats-read':
      return pick(statistics(now), wanted.user)
    case 'create':
      return ['keys/create', grant]
    case 'update':
      return ['keys/update', { key, ...grant, enable: flag ? undefined : wanted.user % 3 > 0, comment: 'mine' }]
    case 'rotate':
      return ['keys/rotate', { key, grace: flag ? 0 : 3600 }]
    case 'revoke':
      return ['keys/revoke', { key, cascade: flag }]
    case 'token':
      return [
        'access-tokens/create',
        { permissions: granted, expires_in: typeof hours === 'number' ? hours * 3600 : undefined },
      ]
    case 'untoken':
      return ['access-tokens/revoke', { token_id: pick([...tokens.keys(), 'none'], wanted.key) }]
    case 'import':
      return ['keys/import', { key: `APX${wanted.key}`, secret: 'a-secret-of-24-characters', account: flag ? 1 : 2 }]
    case 'save':
      return ['set-user', { id, user: change(wanted, now) }]
    case 'remove':
      return ['set-user', { id, user: { remove: true } }]
    case 'toggle':
      return ['toggle-user', { id }]
    default:
      return ['get-user', { id }]
  }
}

function change({ key, type: newType, hours }: Single, now: number): object {
  const expire = typeof hours === 'number' ? now + hours * 3600 : 0
  const given = hours === undefined ? {} : { expire }
  return key % 2 ? { ...given, type: newType } : { ...given, token: 'mine' }
}
