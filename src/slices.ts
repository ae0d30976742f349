import type { Caller, Context } from './command.js'
import { requireUserGrantable } from './delegate.js'
import { permissionsOfType } from './permissions.js'
import { Refusal } from './refusal.js'
import type { Scope } from './store/scopes.js'
import type { Slice, SliceMatch } from './store/slices.js'
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

/** What a slice matches: the server, the application and the stream, each by one of its globs. */
export function sliceMatcher({ servers, apps, streams }: SliceMatch): (cell: Cell) => boolean {
  const [ofServer, ofApp, ofStream] = [matcher(servers), matcher(apps), matcher(streams)]
  return ({ server, app, stream }) => ofServer(server) && ofApp(app) && ofStream(stream)
}

function matcher(globs: readonly string[] | undefined): (name: string) => boolean {
  if (globs === undefined) return () => true
  return (name) => globs.some((glob) => matchesGlob(glob, name))
}

/** `*` is any run of characters, everything else is itself. Takes time in proportion to both lengths, whatever the glob. */
export function matchesGlob(glob: string, name: string): boolean {
  const [first = '', ...rest] = glob.split('*')
  const last = rest.pop()
  if (last === undefined) return name === glob
  if (!name.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}
