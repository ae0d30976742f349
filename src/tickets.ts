import { addressList } from './address.js'
import type { Ticket } from './store/tickets.js'

const units: ReadonlyMap<string, number> = new Map([
  ['second', 1],
  ['minute', 60],
  ['hour', 3_600],
  ['day', 86_400],
  ['week', 604_800],
])
const latest = 253_402_300_799

/** When a ticket ends, Unix seconds: `Y-m-d H:i:s` in UTC, ISO 8601, or `+N unit` from now; undefined when it is none of them. */
export function readExpiry(text: string, now: number): number | undefined {
  const relative = /^\+\s?([0-9]{1,9})\s?([a-z]+?)s?$/.exec(text.trim().toLowerCase())
  const unit = relative && units.get(relative[2] ?? '')
  if (relative) return unit ? bounded(now + Number(relative[1]) * unit) : undefined
  const match = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/.exec(
    text.trim(),
  )
  if (!match) return undefined
  const [, date = '', time = '00:00:00', zone = 'Z'] = match
  const milliseconds = Date.parse(`${date}T${time}${zone}`)
  const midnight = Date.parse(`${date}T00:00:00Z`)
  // Date.parse lets 31 April become 1 May.
  const exists = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date)
  return Number.isNaN(milliseconds) || !exists ? undefined : bounded(Math.floor(milliseconds / 1000))
}

const bounded = (moment: number): number | undefined => (moment >= 0 && moment <= latest ? moment : undefined)

/** The list of addresses a ticket may be used from, `auto` replaced by the caller's; undefined when it cannot be read. */
export function playableFrom(ip: string, address: string): string | undefined {
  const entries = ip.split('|').map((entry) => entry.trim())
  try {
    const list = entries.map((entry) => (entry.startsWith('auto') ? network(address, entry.slice(4)) : entry))
    addressList(list)
    return list.join('|')
  } catch {
    return undefined
  }
}

function network(address: string, mask: string): string {
  if (mask === '') return address
  const bits = /^\/([0-9]{1,2})$/.exec(mask)?.[1]
  if (bits === undefined || !/^[0-9.]+$/.test(address) || Number(bits) > 32) throw new Error('no mask for this address')
  const parts = address.split('.').map(Number)
  const kept = parts.map((part, index) => part & (0xff00 >> Math.min(8, Math.max(0, Number(bits) - index * 8))))
  return `${kept.join('.')}/${bits}`
}

/** A ticket as the vendor shows it: dates in UTC, `0000-00-00 00:00:00` for never. */
export function shownTicket(ticket: Ticket, now: number) {
  const { app, video, ip, uses, active } = ticket
  const usable = active && (ticket.expire_at === 0 || ticket.expire_at > now) && (uses === 0 || ticket.used < uses)
  return {
    key: ticket.ticket,
    app,
    video,
    ip,
    uses,
    active: usable,
    created_date: date(ticket.created_at),
    used_date: date(ticket.used_at),
    expire_date: date(ticket.expire_at),
  }
}

const date = (moment: number): string =>
  moment === 0 ? '0000-00-00 00:00:00' : new Date(moment * 1000).toISOString().slice(0, 19).replace('T', ' ')
