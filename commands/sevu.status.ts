import { Ticket, TicketRef } from '../schemas/tickets.js'
import { command, shownTicket } from '../src/command.js'

export default command({
  name: 'sevu.status',
  summary: 'Show a playback ticket',
  permission: 'streams:read',
  params: TicketRef,
  result: Ticket,
  codes: ['TICKET_NOT_FOUND', 'TICKET_FOUND'],
  example: { params: { key: 'ticket.ea703ab1009e6c55c546efe7d052a013.1882249434' }, after: ['sevu.request'] },
  async run({ key }, { store, now }) {
    const ticket = await store.tickets.find(key)
    return ticket ? ['TICKET_FOUND', shownTicket(ticket, now)] : ['TICKET_NOT_FOUND']
  },
})
