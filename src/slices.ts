import type { Caller, Context } from './command.js'
import { requireUserGrantable } from './delegate.js'
import { permissionsOfType } from './permissions.js'
import { Refusal } from './refusal.js'
import type { Scope } from './store/scopes.js'
import type { Slice } from './store/slices.js'
import type { AssignedUser } from './store/users.js'

/** One stream on one server. */
export interface Cell {
  readonly server: string
  readonly app: string
  readonly stream: string
}

/**
 * What the caller was assigned; undefined where nothing limits what it sees of its account. Nobody who is limited holds a
 * permission to write, so none can widen what it was given.
 */
export async function scopeOf({ caller, store }: Pick<Context, 'caller' | 'store'>): Promise<Scope | undefined> {
  return caller.principal.kind === 'user' ? store.scopes.limiting(caller.principal.id) : undefined
}

/** Whether an id is among what somebody holds; an empty list limits nothing. */
export const isHeld = (held: readonly string[], id: string): boolean => held.length === 0 || held.includes(id)

/** A slice as it is told. */
export const shownSlice = ({ id, name, match: { servers, apps, streams } }: Slice) => ({
  id,
  name,
  match: {
    ...(servers && { servers: [...servers] }),
    ...(apps && { apps: [...apps] }),
    ...(streams && { streams: [...streams] }),
  },
})

/** Throws 1403 unless the caller may give a panel user slices or servers: it holds what that permits, everywhere, and as long. */
export function requireAssignable(caller: Caller, before: AssignedUser): void {
  const after = { ...before, assigned: true }
  if (!caller.holdsAll(permissionsOfType(after.type, true))) {
    throw new Refusal('FORBIDDEN', { message: `You do not hold ${permissionsOfType(after.type, true).join(', ')}` })
  }
  requireUserGrantable(caller, before, after, false)
}
