import type { Logger } from 'pino'
import type { Instance } from './instance.js'

const forgetEvery = 60_000
const keepHeadEvery = 60_000

/** What a gateway does by the clock, now and every minute: forgets old claims, keeps the heads of the audit trail. Call the result to end it. */
export function startChores(instance: Pick<Instance, 'forget' | 'keepHead'>, logger: Logger): () => void {
  const forget = oneAtATime(
    () => instance.forget(),
    (err) => logger.error({ err }, 'old claims could not be forgotten'),
  )
  const keepHead = oneAtATime(
    () => instance.keepHead(),
    (err) => logger.error({ err }, 'the heads of the audit trail were not kept'),
  )
  // At the start as well: one that is restarted all the time would keep everything.
  forget()
  keepHead()
  const timers = [setInterval(forget, forgetEvery), setInterval(keepHead, keepHeadEvery)]
  return () => {
    for (const timer of timers) clearInterval(timer)
  }
}

/** Does nothing while the run before goes on: while the storage hangs, runs would gather. */
function oneAtATime(work: () => Promise<unknown>, onError: (error: unknown) => void): () => void {
  let goesOn = false
  return () => {
    if (goesOn) return
    goesOn = true
    work()
      .catch(onError)
      .finally(() => {
        goesOn = false
      })
  }
}
