import { invalid } from './refusal.js'
import type { Calendar } from './store/calendar.js'

const day = 86_400
const hour = 3_600
/** Clocks are set at full quarters of an hour. */
const quarter = 900

/** Throws 1422 unless there is such a time zone. */
export function requireZone(name: string): void {
  try {
    formatOf(name)
  } catch {
    throw invalid('/time_zone', 'is no time zone that is known here: expected a name such as Europe/Berlin')
  }
}

/** When days and hours of a time zone begin. All moments are Unix seconds. */
export function calendarOf(zone: string): Calendar {
  const offset = zone === 'UTC' ? () => 0 : remembered(offsets(zone))
  const startOfDay = (date: number): number => {
    // Two clocks may claim that midnight, or none: the day begins with its first moment.
    const starts = [date - offset(date - day), date - offset(date + day)]
    return Math.min(...starts.filter((start) => dateOf(start) === date))
  }
  const dateOf = (moment: number): number => floor(moment + offset(moment), day)
  return {
    hourOf: (moment) => moment - modulo(moment + offset(moment), hour),
    dayOf: (moment) => startOfDay(dateOf(moment)),
    nextDay(moment) {
      const next = startOfDay(dateOf(moment) + day)
      // A zone that changes sides of the date line leaves a day out.
      return Number.isFinite(next) ? next : startOfDay(dateOf(moment) + 2 * day)
    },
    dayNamed(date) {
      const midnight = new Date(`${date}T00:00:00Z`)
      // 30 February is read as 2 March.
      if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(date)) return undefined
      const start = startOfDay(midnight.getTime() / 1000)
      return Number.isFinite(start) ? start : undefined
    },
  }
}

const modulo = (value: number, step: number): number => ((value % step) + step) % step
const floor = (value: number, step: number): number => value - modulo(value, step)

function formatOf(zone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
}

/** Seconds that the clocks of a time zone are ahead of UTC. */
function offsets(zone: string): (moment: number) => number {
  const format = formatOf(zone)
  return (moment) => {
    const name = format.formatToParts(moment * 1000).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    const [, sign, hours, minutes = '0'] = /GMT([+-])(\d\d):?(\d\d)?/.exec(name) ?? []
    if (sign === undefined) return 0
    return (sign === '-' ? -1 : 1) * (Number(hours) * hour + Number(minutes) * 60)
  }
}

function remembered(offset: (moment: number) => number): (moment: number) => number {
  const known = new Map<number, number>()
  return (moment) => {
    const at = floor(moment, quarter)
    const found = known.get(at) ?? offset(at)
    known.set(at, found)
    return found
  }
}
