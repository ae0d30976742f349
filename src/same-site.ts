import type { Wire } from './dialect.js'
import { Refusal } from './refusal.js'

/**
 * Throws 1403 for what a browser sent on behalf of another site: it would add the credentials that it remembers to whatever
 * that site asks for. Programs send neither header.
 */
export function requireSameSite({ origin, secFetchSite, host }: Wire, publicUrl: string): void {
  const here = host === undefined ? undefined : `http://${host}`
  const own = origin === undefined || origin === originOf(publicUrl) || origin === here
  const near = secFetchSite === undefined || secFetchSite === 'none' || secFetchSite === 'same-origin'
  if (!own || !near) throw new Refusal('FORBIDDEN', { message: 'A browser sent this on behalf of another site' })
}

const originOf = (url: string): string | undefined => (url === '' ? undefined : new URL(url).origin)
