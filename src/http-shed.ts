import type { EventEmitter } from 'node:events'

/** Refusals answered in a tick of so many milliseconds: a fraction of the processor, however many ask. */
const tick = 50
const perTick = 50
/** More than so many are not kept waiting. */
const maxHeld = 8_192

/**
 * Answers those who cannot be served, at most 1,000 a second: reading a request and writing a refusal costs as much as half
 * of serving it, so that whoever is told no and asks again at once would otherwise take up the time there is. Connections
 * take turns: one who sends ahead keeps nobody else waiting.
 */
export class Shedding {
  private readonly held = new Map<EventEmitter, (() => void)[]>()
  private readonly known = new WeakSet<EventEmitter>()
  private total = 0
  private answered = 0
  private timer: NodeJS.Timeout | undefined

  /** How many connections have not been answered yet. */
  get waiting(): number {
    return this.held.size
  }

  /** `answer` is called now or a little later, or never when the connection is closed before. */
  refuse(connection: EventEmitter, answer: () => void): void {
    this.timer ??= setInterval(() => this.turn(), tick)
    if (this.answered < perTick || this.total >= maxHeld) {
      this.answered++
      answer()
    } else this.hold(connection, answer)
  }

  private hold(connection: EventEmitter, answer: () => void): void {
    this.total++
    const own = this.held.get(connection)
    if (own) own.push(answer)
    else this.held.set(connection, [answer])
    if (this.known.has(connection)) return
    this.known.add(connection)
    connection.once('close', () => {
      this.total -= this.held.get(connection)?.length ?? 0
      this.held.delete(connection)
    })
  }

  private turn(): void {
    const turns = Math.min(perTick, this.total)
    for (this.answered = 0; this.answered < turns; this.answered++) this.next()
    if (turns > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }

  /** Answers one of the connection that has waited longest; what else it has waits behind the others. */
  private next(): void {
    for (const [connection, own] of this.held) {
      this.total--
      this.held.delete(connection)
      const answer = own.shift()
      if (own.length > 0) this.held.set(connection, own)
      answer?.()
      return
    }
  }
}
