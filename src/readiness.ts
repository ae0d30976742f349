/** How long a probe may take, and how long one that failed is believed. Milliseconds. */
const patience = 2_000
const failureLasts = 250

/**
 * Asks `probe` once for all who ask at a time. The answer is no while a probe takes longer than two seconds, and for a
 * quarter of a second after one that failed.
 */
export function readiness(probe: () => Promise<boolean>, now: () => number): () => Promise<boolean> {
  let running: Promise<boolean> | undefined
  let failedAt = Number.NEGATIVE_INFINITY
  async function run(): Promise<boolean> {
    const ready = await probe().catch(() => false)
    if (!ready) failedAt = now()
    return ready
  }
  return () => {
    if (running) return running
    if (now() - failedAt < failureLasts) return Promise.resolve(false)
    const probed = run()
    void probed.then(() => {
      running = undefined
    })
    running = inTime(probed)
    return running
  }
}

function inTime(work: Promise<boolean>): Promise<boolean> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), patience)
    void work.then((ready) => {
      clearTimeout(late)
      resolve(ready)
    })
  })
}
