import type { Logger } from 'pino'
import type { Authority } from './authority.js'
import type { Outcome, Wire } from './dialect.js'
import type { Reply } from './reply.js'

/** What the gateway tells its operator. Nothing in it comes from a body, a signature or a secret. */
export interface Log {
  answered(reply: Reply, wire: Wire, dialect: string, outcome: Outcome, authority: Authority | undefined): void
  /** Nothing was kept. */
  failed(requestId: string, command: string | undefined, error: unknown): void
  /** What was answered, or kept, could not be told or written down as it should. */
  unanswered(requestId: string, command: string | undefined, error: unknown): void
}

const refusalsPerSecond = 20

/** Commands at `debug`, refusals at `info` (at most 20 a second, the rest counted), faults at `error`. */
export function requestLog(
  logger: Logger,
  now: () => number,
  commands: { readonly has: (name: string) => boolean },
): Log {
  let second = 0
  let written = 0
  let suppressed = 0
  function mayWrite(): boolean {
    const current = Math.floor(now() / 1000)
    if (current !== second) {
      if (suppressed > 0) logger.info({ suppressed }, 'further refusals were not logged')
      second = current
      written = 0
      suppressed = 0
    }
    if (++written <= refusalsPerSecond) return true
    suppressed++
    return false
  }
  return {
    answered(reply, wire, dialect, outcome, authority) {
      const debug = logger.isLevelEnabled('debug')
      if (!debug && !(outcome.refused && logger.isLevelEnabled('info') && mayWrite())) return
      const line = {
        request_id: reply.requestId,
        code: outcome.entry.code,
        dialect,
        address: wire.address,
        // Names may be anything, a misplaced secret included: of the key unless it has signed, of the command unless it exists.
        key_id: authority?.keyId ?? undefined,
        cmd: authority && outcome.command !== undefined && commands.has(outcome.command) ? outcome.command : undefined,
        replayed: outcome.replayed || undefined,
        skew: outcome.detail.skew,
      }
      if (outcome.refused) logger.info(line, 'refused')
      else logger.debug(line, 'answered')
    },
    failed(requestId, command, error) {
      logger.error({ request_id: requestId, cmd: command, err: error }, 'a command failed: nothing of it was kept')
    },
    unanswered(requestId, command, error) {
      logger.error(
        { request_id: requestId, cmd: command, err: error },
        'an answer failed: its command may have been done',
      )
    },
  }
}
