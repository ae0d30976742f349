/** Lets long work share the event loop with every other request. */
export interface Pace {
  /**
   * Counts work, a few microseconds of it unless told, and says whether it is time to {@link rest}. Throws once the work has
   * used up what it may take.
   */
  isDue(work?: number): boolean
  /** Resolves when it is this work's turn again. */
  rest(): Promise<void>
}

/** The pace of work that only gives the event loop back, such as that of the command line, after so many milliseconds. */
export function ownPace(longestTurn = 2): Pace {
  let since = performance.now()
  return {
    isDue: () => performance.now() - since > longestTurn,
    async rest() {
      await new Promise((resolve) => setImmediate(resolve))
      since = performance.now()
    },
  }
}

/** What work on one thing of many gives: a promise where it takes turns itself. */
export type Step = Promise<void> | undefined | void

/** Does something with each of many, a turn of the event loop after the other. */
export function eachInTurns<T>(items: Iterable<T>, pace: Pace, use: (item: T) => Step): Step {
  // Most rows belong to one group: a promise for each would take longer than the work.
  if (Array.isArray(items) && items.length === 1) return use(items[0])
  return inTurns(items, pace, use)
}

async function inTurns<T>(items: Iterable<T>, pace: Pace, use: (item: T) => Step): Promise<void> {
  for (const item of items) {
    const step = use(item)
    if (step) await step
    if (pace.isDue()) await pace.rest()
  }
}
