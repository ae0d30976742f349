/** `noun:read`, `noun:write`, `noun:*`, `*:read`, `*`, or `instance` (protocol §11). */
export type Permission = string

/** Whether holding `held` includes `wanted`. `secrets:read` is included in itself and in `*` only, `instance` in itself only. */
export function includes(held: Permission, wanted: Permission): boolean {
  if (held === wanted) return true
  if (wanted === 'instance' || held === 'instance') return false
  if (held === '*') return true
  if (wanted === '*' || wanted === 'secrets:read') return false
  const [noun, verb] = wanted.split(':')
  return held === `${noun}:*` || (held === '*:read' && verb === 'read')
}

export const covers = (held: readonly Permission[], wanted: Permission): boolean =>
  held.some((permission) => includes(permission, wanted))

/** What both lists allow, as a list without anything included in another entry. */
export function intersect(a: readonly Permission[], b: readonly Permission[]): Permission[] {
  const met = a.flatMap((x) => b.map((y) => meet(x, y)).filter((permission) => permission !== undefined))
  const unique = [...new Set(met)]
  return unique.filter((permission) => !unique.some((other) => other !== permission && includes(other, permission)))
}

function meet(a: Permission, b: Permission): Permission | undefined {
  if (includes(a, b)) return b
  if (includes(b, a)) return a
  const noun = a === '*:read' ? b : b === '*:read' ? a : ''
  return noun.endsWith(':*') && noun !== 'secrets:*' ? `${noun.slice(0, -1)}read` : undefined
}

/** What a key allows together with its principal; when `own` is null, a panel user's type and what it was assigned decide. */
export const effective = (
  key: readonly Permission[],
  own: readonly Permission[] | null,
  type: number | null,
  assigned: boolean,
): Permission[] => intersect(key, own ?? permissionsOfType(type ?? 0, assigned))

/** What something that is made now may ever allow: what its maker holds, but `instance`, which nobody can give. */
export const ceilingOf = (held: readonly Permission[]): Permission[] =>
  held.filter((permission) => permission !== 'instance')

/** Whoever was assigned slices or servers reads them, and statistics cut to them. */
const ofAssigned: readonly Permission[] = ['stats:read', 'slices:read', 'servers:read']

/** What a panel user's type allows: 1 administrator, 2 observer, 3 nothing but itself and what is assigned to it. */
export function permissionsOfType(type: number, assigned = false): Permission[] {
  if (type === 1) return ['*']
  if (type === 2) return ['*:read']
  return assigned ? [...ofAssigned] : []
}
