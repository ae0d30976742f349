import { ListedServers, ListServers } from '../../schemas/servers.js'
import { command, scopeOf } from '../../src/command.js'

export default command({
  name: 'servers/list',
  summary: 'List the media servers of the account, or those that you were assigned',
  permission: 'servers:read',
  params: ListServers,
  result: ListedServers,
  codes: ['SERVERS_LISTED'],
  example: { params: {}, after: ['servers/set'] },
  async run({ page, pagesize }, context) {
    const held = (await scopeOf(context))?.servers ?? []
    const { servers, total } = await context.store.servers.page(held, page, pagesize)
    return ['SERVERS_LISTED', { servers, paging: { page, pagesize, total } }]
  },
})
