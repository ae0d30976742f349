import ipaddr from 'ipaddr.js'

/** A parsed list of addresses and CIDR blocks; an empty list matches nothing. */
export interface AddressList {
  readonly entries: readonly string[]
  has(address: string): boolean
  /** Whether a whole entry of another list lies inside some entry of this one. */
  contains(entry: string): boolean
}

type Block = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** The address as it is compared and shown: an IPv4-mapped IPv6 address is IPv4; a zone is cut off. */
export function foldAddress(address: string): string {
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7)
  return address.includes(':') && ipaddr.IPv6.isValid(address) ? parse(address).toString() : address
}

/** What a limit counts by: an IPv4 address, or the /64 of an IPv6 address. */
export function limitedBy(address: string): string {
  if (!address.includes(':') || !ipaddr.IPv6.isValid(address)) return address
  return `${ipaddr.IPv6.parse(address).parts.slice(0, 4).join(':')}/64`
}

/**
 * Parses addresses and CIDR blocks. Throws an Error naming the first entry that is no address, has a bad mask, or has
 * host bits set: nothing is ever read as "any".
 */
export function addressList(entries: readonly string[]): AddressList {
  const blocks = entries.map(block)
  return {
    entries,
    has(address) {
      const folded = foldAddress(address)
      if (!isAddress(folded)) return false
      const parsed = parse(folded)
      return blocks.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
    },
    contains(entry) {
      const [inner, width] = block(entry)
      return blocks.some(
        ([network, bits]) => network.kind() === inner.kind() && width >= bits && inner.match(network, bits),
      )
    },
  }
}

function block(entry: string): Block {
  const [address = '', mask, ...rest] = entry.split('/')
  if (!isAddress(address) || rest.length > 0 || address.includes('%'))
    throw new Error(`"${entry}" is not an address or a CIDR block`)
  const network = parse(address)
  const mapped = network.kind() === 'ipv4' && address.includes(':')
  const width = network.kind() === 'ipv4' ? 32 : 128
  if (mask === undefined) return [network, width]
  const given = /^(0|[1-9][0-9]{0,2})$/.test(mask) ? Number(mask) : Number.NaN
  const bits = mapped ? given - 96 : given
  if (!(bits >= 0 && bits <= width)) throw new Error(`"${entry}" has no valid mask`)
  if (hostBits(network.toByteArray(), bits)) throw new Error(`"${entry}" has host bits set beyond its mask`)
  return [network, bits]
}

function hostBits(bytes: number[], bits: number): boolean {
  return bytes.some((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8))
    return (byte & (0xff >> kept)) !== 0
  })
}

/** Four decimal parts, or IPv6; ipaddr.js would also read 127.1, 0x7f.0.0.1 and 010.0.0.1, each its own way. */
const isAddress = (address: string): boolean =>
  address.includes(':') ? ipaddr.IPv6.isValid(address) : ipaddr.IPv4.isValidFourPartDecimal(address)

function parse(address: string): ipaddr.IPv4 | ipaddr.IPv6 {
  // ipaddr.js takes ::1.2.3.4, which is plain IPv6 (RFC 4291 §2.5.5.1), for the IPv4-mapped ::ffff:1.2.3.4.
  const parsed = ipaddr.parse(address.replace(/%.*$/, '').replace(/^::(?=[0-9]+\.)/, '0:0:0:0:0:0:'))
  return parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed
}
