/** When the hours and days of an account begin, in its time zone. Unix seconds. */
export interface Calendar {
  hourOf(moment: number): number
  dayOf(moment: number): number
  /** When the day after the one of a moment begins. */
  nextDay(moment: number): number
  /** When a day named as `2026-11-24` begins; undefined when there is no such day. */
  dayNamed(date: string): number | undefined
}
