import { RequestedTicket, RequestTicket } from '../schemas/tickets.js'
import { command, invalid, playableFrom, readExpiry, shownTicket } from '../src/command.js'

export default command({
  name: 'sevu.request',
  summary: 'Make a playback ticket for videos, applications and addresses',
  permission: 'streams:write',
  params: RequestTicket,
  result: RequestedTicket,
  codes: ['TICKET_NOT_MADE', 'TICKET_MADE'],
  example: { params: { app: 'demo-edge', video: 'live/mystream', ip: '192.0.2.0/24', uses: 1, expire: '+2 hours' } },
  lock: false,
  async run({ pass, ip, video, app, uses = 0, expire, expires }, { caller, store, now, id, audit }) {
    const from = playableFrom(ip ?? '0.0.0.0/0', caller.address)
    if (from === undefined) throw invalid('/ip', 'must be addresses and CIDR blocks joined by |, auto or auto/24')
    const given = expire ?? expires
    const end = given === undefined ? 0 : readExpiry(given, now)
    if (end === undefined) {
      const path = expire === undefined ? '/expires' : '/expire'
      throw invalid(path, 'must be Y-m-d H:i:s in UTC, ISO 8601, or +N seconds, minutes, hours, days or weeks')
    }
    const digits = String(Number.parseInt(id().slice(0, 8), 16)).padStart(10, '0')
    const ticket = {
      ticket: `${pass || 'ticket'}.${id()}.${digits}`,
      app,
      video,
      ip: from,
      uses,
      used: 0,
      active: true,
      created_at: now,
      used_at: 0,
      expire_at: end,
    }
    if (end !== 0 && end <= now) return ['TICKET_NOT_MADE']
    if (!(await store.tickets.insert(ticket))) return ['TICKET_NOT_MADE']
    // Whoever has the key may play: the trail does not show it.
    audit(undefined, { app, video, ip: from, uses, expire_at: end })
    return ['TICKET_MADE', { ticket: shownTicket(ticket, now) }]
  },
})
