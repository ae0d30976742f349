/** A path to a secret in a result: member names, `*` for every element of a list. */
export type SecretPath = readonly string[]

/** Where the results of a schema hold secrets: whatever is marked `secret: true`, a map marked so as a whole. */
export function secretPathsOf(schema: object): SecretPath[] {
  if ('secret' in schema && schema.secret === true) return [[]]
  if ('properties' in schema) {
    return Object.entries(Object(schema.properties)).flatMap(([name, inner]) =>
      secretPathsOf(Object(inner)).map((path) => [name, ...path]),
    )
  }
  if ('items' in schema) return secretPathsOf(Object(schema.items)).map((path) => ['*', ...path])
  return []
}

/** Whether a result shows some secret: a value other than null where its schema has one. */
export function showsSecret(result: unknown, paths: readonly SecretPath[]): boolean {
  return paths.some((path) => shown(result, path))
}

function shown(value: unknown, [name, ...rest]: SecretPath): boolean {
  if (name === undefined) return value !== null && value !== undefined
  if (typeof value !== 'object' || value === null) return false
  if (name === '*') return Array.isArray(value) && value.some((element) => shown(element, rest))
  return Object.hasOwn(value, name) && shown(Reflect.get(value, name), rest)
}

/** A copy of the result with null in place of every secret. */
export function withhold<T>(result: T, paths: readonly SecretPath[]): T {
  if (!showsSecret(result, paths)) return result
  const copy = structuredClone(result)
  for (const path of paths) blank(copy, path)
  return copy
}

function blank(value: unknown, [name, ...rest]: SecretPath): void {
  if (name === undefined || typeof value !== 'object' || value === null) return
  if (name === '*') {
    if (Array.isArray(value)) for (const element of value) blank(element, rest)
  } else if (Object.hasOwn(value, name)) {
    if (rest.length === 0) Reflect.set(value, name, null)
    else blank(Reflect.get(value, name), rest)
  }
}
