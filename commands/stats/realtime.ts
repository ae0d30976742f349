import { AskRealtime, Realtime } from '../../schemas/statistics.js'
import { command, countedOf, viewOf } from '../../src/command.js'

const minute = 60

export default command({
  name: 'stats/realtime',
  summary:
    'Tell who watches now: the last minute, by server, application, stream or slice; only what you were assigned',
  permission: 'stats:read',
  params: AskRealtime,
  result: Realtime,
  codes: ['REALTIME_NOT_TOLD', 'REALTIME_TOLD'],
  example: { params: { slice: 'sports', group_by: 'stream' }, after: ['stats/report', 'slices/set'] },
  target: ({ server, slice }) => server ?? slice,
  async run({ server, slice, group_by: by }, context) {
    const view = await viewOf({ server, slice, group_by: by }, context)
    if (!view) return ['REALTIME_NOT_TOLD']
    const [from, to] = [context.now - minute, context.now]
    return ['REALTIME_TOLD', { from, to, ...(await countedOf({ from, to, by }, view, context)) }]
  },
})
