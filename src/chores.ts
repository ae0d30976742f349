import type { Logger } from 'pino'
import type { Instance } from './instance.js'

const forgetEvery = 60_000
const keepHeadEvery = 60_000

/** What a gateway does by the clock, now and every minute: forgets old claims, keeps the heads of the audit trail. Call the result to end it. */
export function startChores(instance: Pick<Instance, 'forget' | 'keepHead'>, logger: Logger): () => void {
  function forget(): void {
    instance.forget().catch((error: unknown) => logger.error({ err: error }, 'old claims could not be forgotten'))
  }
  function keepHead(): void {
    instance
      .keepHead()
      .catch((error: unknown) => logger.error({ err: error }, 'the heads of the audit trail were not kept'))
  }
  // At the start as well: one that is started anew all the time would keep everything.
  forget()
  keepHead()
  const timers = [setInterval(forget, forgetEvery), setInterval(keepHead, keepHeadEvery)]
  return () => {
    for (const timer of timers) clearInterval(timer)
  }
}
