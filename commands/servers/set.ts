import { SavedServer, SetServer } from '../../schemas/servers.js'
import { command } from '../../src/command.js'

const mostServers = 10_000

export default command({
  name: 'servers/set',
  summary: 'Name a media server, or change what is said of one',
  permission: 'servers:write',
  params: SetServer,
  result: SavedServer,
  codes: ['SERVER_NOT_SAVED', 'SERVER_SAVED'],
  example: { params: { id: 'edge-1', name: 'Edge, Berlin', host: 'edge-1.example.org' } },
  target: ({ id }) => id,
  async run({ id, name, host }, { store, now, audit }) {
    const before = await store.servers.find(id)
    const after = { id, name, host: host ?? before?.host ?? '' }
    await store.servers.set(after, now)
    if (!before && (await store.servers.count()) > mostServers) return ['SERVER_NOT_SAVED']
    audit(before, after)
    return ['SERVER_SAVED', { id, created: !before }]
  },
})
