import { mostKeysShown } from '../schemas/subowners.js'
import type { Caller, Context } from './command.js'
import { mayBeShown, requireGrantable } from './delegate.js'
import { Refusal } from './refusal.js'
import { mostReply, sizeAtLeast, tooLargeToAnswer } from './reply-size.js'
import type { KeyLimits, SecretKeyInfo } from './store/account-keys.js'
import type { Subowner, SubownerPlace } from './store/subowners.js'

const kind = 'subowner'
/** Subowners that one query reads. */
const atOnce = 50
/** Keys that one query reads for them. */
const mostTogether = 500
/** What reading one page of them counts as. */
const workOfPage = 200

/** What a subowner's permissions amount to: `api` is everything, `slice` is no command of this gateway. */
export const heldBySubowner = (permissions: readonly string[]): string[] => (permissions.includes('api') ? ['*'] : [])

/** Throws 1403 unless the caller holds what a subowner of these permissions holds (protocol §11). */
export function requireOverSubowner(caller: Caller, permissions: readonly string[]): void {
  if (caller.holdsAll(heldBySubowner(permissions))) return
  throw new Refusal('FORBIDDEN', { message: 'A subowner with the permission api holds more than you do' })
}

/** Throws 1403 when a change gives a subowner rights while one of its keys works where or when the caller may not. */
export function requireRaisable(
  caller: Caller,
  before: readonly string[],
  after: readonly string[],
  keys: readonly KeyLimits[],
): void {
  if (heldBySubowner(after).length <= heldBySubowner(before).length) return
  for (const { addresses, expiresAt } of keys) requireGrantable(caller, { ips: addresses, expires_at: expiresAt })
}

export const subownerPrincipal = (id: string): Caller['principal'] => ({ kind, id })

/** What is told of a subowner; its secrets are null to whoever may not be shown them. `made`: a secret that this very command made. */
export interface ShownSubowner {
  readonly username: string
  readonly permissions: string[]
  readonly key_id: string
  readonly api_key: string | null
  readonly all_api_keys: Record<string, { enabled: boolean }> | null
  readonly id: string
}

/** A subowner as it is shown to a caller, with the keys that it has. */
export function shownSubowner(
  subowner: Subowner,
  keys: readonly SecretKeyInfo[],
  { caller, now, reveals }: Pick<Context, 'caller' | 'now' | 'reveals'>,
): ShownSubowner {
  const { id, username, permissions, keyId } = subowner
  const revealed =
    caller.holds('secrets:read') &&
    caller.holdsAll(heldBySubowner(permissions)) &&
    keys.every((key) => mayBeShown(caller, key))
  if (revealed) for (const key of keys) reveals(key.keyId)
  const current = keys.find((key) => key.keyId === keyId)
  return {
    username,
    permissions: [...permissions],
    key_id: keyId,
    api_key: revealed ? (current?.secrets[0]?.secret ?? null) : null,
    all_api_keys: revealed ? Object.fromEntries(keys.flatMap((key) => secretsOf(key, now))) : null,
    id,
  }
}

function secretsOf(key: SecretKeyInfo, now: number): [string, { enabled: boolean }][] {
  const live = key.enable && key.revokedAt === null && (key.expiresAt === null || key.expiresAt > now)
  return key.secrets.map(({ secret, until }) => [secret, { enabled: live && (until === null || until > now) }])
}

/** Where and until when the keys of a subowner work. */
export const subownerKeyLimits = ({ store }: Pick<Context, 'store'>, id: string): Promise<KeyLimits[]> =>
  store.accountKeys.limitsOf({ kind, id })

/** The keys of a subowner that are told: its key, and as many of its newest ones as a reply may have. */
export async function shownKeysOf(
  { id, keyId }: Subowner,
  { store }: Pick<Context, 'store'>,
): Promise<readonly SecretKeyInfo[]> {
  const newest = await store.accountKeys.newestWithSecrets({ kind, id }, mostKeysShown)
  if (newest.length < mostKeysShown || newest.some((key) => key.keyId === keyId)) return newest
  return [...(await store.accountKeys.withSecretsOf([keyId])), ...newest.slice(1)]
}

/** Subowners as they are shown to a caller: their keys are read together, unless some of them have very many. */
export async function shownSubowners(
  subowners: readonly Subowner[],
  context: Pick<Context, 'caller' | 'now' | 'store' | 'reveals'>,
): Promise<ShownSubowner[]> {
  const ids = subowners.map(({ id }) => id)
  const together = await context.store.accountKeys.withSecretsOfMany(kind, ids, mostTogether)
  const keysOf = new Map<string, SecretKeyInfo[]>(ids.map((id) => [id, []]))
  for (const key of together ?? []) keysOf.get(key.principal.id)?.push(key)
  const shown: ShownSubowner[] = []
  for (const one of subowners) {
    const all = together && keysOf.get(one.id)
    const keys = all && all.length <= mostKeysShown ? all : await shownKeysOf(one, context)
    shown.push(shownSubowner(one, keys, context))
  }
  return shown
}

/** Every subowner of the account. Throws 1414 as soon as they are more than a reply may have. */
export async function allSubowners(
  context: Pick<Context, 'caller' | 'now' | 'store' | 'reveals' | 'pace'>,
): Promise<ShownSubowner[]> {
  const all: ShownSubowner[] = []
  let size = 0
  let place: SubownerPlace | undefined
  do {
    const { subowners, last } = await context.store.subowners.following(place, atOnce)
    const shown = await shownSubowners(subowners, context)
    size += sizeAtLeast(shown)
    if (size > mostReply) throw tooLargeToAnswer(false)
    all.push(...shown)
    place = last
    if (context.pace.isDue(workOfPage)) await context.pace.rest()
  } while (place)
  return all
}
