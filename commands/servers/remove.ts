import { ServerRef } from '../../schemas/servers.js'
import { Nothing } from '../../schemas/types.js'
import { command } from '../../src/command.js'

export default command({
  name: 'servers/remove',
  summary: 'Remove a media server that nobody is assigned',
  permission: 'servers:write',
  params: ServerRef,
  result: Nothing,
  codes: ['SERVER_NOT_REMOVED', 'SERVER_ASSIGNED', 'SERVER_REMOVED'],
  example: { params: { id: 'edge-1' }, after: ['servers/set'] },
  target: ({ id }) => id,
  async run({ id }, { store, audit }) {
    const before = await store.servers.find(id)
    if (!before) return ['SERVER_NOT_REMOVED']
    // Whoever has it would be limited by one server less, perhaps by none.
    if (await store.scopes.isAssigned('servers', id)) return ['SERVER_ASSIGNED']
    await store.servers.remove(id)
    audit(before, undefined)
    return ['SERVER_REMOVED']
  },
})
