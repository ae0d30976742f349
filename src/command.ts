import type { CommandCode } from '../schemas/codes.js'
import { envelopeMembers, replyMembers } from '../schemas/envelope.js'
import type { Static, TSchema } from '../schemas/types.js'
import type { AddressList } from './address.js'
import type { Passwords } from './passwords.js'
import type { Permission } from './permissions.js'
import type { Pace } from './store/pace.js'
import type { Store } from './store/store.js'

export { accessKey, isLiveKey, isOwnAccess, openAccess, requireOverUser, userMeant } from './api-access.js'
export {
  endFor,
  madeBy,
  makerOf,
  mostLiveKeys,
  passwordCeiling,
  requireGrantable,
  requireHolding,
  requireOver,
  requireShowable,
  requireUpdatable,
  requireUserGrantable,
  signerFor,
} from './delegate.js'
export { historyOf, noFigures, planOf, readHistory, shownFigures } from './history.js'
export type { Permission } from './permissions.js'
export { ceilingOf, permissionsOfType } from './permissions.js'
export { invalid, Refusal } from './refusal.js'
export {
  requireAssignable,
  scopeOf,
  shownSlice,
} from './slices.js'
export { countedOf, viewOf } from './statistics.js'
export type { TokenInfo } from './store/access-tokens.js'
export type { KeyInfo } from './store/account-keys.js'
export type { AssignedUser, PanelUser, UserFields } from './store/users.js'
export { renewSubownerKey } from './subowner-keys.js'
export {
  allSubowners,
  heldBySubowner,
  requireOverSubowner,
  requireRaisable,
  shownKeysOf,
  shownSubowner,
  shownSubowners,
  subownerKeyLimits,
  subownerPrincipal,
} from './subowners.js'
export { playableFrom, readExpiry, shownTicket } from './tickets.js'
export { requireZone } from './zone.js'

/** Who acts: a key of a principal of an account, or the operator at the command line. */
export interface Caller {
  readonly account: number
  readonly principal: { readonly kind: string; readonly id: string }
  /** Null for the command line. */
  readonly keyId: string | null
  readonly address: string
  /** Where its key may be used from; undefined for anywhere. What it makes may not be used elsewhere. */
  readonly addresses: AddressList | undefined
  /** When its key or principal ends, Unix seconds; null for never. What it makes may not last longer. */
  readonly expiresAt: number | null
  /** The same of the key alone: an end of the principal holds for everything that is the principal's. */
  readonly ownExpiresAt: number | null
  /** True for a principal that is granted nothing at all: it may not even call what needs no permission. */
  readonly powerless: boolean
  /** What key and principal both allow, now. */
  readonly permissions: readonly Permission[]
  holds(permission: Permission): boolean
  /** Whether the caller holds everything that somebody with these permissions holds (protocol §11). */
  holdsAll(permissions: readonly Permission[]): boolean
}

/** State of one of the caller's requests. */
export interface RequestState {
  readonly state: 'unseen' | 'running' | 'done' | 'void' | 'unknown'
  readonly outcome?: {
    readonly cmd: string
    readonly code: number
    readonly status: string
    readonly message: string
    readonly request_id: string
    readonly result?: object
  }
}

/** For how long what levels of the statistics are kept, in seconds. A sample that comes again is recognised while samples are. */
export interface Keeps {
  readonly samples: number
  readonly minutes: number
  readonly hours: number
  readonly days: number
}

/**
 * What `run` is given. It may await only the store: anything else ends it with 1500. Take its members by name: they are made when they
 * are asked for, so that a copy of it would be empty.
 */
export interface Context<Prepared = undefined> {
  readonly caller: Caller
  readonly store: Store
  /** Unix seconds. */
  readonly now: number
  readonly dryRun: boolean
  readonly keeps: Keeps
  /** For work that takes longer than some milliseconds: `if (pace.isDue()) await pace.rest()`. */
  readonly pace: Pace
  readonly prepared: Prepared
  /** A random id of 32 hex digits. */
  id(): string
  /** A new key id and signing secret. */
  newKey(): { readonly keyId: string; readonly secret: string }
  /** A new bearer token. */
  newToken(): string
  /** Says that the result shows a key's secrets, which from then on never allow more than the caller holds now. */
  reveals(keyId: string): void
  /** Tells the audit trail what changed: never a secret. */
  audit(before: object | undefined, after: object | undefined): void
  /** Runs an item that `prepare` judged, in a savepoint of its own: an even code of it keeps nothing. */
  perform(judged: Judged): Promise<Performed>
  /** The declarations of every command, as published. */
  catalogue(): readonly Published[]
  readonly requests: {
    byKey(idempotencyKey: string): Promise<RequestState>
    byId(requestId: string): Promise<RequestState>
    /** Marks an unseen key so that nothing can run under it; the state that it has afterwards. */
    void(idempotencyKey: string): Promise<RequestState>
  }
}

