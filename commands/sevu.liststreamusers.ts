import { ListedStreamUsers, ListStreamUsers } from '../schemas/stream-users.js'
import { command } from '../src/command.js'

export default command({
  name: 'sevu.liststreamusers',
  summary: 'List who may publish',
  permission: 'streams:read',
  params: ListStreamUsers,
  result: ListedStreamUsers,
  codes: ['STREAM_USERS_LISTED'],
  example: { params: { app: 'demo-origin' }, after: ['sevu.addstreamuser'] },
  async run({ app, stream, page, pagesize }, { store }) {
    const { data, total } = await store.streamUsers.list({ app, stream }, page, pagesize)
    const rows = data.map(({ settings, ...user }) => ({ ...settings, ...user }))
    return ['STREAM_USERS_LISTED', { data: rows, paging: { page, pagesize, total } }]
  },
})
