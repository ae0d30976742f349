import { existsSync, readFileSync } from 'node:fs'

/** How long the event loop was held while some work went on, at the longest, in milliseconds. */
export interface Held<T> {
  readonly value: T
  readonly longest: number
}

/** Runs work and measures the longest time between two turns of the event loop, without what other processes took of it. */
export async function holding<T>(work: () => Promise<T>): Promise<Held<T>> {
  let [longest, last, over] = [0, moment(), false]
  const measure = () => {
    const now = moment()
    longest = Math.max(longest, Math.min(now.wall - last.wall, now.cpu - last.cpu))
    last = now
  }
  const tick = () => {
    measure()
    if (!over) setImmediate(tick)
  }
  await new Promise((resolve) => setImmediate(resolve))
  last = moment()
  setImmediate(tick)
  const value = await work()
  over = true
  measure()
  return { value, longest }
}

/** Milliseconds by the clock, and those that this thread was at work, where the system tells. */
function moment(): { wall: number; cpu: number } {
  const wall = performance.now()
  return { wall, cpu: isTold ? Number.parseInt(readFileSync(threadTime, 'latin1'), 10) / 1_000_000 : wall }
}

/** Linux: how long the main thread ran, in nanoseconds, and more behind it. */
const threadTime = `/proc/${process.pid}/task/${process.pid}/schedstat`
const isTold = existsSync(threadTime)

const attempts = 3

/** The same, of the best of some attempts: what other processes do to a machine does not come again, what a command does comes each time. */
export async function leastHold<T>(work: () => Promise<T>, enough: number): Promise<Held<T>> {
  let least = await holding(work)
  for (let attempt = 1; attempt < attempts && least.longest >= enough; attempt++) {
    const held = await holding(work)
    if (held.longest < least.longest) least = held
  }
  return least
}
