import { TicketRef } from '../schemas/tickets.js'
import { Nothing } from '../schemas/types.js'
import { command } from '../src/command.js'

export default command({
  name: 'sevu.revoke',
  summary: 'End a playback ticket',
  permission: 'streams:write',
  params: TicketRef,
  result: Nothing,
  codes: ['TICKET_NOT_REVOKED', 'TICKET_REVOKED'],
  example: { params: { key: 'ticket.ea703ab1009e6c55c546efe7d052a013.1882249434' }, after: ['sevu.request'] },
  lock: false,
  async run({ key }, { store, audit }) {
    if (!(await store.tickets.revoke(key))) return ['TICKET_NOT_REVOKED']
    audit({ active: true }, { active: false })
    return ['TICKET_REVOKED']
  },
})
