import { RemoveStreamUser } from '../schemas/stream-users.js'
import { Nothing } from '../schemas/types.js'
import { command } from '../src/command.js'

export default command({
  name: 'sevu.removestreamuser',
  summary: 'Take back the permission to publish: by streamuser_id, or by app, stream and user',
  permission: 'streams:write',
  params: RemoveStreamUser,
  result: Nothing,
  codes: ['STREAM_USER_NOT_REMOVED', 'STREAM_USER_REMOVED'],
  example: { params: { streamuser_id: 1 }, after: ['sevu.addstreamuser'] },
  target: ({ streamuser_id, app, stream, user }) => streamuser_id ?? `${app}/${stream}/${user ?? ''}`,
  lock: false,
  async run(ref, { store, audit }) {
    if (!(await store.streamUsers.remove(ref))) return ['STREAM_USER_NOT_REMOVED']
    audit(ref, undefined)
    return ['STREAM_USER_REMOVED']
  },
})
