import { type AddressList, foldAddress } from './address.js'

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
