import { AddedStreamUser, AddStreamUser } from '../schemas/stream-users.js'
import { command } from '../src/command.js'

export default command({
  name: 'sevu.addstreamuser',
  summary: 'Permit a user to publish a stream',
  permission: 'streams:write',
  params: AddStreamUser,
  result: AddedStreamUser,
  codes: ['STREAM_USER_EXISTS', 'STREAM_USER_ADDED'],
  example: { params: { app: 'demo-origin', stream: 'live/mystream', user: 'username_1', pass: null } },
  target: ({ app, stream, user }) => `${app}/${stream}/${user ?? ''}`,
  lock: false,
  async prepare({ pass }, { passwords }) {
    return typeof pass === 'string' ? await passwords.hash(pass) : null
  },
  async run({ app, stream, user, pass: _pass, ...settings }, { store, now, prepared, audit }) {
    const id = await store.streamUsers.insert({ app, stream, user, pass: prepared, settings }, now)
    if (id === undefined) return ['STREAM_USER_EXISTS']
    audit(undefined, { streamuser_id: id, app, stream, user, ...settings })
    return ['STREAM_USER_ADDED', { streamuser_id: id }]
  },
})
