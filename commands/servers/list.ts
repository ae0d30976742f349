import { ListedServers } from '../../schemas/servers.js'
import { Nothing } from '../../schemas/types.js'
import { command, isHeld, scopeOf } from '../../src/command.js'

export default command({
  name: 'servers/list',
  summary: 'List the media servers of the account, or those that you were assigned',
  permission: 'servers:read',
  params: Nothing,
  result: ListedServers,
  codes: ['SERVERS_LISTED'],
  example: { params: {}, after: ['servers/set'] },
  async run(_params, context) {
    const held = (await scopeOf(context))?.servers ?? []
    const servers = await context.store.servers.list()
    return ['SERVERS_LISTED', { servers: servers.filter(({ id }) => isHeld(held, id)) }]
  },
})