/** What `prepare` is given: it runs before the transaction and may be slow. */
export interface PrepareContext {
  readonly passwords: Passwords
  /** What is committed; to be read only. */
  readonly store: Store
  /** Random lower-case letters and digits for a person to type, 5 bits each. */
  readable(length: number): string
  /** Admits a command that another one carries, as if it came by itself, and prepares it. */
  judge(item: Item): Promise<Judged>
}

/** A command inside another one. */
export interface Item {
  readonly cmd: string
  readonly params: Record<string, unknown>
}

/** An item after `judge`; for `perform` alone to look into. */
export interface Judged {
  readonly params: Record<string, unknown>
}

/** What an item answers. */
export interface Performed {
  readonly code: number
  readonly done: boolean
  readonly status: string
  readonly message: string
  readonly result?: object
  readonly errors?: { path: string; message: string }[]
  readonly suggestion?: string
}

/** A code, and the result where the code brings one. */
export type Returned<C, R> = readonly [code: C] | readonly [code: C, result: R]

/** Those whose rights a command may change: a panel user of an account, or everybody in it. The caller's account unless another is named. */
export interface Holder {
  readonly account?: number | undefined
  readonly user?: string
}

/** A call to show. `after` names commands whose own examples make what this one needs: they run before it, in order. */
export interface Example<P = object> {
  readonly params: P
  readonly after?: string[]
}

/** The declaration of a command; everything that is published about it comes from here. */
export interface Declaration<P extends TSchema, R extends TSchema, C extends string, Prepared> {
  readonly name: string
  /** One sentence for a person choosing a command. */
  readonly summary: string
  /** Null: any valid signature will do. A permission that ends in `:read`, or none, makes the command a read. */
  readonly permission: Permission | null
  readonly params: P
  readonly result: R
  readonly codes: readonly C[]
  /** A call that answers "done", for docs/commands.md; every command of the gateway has one, an operator's own may. */
  readonly example?: NoInfer<Example<Partial<Static<P>>>>
  /**
   * Whether a call, by parameters that nobody has checked yet, concerns only whoever makes it: then it needs no permission,
   * and `run` decides alone.
   */
  readonly own?: (params: Readonly<Record<string, unknown>>, principal: Caller['principal']) => boolean
  /** What the audit trail names as the object of the command. */
  readonly target?: (params: Static<P>) => string | number | undefined
  /** The items of a command that carries others. It always writes. */
  readonly carries?: (params: Static<P>) => readonly Item[]
  /** Bytes that a message of it may have, where that is more than the gateway takes otherwise. */
  readonly bodyLimit?: number
  /** How many messages it counts as, from parameters that nobody has checked yet. */
  readonly weight?: (params: Readonly<Record<string, unknown>>) => number
  /**
   * False for a write whose every decision is one statement, or takes the account's lock by itself: it need not wait for
   * others of its account. By default nobody else decides anything in the account between what `run` reads and its commit.
   */
  readonly lock?: false
  /** Whose rights a write may change. Without it PostgreSQL runs a command that changed some a second time, under the right locks. */
  readonly changesRights?: (params: Static<P>) => Holder
  readonly prepare?: (params: Static<P>, context: PrepareContext) => Promise<Prepared>
  readonly run: (params: Static<P>, context: Context<Prepared>) => Promise<Returned<NoInfer<C>, Static<R>>>
}

/** A result code of an operator's own command: 10000 and above, even for not done, odd for done. */
export interface OwnCode {
  readonly code: number
  readonly message: string
}

/** A command as the core holds it: what its schemas describe was checked before `prepare` and `run` see it. */
export interface Command {
  readonly name: string
  readonly summary: string
  readonly permission: Permission | null
  readonly params: TSchema
  readonly result: TSchema
  readonly codes: readonly string[]
  readonly ownCodes: ReadonlyMap<string, OwnCode>
  readonly example?: Example
  readonly reads: boolean
  readonly bodyLimit?: number
  /** Whether the account's lock is taken before it runs. */
  readonly locks: boolean
  own?(params: Readonly<Record<string, unknown>>, principal: Caller['principal']): boolean
  target?(params: unknown): string | number | undefined
  carries?(params: unknown): readonly Item[]
  weight?(params: Readonly<Record<string, unknown>>): number
  changesRights?(params: unknown): Holder
  prepare?(params: unknown, context: PrepareContext): Promise<unknown>
  run(params: unknown, context: Context<unknown>): Promise<Returned<string, unknown>>
}

