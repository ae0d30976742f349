import { AskIndepth, Indepth } from '../../schemas/statistics.js'
import { command, historyOf, planOf, readHistory, shownFigures, viewOf } from '../../src/command.js'

export default command({
  name: 'stats/indepth',
  summary:
    'Tell what a time came to, by minutes, hours or days and by server, application, stream or slice; only what you were assigned',
  permission: 'stats:read',
  params: AskIndepth,
  result: Indepth,
  codes: ['INDEPTH_NOT_TOLD', 'INDEPTH_TOLD'],
  example: {
    params: { from: 1795330800, to: 1795334400, bucket: '1h', group_by: 'stream' },
    after: ['stats/report'],
  },
  target: ({ server, slice }) => server ?? slice,
  async run({ from, to, bucket, server, slice, group_by: by, page = 1, pagesize = 1_000 }, context) {
    const view = await viewOf({ server, slice, group_by: by }, context)
    if (!view) return ['INDEPTH_NOT_TOLD']
    const { zone, calendar, kept, history } = await historyOf(context)
    const plan = planOf({ from, to }, bucket, calendar, kept)
    const rows = await readHistory(history, plan, view, by, context.pace)
    const paged = rows.slice((page - 1) * pagesize, page * pagesize)
    const shown = paged.map(({ from, group, ...figures }) => ({
      from,
      ...(by !== undefined && { group }),
      ...shownFigures(figures),
    }))
    return [
      'INDEPTH_TOLD',
      { from: plan.from, to: plan.to, time_zone: zone, rows: shown, paging: { page, pagesize, total: rows.length } },
    ]
  },
})
