import { type CodeEntry, codes, gatewayCodes, isDone } from '../../schemas/codes.js'

/** Ends of the program (protocol §12). */
export const exits = {
  done: 0,
  notDone: 1,
  usage: 2,
  unauthenticated: 3,
  forbidden: 4,
  notFound: 5,
  exists: 6,
  network: 7,
  unavailable: 8,
  configuration: 78,
} as const

const { UNAUTHENTICATED, STALE, KEY_INACTIVE, FORBIDDEN, ADDRESS_REFUSED, UNKNOWN_COMMAND } = gatewayCodes
const { REPLAYED, IDEMPOTENCY_MISMATCH, IN_PROGRESS, RATE_LIMITED } = gatewayCodes

const groups: readonly (readonly [exit: number, entries: readonly CodeEntry[]])[] = [
  [exits.unauthenticated, [UNAUTHENTICATED, STALE, KEY_INACTIVE]],
  [exits.forbidden, [FORBIDDEN, ADDRESS_REFUSED]],
  [exits.notFound, [UNKNOWN_COMMAND]],
  [exits.exists, [REPLAYED, IDEMPOTENCY_MISMATCH, IN_PROGRESS]],
  [exits.unavailable, [RATE_LIMITED]],
]

const byNumber = new Map(Object.entries(codes).map(([name, entry]) => [entry.code, { name, entry }]))

/** How the program ends after a reply with this code. */
export function exitOf(code: number): number {
  const group = groups.find(([, entries]) => entries.some((entry) => entry.code === code))
  if (group) return group[0]
  const known = byNumber.get(code)
  if (known && Object.hasOwn(gatewayCodes, known.name))
    return known.entry.http >= 500 ? exits.unavailable : exits.notDone
  if (isDone(code)) return exits.done
  if (known?.name.endsWith('_EXISTS')) return exits.exists
  return known?.entry.http === 404 ? exits.notFound : exits.notDone
}
