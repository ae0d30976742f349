import type { Carrier, Dialect } from './dialect.js'

/** The dialect whose own path it is. */
export const ownerOf = (path: string, dialects: readonly Dialect[]): Dialect | undefined =>
  dialects.find((dialect) => dialect.methods?.(path) !== undefined)

/** The second step: the first dialect that knows the spelling. Native, which is last, takes what nobody else does. */
export function recognise(carrier: Carrier, dialects: readonly Dialect[], fallback: Dialect): Dialect {
  return dialects.find((dialect) => dialect.recognises(carrier)) ?? fallback
}
