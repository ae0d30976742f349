import type { Context } from './command.js'
import { invalid } from './refusal.js'
import type { Cell } from './slices.js'
import { byName, type View } from './statistics.js'
import type { Calendar } from './store/calendar.js'
import type { Figures } from './store/count.js'
import type { Group, History, HistoryRow } from './store/history.js'
import { calendarOf } from './zone.js'

/** What statistics are asked by in time: minutes, hours and days; all of the time together without one. */
export type Bucket = '1m' | '5m' | '1h' | '1d' | undefined

export type GroupBy = keyof Cell | 'slice' | undefined

interface Time {
  readonly from: number
  readonly to: number
}

/** What is known of the caller's account, by the hours and days of its time zone. */
export async function historyOf({ caller, store, now, keeps }: Context): Promise<{
  readonly zone: string
  readonly calendar: Calendar
  readonly history: History
}> {
  const zone = (await store.accounts.find(caller.account))?.time_zone ?? 'UTC'
  const calendar = calendarOf(zone)
  return { zone, calendar, history: store.history(calendar, now - keeps.hours) }
}

const hour = 3_600
const steps = { '1m': 60, '5m': 300 } as const

/** The time that is asked for, rounded outwards to what it is told by. Throws 1422 where that is not kept any more. */
export function timeOf(
  asked: Time,
  bucket: Bucket,
  calendar: Calendar,
  { now, keeps }: Pick<Context, 'now' | 'keeps'>,
): Time {
  if (asked.from >= asked.to) throw invalid('/to', 'must be after /from')
  if (bucket === '1m' || bucket === '5m') {
    requireKept(asked.from, now - keeps.minutes, 'minutes')
    const step = steps[bucket]
    return { from: asked.from - (asked.from % step), to: Math.ceil(asked.to / step) * step }
  }
  const days = { from: calendar.dayOf(asked.from), to: calendar.nextDay(asked.to - 1) }
  if (bucket === '1d') {
    requireKept(asked.from, now - keeps.days, 'days')
    return days
  }
  const hours = { from: calendar.hourOf(asked.from), to: calendar.hourOf(asked.to - 1) + hour }
  if (bucket === '1h') {
    requireKept(asked.from, now - keeps.hours, 'hours')
    return hours
  }
  requireKept(asked.from, now - keeps.days, 'days')
  if (hours.from !== days.from) requireKept(asked.from, now - keeps.hours, 'hours')
  if (hours.to - hours.from <= hour) return hours
  // What is still to come makes no difference, and a whole day is one row.
  if (hours.to > now) return { from: hours.from, to: days.to }
  if (hours.to !== days.to) requireKept(hours.to - 1, now - keeps.hours, 'hours')
  return hours
}

function requireKept(moment: number, oldest: number, what: string): void {
  if (moment < oldest) throw invalid('/from', `must not be before ${oldest}: ${what} are not kept for longer`)
}

/** Reads what groups came to, in the time that {@link timeOf} made. Throws 1422 when that would take too long. */
export async function readHistory(
  history: History,
  { from, to }: Time,
  bucket: Bucket,
  view: View,
  by: GroupBy,
): Promise<HistoryRow[]> {
  const short = bucket === '1m' || bucket === '5m'
  const groups = await groupsOf(history, view, by, short)
  const rows = await (short
    ? history.minutes(groups, from, to, steps[bucket])
    : bucket === '1d'
      ? history.days(groups, from, to)
      : bucket === '1h' || to - from <= hour
        ? history.hours(groups, from, to)
        : history.whole(groups, from, to))
  if (!rows)
    throw invalid('/from', 'is too far from /to for so many streams: ask for a shorter time or a longer bucket')
  return rows.sort((a, b) => a.from - b.from || b.connections - a.connections || (a.group < b.group ? -1 : 1))
}

/** What is kept as a whole is told from that: a part of an account is added up from its streams on servers. */
async function groupsOf(history: History, view: View, by: GroupBy, cellsOnly: boolean): Promise<Group[]> {
  const { server, isWhole } = view
  if (!cellsOnly && isWhole && by !== 'slice' && (server === undefined || by === undefined || by === 'server')) {
    const kind = by ?? (server === undefined ? 'all' : 'server')
    const series = (await history.series(kind)).filter((one) => server === undefined || one.server === server)
    return series.map((one) => ({ name: by === undefined ? '' : one[by], series: [one] }))
  }
  const cells = (await history.series('cell')).filter((cell) => view.matches(cell))
  if (by === 'slice') return view.slices.map(({ id, matches }) => ({ name: id, series: cells.filter(matches) }))
  if (by === undefined) return [{ name: '', series: cells }]
  return [...byName(cells, by)].map(([name, series]) => ({ name, series }))
}

/** What nobody watched comes to. */
export const noFigures: Figures = { connections: 0, peak: 0, bytes_in: 0, bytes_out: 0, view_seconds: 0, viewers: 0 }

/** Figures as they are told. */
export const shownFigures = ({ connections, peak, bytes_in, bytes_out, view_seconds, viewers }: Figures) => ({
  connections,
  peak: peak ?? null,
  bytes_in,
  bytes_out,
  view_seconds,
  viewers,
})
