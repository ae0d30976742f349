import type { Authority } from './authority.js'
import { closest } from './closest.js'
import type { Caller, Command } from './command.js'
import type { Dialect, Message } from './dialect.js'
import { findNul, type JsonValue } from './json.js'
import type { CheckParams } from './params.js'
import { covers } from './permissions.js'
import { type Fault, Refusal } from './refusal.js'
import type { SecretPath } from './secrets.js'

/** A command with its compiled parameters. */
export interface Registered {
  readonly command: Command
  readonly check: CheckParams
  /** Where its result to these parameters holds secrets. */
  readonly secretPaths: (params: Record<string, unknown>) => readonly SecretPath[]
}

export type Registry = ReadonlyMap<string, Registered>

/** 1407 unless key and principal may act now, 1406 unless from this address. */
export function requireActive(authority: Authority, address: string, now: number): void {
  const expired = authority.expiresAt !== null && authority.expiresAt <= now
  if (!authority.enabled || expired) throw new Refusal('KEY_INACTIVE')
  if (authority.addresses && !authority.addresses.has(address)) throw new Refusal('ADDRESS_REFUSED', { address })
}

/** 1403 when the message is meant for another account or another instance, or must not do here what it would. */
export function requireMeant(
  { cdn, audience, misdirected, proof }: Pick<Message, 'cdn' | 'audience' | 'misdirected' | 'proof'>,
  authority: Authority,
  here: { readonly audience: string; readonly requireAudience: boolean },
): void {
  if (cdn !== undefined && cdn !== authority.account) {
    throw new Refusal('FORBIDDEN', { message: 'cdn is not the account of this key' })
  }
  // A bearer token is known to one instance alone.
  const required = here.requireAudience && proof.kind !== 'token'
  if (audience === undefined ? required : audience !== here.audience) {
    throw new Refusal('FORBIDDEN', { message: 'The message is for another audience' })
  }
  if (misdirected !== undefined) throw new Refusal('FORBIDDEN', { message: misdirected })
}

/** 1404, with the nearest name. A command that the dialect does not serve is none. */
export function requireKnown(name: string, registry: Registry, dialect?: Pick<Dialect, 'serves'>): Registered {
  const registered = registry.get(name)
  if (registered && (!dialect?.serves || dialect.serves(name))) return registered
  const served = [...registry.keys()].filter((other) => !dialect?.serves || dialect.serves(other))
  const suggestion = closest(name, served)
  throw new Refusal('UNKNOWN_COMMAND', suggestion === undefined ? {} : { suggestion })
}

/** 1403 unless the caller holds what the command asks for, or the call concerns the caller alone. */
export function requirePermission(
  { permission, own }: Command,
  caller: Caller,
  params: Readonly<Record<string, unknown>>,
): void {
  if (caller.powerless) throw new Refusal('FORBIDDEN', { message: 'You are granted nothing here' })
  if (permission !== null && !caller.holds(permission) && !own?.(params, caller.principal)) {
    throw new Refusal('FORBIDDEN', { message: `This needs the permission ${permission}` })
  }
}

/** 1422 with every fault; afterwards the parameters are as the schema says, defaults included. */
export function requireValid({ check }: Registered, params: Record<string, unknown>, hasNul: boolean): void {
  const faults = [...check(params)]
  // Everything here was read from JSON; only a NUL that is somewhere makes it worth looking for.
  const nul = hasNul ? findNul(params as Record<string, JsonValue>) : undefined
  if (nul !== undefined) faults.push({ path: nul, message: 'must not contain U+0000' })
  if (faults.length > 0) throw new Refusal('INVALID_PARAMS', { message: summary(faults), errors: faults })
}

function summary(faults: readonly Fault[]): string {
  const [{ path, message } = { path: '', message: '' }, ...others] = faults
  return `Invalid parameters: ${path || 'the request'} ${message}${others.length > 0 ? `, and ${others.length} more` : ''}`
}

/** What commands are told of whoever calls; without a key id it is the command line. */
export function callerOf(
  authority: Pick<Authority, 'account' | 'principal' | 'permissions' | 'addresses' | 'expiresAt' | 'ownExpiresAt'> & {
    readonly keyId?: string | null
    readonly powerless?: boolean
  },
  address: string,
): Caller {
  const { permissions } = authority
  return {
    account: authority.account,
    principal: authority.principal,
    keyId: authority.keyId ?? null,
    address,
    powerless: authority.powerless ?? false,
    permissions,
    addresses: authority.addresses,
    expiresAt: authority.expiresAt,
    ownExpiresAt: authority.ownExpiresAt,
    holds: (permission) => covers(permissions, permission),
    holdsAll: (wanted) => wanted.every((permission) => covers(permissions, permission)),
  }
}
