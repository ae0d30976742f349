import { AskDaily, Daily } from '../../schemas/statistics.js'
import { command, historyOf, noFigures, readHistory, shownFigures, viewOf } from '../../src/command.js'

const mostRows = 1_000

export default command({
  name: 'stats/daily',
  summary:
    'Tell what a day of the account’s time zone came to, by server, application and stream; only what you were assigned',
  permission: 'stats:read',
  params: AskDaily,
  result: Daily,
  codes: ['DAILY_NOT_TOLD', 'DAILY_TOLD'],
  example: { params: { date: '2026-11-22' }, after: ['stats/report'] },
  target: ({ date }) => date,
  async run({ date }, context) {
    const view = await viewOf({}, context)
    const { zone, calendar, kept, history } = await historyOf(context)
    const from = calendar.dayNamed(date)
    if (!view || from === undefined || from > context.now || from < kept.days) {
      return ['DAILY_NOT_TOLD']
    }
    const plan = { from, to: calendar.nextDay(from), rows: 'days', together: false } as const
    const [totals] = await readHistory(history, plan, view, undefined, context.pace)
    const by = async (what: 'server' | 'app' | 'stream') => {
      const rows = await readHistory(history, plan, view, what, context.pace)
      return rows.slice(0, mostRows).map((row) => ({ group: row.group, ...shownFigures(row) }))
    }
    return [
      'DAILY_TOLD',
      {
        date,
        from,
        to: plan.to,
        time_zone: zone,
        totals: shownFigures(totals ?? noFigures),
        servers: await by('server'),
        apps: await by('app'),
        streams: await by('stream'),
      },
    ]
  },
})
