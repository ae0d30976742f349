/** Refusals answered in a tick of so many milliseconds: a fraction of the processor, however many ask. */
const tick = 50
const perTick = 50
/** More than so many are not kept waiting. */
const maxHeld = 8_192

/**
 * Answers those who cannot be served, at most 1,000 a second: reading a request and writing a refusal costs as much as half
 * of serving it, so that whoever is told no and asks again at once would otherwise take up the time there is.
 */
export class Shedding {
  private held: (() => void)[] = []
  private answered = 0
  private timer: NodeJS.Timeout | undefined

  /** How many have not been answered yet. */
  get waiting(): number {
    return this.held.length
  }

  /** `answer` is called now or a little later. */
  refuse(answer: () => void): void {
    this.timer ??= setInterval(() => this.turn(), tick)
    if (this.answered < perTick || this.held.length >= maxHeld) {
      this.answered++
      answer()
    } else this.held.push(answer)
  }

  private turn(): void {
    const due = this.held.splice(0, perTick)
    this.answered = due.length
    for (const answer of due) answer()
    if (due.length > 0 || this.held.length > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }
}
