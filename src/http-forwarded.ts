import type { IncomingMessage } from 'node:http'
import { type AddressList, foldAddress } from './address.js'
import type { EndpointParts } from './http-parts.js'

/** Proxies in a row. A client may have begun the header with as many addresses as fit, and each is looked up. */
const maxHops = 32

/**
 * What the last hop of an X-Forwarded-For that is no trusted proxy was seen as, or else the first hop that is read: from
 * the end, since every proxy adds there and a client can write what it likes before.
 */
export function forwardedFor(header: string, trusted: AddressList): string {
  let hop = ''
  let end = header.length
  for (let i = 0; i < maxHops && end >= 0; i++) {
    const comma = end === 0 ? -1 : header.lastIndexOf(',', end - 1)
    hop = foldAddress(printable(header.slice(comma + 1, end).trim()))
    if (!trusted.has(hop)) break
    end = comma
  }
  return hop
}

/** A proxy may hand on what somebody else wrote: no more of it than an address can have reaches a log or the audit trail. */
const printable = (hop: string): string => hop.slice(0, 64).replace(/[^\x21-\x7e]/g, '?')

/** Tells the caller's address: the peer, or what {@link forwardedFor} reads from a trusted proxy. */
export function forwardedAddress({
  trustProxy,
  onUntrustedProxy,
}: Pick<EndpointParts, 'trustProxy' | 'onUntrustedProxy'>): (req: IncomingMessage) => string {
  let warned = false
  return (req) => {
    const peer = foldAddress(req.socket.remoteAddress ?? '')
    const header = req.headers['x-forwarded-for']
    if (header === undefined) return peer
    if (!trustProxy.has(peer)) {
      if (!warned) onUntrustedProxy(peer)
      warned = true
      return peer
    }
    return forwardedFor(String(header), trustProxy)
  }
}
