import type { Context } from './command.js'
import { invalid } from './refusal.js'
import { sorted } from './sorted.js'
import { type GroupBy, groupsBy, type View } from './statistics.js'
import type { Calendar } from './store/calendar.js'
import type { Figures } from './store/count.js'
import type { ForgottenMoments } from './store/forgotten.js'
import type { Group, History, HistoryRow, Reach } from './store/history.js'
import type { Pace } from './store/pace.js'
import { calendarOf } from './zone.js'

/** What statistics are asked by in time: minutes, hours and days; all of the time together without one. */
export type Bucket = '1m' | '5m' | '1h' | '1d' | undefined

interface Time {
  readonly from: number
  readonly to: number
}

const [minute, hour] = [60, 3_600]

/** What is known of the caller's account, by the hours and days of its time zone. */
export async function historyOf(context: Context): Promise<{
  readonly zone: string
  readonly calendar: Calendar
  readonly kept: KeptFrom
  readonly history: History
}> {
  const { caller, store } = context
  const zone = (await store.accounts.find(caller.account))?.time_zone ?? 'UTC'
  const calendar = calendarOf(zone)
  const kept = await keptFrom(context, calendar)
  return { zone, calendar, kept, history: store.history(calendar, kept.hours) }
}

/** The moment (Unix seconds) from which on each level is kept as a whole; of samples those that are dated after it are. */
export type KeptFrom = ForgottenMoments

/** What was forgotten under a smaller setting, by this gateway or another one, is not kept however long this one keeps it. */
async function keptFrom({ store, now, keeps }: Context, { nextDay }: Calendar): Promise<KeptFrom> {
  const { samples, minutes, hours, days } = await store.forgotten.moments()
  return {
    samples: Math.max(now - keeps.samples, samples),
    minutes: Math.max(now - keeps.minutes, minutes && minutes + minute),
    hours: Math.max(now - keeps.hours, hours && hours + hour),
    days: Math.max(now - keeps.days, days && nextDay(days)),
  }
}

const steps = { '1m': 60, '5m': 300 } as const
/** All of a longer time is told from its days: hours say exactly who watched, and there may be too many of those. */
const mostOfHours = 48 * hour

/** What is read for an answer: the time, rounded outwards to the rows that it is told from. */
export interface Plan extends Time {
  readonly rows: 'hours' | 'days' | (typeof steps)[keyof typeof steps]
  /** True where they are added up to one row. */
  readonly together: boolean
}

/** Throws 1422 where what is asked for is not kept any more. */
export function planOf({ from, to }: Time, bucket: Bucket, { hourOf, dayOf, nextDay }: Calendar, kept: KeptFrom): Plan {
  if (from >= to) throw invalid('/to', 'must be after /from')
  const together = bucket === undefined
  if (bucket === '1m' || bucket === '5m') {
    requireKept(from, kept.minutes, 'minutes')
    const step = steps[bucket]
    return { from: from - (from % step), to: Math.ceil(to / step) * step, rows: step, together }
  }
  if (bucket === '1d' || (together && to - from > mostOfHours)) {
    requireKept(from, kept.days, 'days')
    return { from: dayOf(from), to: nextDay(to - 1), rows: 'days', together }
  }
  requireKept(from, kept.hours, 'hours')
  return { from: hourOf(from), to: hourOf(to - 1) + hour, rows: 'hours', together }
}

function requireKept(moment: number, oldest: number, what: string): void {
  if (moment < oldest) throw invalid('/from', `must not be before ${oldest}: ${what} are not kept for longer`)
}

/** Reads what groups came to, in order of time, those with the most connections first. Throws 1422 when that would take too long. */
export async function readHistory(
  history: History,
  plan: Plan,
  view: View,
  by: GroupBy,
  pace: Pace,
): Promise<HistoryRow[]> {
  const { from, to, rows, together } = plan
  const found = await history.withinReach(async (reach) => {
    const groups = await groupsOf(reach, view, by, typeof rows === 'number', pace)
    if (rows === 'days') return reach.days(groups, from, to, together)
    if (rows === 'hours') return reach.hours(groups, from, to, together)
    return reach.minutes(groups, from, to, rows)
  })
  if (!found) throw invalid('/from', 'is too far from /to for so much: ask for a shorter time, or for longer rows')
  const order = (a: HistoryRow, b: HistoryRow) =>
    a.from - b.from || b.connections - a.connections || (a.group < b.group ? -1 : 1)
  return sorted(found, order, pace)
}

/** What is kept as a whole is told from that: a part of an account is added up from its streams on servers. */
async function groupsOf(reach: Reach, view: View, by: GroupBy, cellsOnly: boolean, pace: Pace): Promise<Group[]> {
  const { server, isWhole } = view
  if (!cellsOnly && isWhole && by !== 'slice' && (server === undefined || by === undefined || by === 'server')) {
    const kind = by ?? (server === undefined ? 'all' : 'server')
    const series = await reach.series(kind, server)
    return series.map((one) => ({ name: by === undefined ? '' : one[by], series: [one] }))
  }
  const cells = await view.shown(await reach.series('cell', server))
  if (by === undefined) return [{ name: '', series: cells }]
  const groups = await groupsBy(by, cells, view, (count) => reach.keep(count), pace)
  return [...groups].map(([name, series]) => ({ name, series }))
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
