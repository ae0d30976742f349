import type { Calendar } from './calendar.js'
import type { Count, Figures } from './count.js'
import type { Queries } from './db.js'
import { eachInTurns, type Pace } from './pace.js'
import { Budget, Rows, TooManyRows } from './rows.js'
import { type Series, type SeriesKind, SeriesNumbers } from './series.js'
import { type Group, type Span, Tally } from './tally.js'

export type { Group } from './tally.js'

/** What a group came to in the time that begins at `from`. */
export interface HistoryRow extends Figures {
  readonly from: number
  readonly group: string
}

/** Hours of series that may be looked at for the peaks of several series together. */
const mostPeakHours = 200_000
const hour = 3_600

/** What samples of one account came to. */
export class History {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly calendar: Calendar,
    /** From when on all hours are kept. */
    private readonly hoursFrom: number,
    private readonly pace: Pace,
  ) {}

  /** What `ask` finds out; undefined where that would take too much time or memory. */
  async withinReach<T>(ask: (reach: Reach) => Promise<T>): Promise<T | undefined> {
    const { queries, account, calendar, hoursFrom, pace } = this
    try {
      return await ask(new Reach(queries, account, calendar, hoursFrom, new Budget(pace)))
    } catch (error) {
      if (error instanceof TooManyRows) return undefined
      throw error
    }
  }
}

/** What one answer is told from. */
export class Reach {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly calendar: Calendar,
    private readonly hoursFrom: number,
    private readonly budget: Budget,
  ) {}

  /** Counts entries that are kept until the answer is there. */
  keep(entries: number): void {
    this.budget.keep(entries)
  }

  /** Those of a kind, of one server where that is given. */
  series(kind: SeriesKind, server: string | undefined): Promise<Series[]> {
    return new SeriesNumbers(this.queries, this.account).list(kind, server, this.budget)
  }

  /** By minutes, or several of them together. Of cells alone: minutes are kept of nothing else. */
  minutes(groups: readonly Group[], from: number, to: number, step: number): Promise<HistoryRow[]> {
    const span = { from, to, bucketOf: (minute: number) => minute - (minute % step) }
    return this.told(groups, span, (tally) => tally.addMinutes())
  }

  /** By hours, or all of them together; viewers are counted exactly. */
  hours(groups: readonly Group[], from: number, to: number, together: boolean): Promise<HistoryRow[]> {
    const span = { from, to, bucketOf: (start: number) => (together ? from : start) }
    return this.told(groups, span, async (tally) => {
      await tally.addHours()
      await tally.addPeaks()
      // An hour of one series counts its own; whoever watched in several of them may be the same.
      const own = together ? groups : tally.several
      if (own.length > 0) await tally.countViewers(own, await this.series('cell', undefined))
    })
  }

  /** By days of the account's time zone, or all of them together; above some thousand viewers their number is an estimate. */
  days(groups: readonly Group[], from: number, to: number, together: boolean): Promise<HistoryRow[]> {
    const span = { from, to, bucketOf: (moment: number) => (together ? from : this.calendar.dayOf(moment)) }
    return this.told(groups, span, async (tally) => {
      await tally.addDays()
      const wanted = tally.several.reduce((total, { series }) => total + series.length, 0) * ((to - from) / hour)
      if (from >= this.hoursFrom && wanted <= mostPeakHours) await tally.addPeaks()
      else await tally.leavePeaks()
    })
  }

  private async told(
    groups: readonly Group[],
    span: Span,
    add: (tally: Tally) => Promise<void>,
  ): Promise<HistoryRow[]> {
    const { budget } = this
    const tally = new Tally(new Rows(this.queries, this.account, budget), groups, span, budget)
    await add(tally)
    const rows: HistoryRow[] = []
    await eachInTurns(tally.counts.all, budget.pace, ({ from, group, figures }: Count) => {
      rows.push({ from, group, ...figures })
    })
    return rows
  }
}
