/** A path to a secret in a result: member names, `*` for every element of a list or member of a map. */
export type SecretPath = readonly string[]

/** Where the results of a schema hold secrets: whatever is marked `secret: true`, a map marked so as a whole. */
export function secretPathsOf(schema: object): SecretPath[] {
  // A result marked as a whole stays an object, without any of its values.
  return pathsOf(schema).map((path) => (path.length === 0 ? ['*'] : path))
}

function pathsOf(schema: object): SecretPath[] {
  if ('secret' in schema && schema.secret === true) return [[]]
  return [
    ...variants(schema).flatMap(pathsOf),
    ...members(schema).flatMap(([name, inner]) => pathsOf(Object(inner)).map((path) => [name, ...path])),
  ]
}

const variants = (schema: object): object[] =>
  ['anyOf', 'oneOf', 'allOf'].flatMap((keyword) => Object.values(Object(Reflect.get(schema, keyword))))

/** The schemas of what a value holds, each with its name or `*`. */
function members(schema: object): (readonly [name: string, schema: unknown])[] {
  const named = (keyword: string) => Object.entries(Object(Reflect.get(schema, keyword)))
  const every = ['items', 'additionalProperties'].filter((keyword) => Reflect.has(schema, keyword))
  return [
    ...named('properties'),
    ...named('patternProperties').map(([, inner]) => ['*', inner] as const),
    ...every.map((keyword) => ['*', Reflect.get(schema, keyword)] as const),
  ]
}

/** Whether a result shows some secret: a value other than null where its schema has one. */
export function showsSecret(result: unknown, paths: readonly SecretPath[]): boolean {
  return paths.some((path) => shown(result, path))
}

function shown(value: unknown, [name, ...rest]: SecretPath): boolean {
  if (name === undefined) return value !== null && value !== undefined
  if (typeof value !== 'object' || value === null) return false
  if (name === '*') return Object.values(value).some((inner) => shown(inner, rest))
  return Object.hasOwn(value, name) && shown(Reflect.get(value, name), rest)
}

/** A copy of the result with null in place of every secret. */
export function withhold<T>(result: T, paths: readonly SecretPath[]): T {
  if (!showsSecret(result, paths)) return result
  const copy = structuredClone(result)
  for (const path of paths) blank(copy, path)
  return copy
}

function blank(value: unknown, [name, ...rest]: SecretPath): unknown {
  if (name === undefined) return null
  if (typeof value !== 'object' || value === null) return value
  for (const member of name === '*' ? Object.keys(value) : [name]) {
    if (Object.hasOwn(value, member)) Reflect.set(value, member, blank(Reflect.get(value, member), rest))
  }
  return value
}