/** What is told of a command. */
export interface Published {
  readonly name: string
  readonly summary: string
  readonly permission: Permission | null
  readonly params: object
  readonly result: object
  readonly codes: { readonly name: string; readonly code: number; readonly message: string }[]
  readonly example?: Example
}

/** Declares one of the gateway's commands. Throws when the declaration breaks a rule of protocol §2. */
export function command<P extends TSchema, R extends TSchema, const C extends CommandCode, Prepared = undefined>(
  declaration: Declaration<P, R, C, Prepared>,
): Command {
  return checked(declaration, new Map())
}

/**
 * Declares an operator's own command: the same, with its own codes by name. Throws like {@link command}, and when a code
 * is below 10000.
 */
export function ownCommand<P extends TSchema, R extends TSchema, Prepared = undefined>(
  declaration: Omit<Declaration<P, R, string, Prepared>, 'codes'> & {
    readonly codes: Readonly<Record<string, OwnCode>>
  },
): Command {
  const own = new Map(Object.entries(declaration.codes))
  for (const [name, { code }] of own) {
    if (!Number.isSafeInteger(code) || code < 10_000) fail(declaration.name, `code ${name} must be 10000 or above`)
  }
  return checked({ ...declaration, codes: [...own.keys()] }, own)
}

function checked<P extends TSchema, R extends TSchema, C extends string, Prepared>(
  declaration: Declaration<P, R, C, Prepared>,
  ownCodes: ReadonlyMap<string, OwnCode>,
): Command {
  const { name, permission, params, result, own, target, carries, weight, changesRights, prepare, run } = declaration
  if (!/^[a-z0-9]+([._/-][a-z0-9]+)*$/.test(name)) fail(name, 'the name must be lower-case words joined by . - _ or /')
  if (permission !== null && !/^([a-z-]+:(read|write)|instance)$/.test(permission))
    fail(name, 'permission must be noun:read or noun:write')
  if (!declaration.summary) fail(name, 'a summary is missing')
  requireClosed(name, 'params', params)
  requireClosed(name, 'result', result)
  if (!('properties' in params)) fail(name, 'params must be an object that lists its members')
  for (const member of Object.keys(members(params))) {
    if (envelopeMembers.has(member)) fail(name, `the parameter ${member} belongs to the envelope`)
  }
  for (const member of resultMembers(name, result)) {
    if (replyMembers.has(member)) fail(name, `the result member ${member} belongs to the reply`)
  }
  if (declaration.codes.length === 0) fail(name, 'at least one code must be declared')
  return {
    name,
    summary: declaration.summary,
    permission,
    params,
    result,
    codes: declaration.codes,
    ownCodes,
    ...(declaration.example && { example: declaration.example }),
    reads: !carries && (permission === null || permission.endsWith(':read')),
    locks: declaration.lock !== false,
    // The compiled schema has checked what these are given before they are called.
    ...(target && { target: (given: unknown) => target(given as Static<P>) }),
    ...(carries && { carries: (given: unknown) => carries(given as Static<P>) }),
    ...(declaration.bodyLimit !== undefined && { bodyLimit: declaration.bodyLimit }),
    ...(own && { own }),
    ...(weight && { weight }),
    ...(changesRights && { changesRights: (given: unknown) => changesRights(given as Static<P>) }),
    ...(prepare && { prepare: (given: unknown, context: PrepareContext) => prepare(given as Static<P>, context) }),
    run: (given: unknown, context: Context<unknown>) => run(given as Static<P>, context as Context<Prepared>),
  }
}

const members = (schema: object): object => ('properties' in schema ? Object(schema.properties) : {})

const listed = (schema: object, keywords: readonly string[]): object[] =>
  keywords.flatMap((keyword) => Object.values(Object(Reflect.get(schema, keyword))))

/** The members that a result may have; fails where that cannot be told. */
function resultMembers(name: string, schema: object): string[] {
  if ('properties' in schema) return Object.keys(members(schema))
  const variants = listed(schema, ['anyOf', 'oneOf'])
  if (variants.length === 0) fail(name, 'result must be an object that lists its members')
  return variants.flatMap((variant) => resultMembers(name, variant))
}

/** Every object that lists its members must refuse others, or a misspelt parameter would be ignored. */
function requireClosed(name: string, path: string, schema: object): void {
  if ('properties' in schema && Reflect.get(schema, 'additionalProperties') !== false)
    fail(name, `${path} must refuse unknown members`)
  for (const [key, inner] of Object.entries(members(schema))) requireClosed(name, `${path}.${key}`, inner)
  for (const inner of listed(schema, ['anyOf', 'oneOf', 'allOf', 'patternProperties'])) requireClosed(name, path, inner)
  if ('items' in schema) requireClosed(name, `${path}[]`, Object(schema.items))
}

function fail(name: string, why: string): never {
  throw new Error(`command "${name}": ${why}`)
}
