import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { limitedBy } from './address.js'
import { Refusal } from './refusal.js'

/** Counts what is limited, per address (IPv6 by /64) and per key. */
export interface Limits {
  /** Throws 1429 while the address has used up its failures. Before the MAC, so it says nothing about any key. */
  requireAddress(address: string): void
  /** Counts one 1401. */
  failed(address: string): void
  /** Rejects with 1429 when the key has used up its messages of this second. Undefined when keys are not limited. */
  readonly takeKey: ((keyId: string, messages: number) => Promise<void>) | undefined
}

const minute = 60
const maxBlocked = 1_000
/** Milliseconds: looking through all of them for every message would be work that an attacker makes. */
const sweepEvery = 1_000

/** `failuresPerMinute` for an address; `messagesPerSecond` for a key, 0 for no limit. `now` in Unix milliseconds. */
export function limits(failuresPerMinute: number, messagesPerSecond: number, now: () => number): Limits {
  const failures = new RateLimiterMemory({ points: failuresPerMinute, duration: minute })
  const messages = new RateLimiterMemory({ points: messagesPerSecond, duration: 1 })
  const blocked = new Map<string, number>()
  let sweptAt = Number.NEGATIVE_INFINITY
  return {
    requireAddress(address) {
      if (blocked.size === 0) return
      const id = limitedBy(address)
      const at = now()
      if (blocked.size > maxBlocked && Math.abs(at - sweptAt) >= sweepEvery) {
        forgetPassed(blocked, at)
        sweptAt = at
      }
      const wait = (blocked.get(id) ?? 0) - at
      if (wait > 0) throw tooMany(wait)
      blocked.delete(id)
    },
    failed(address) {
      const id = limitedBy(address)
      failures.consume(id).then(
        ({ remainingPoints, msBeforeNext }) => {
          if (remainingPoints <= 0) blocked.set(id, now() + msBeforeNext)
        },
        (result: unknown) => {
          if (result instanceof RateLimiterRes) blocked.set(id, now() + result.msBeforeNext)
        },
      )
    },
    takeKey:
      messagesPerSecond === 0
        ? undefined
        : async (keyId, count) => {
            try {
              await messages.consume(keyId, count)
            } catch (result) {
              throw tooMany(result instanceof RateLimiterRes ? result.msBeforeNext : 1000)
            }
          },
  }
}

/** 1429 with how long to wait. */
export const tooMany = (milliseconds: number): Refusal =>
  new Refusal('RATE_LIMITED', { retryAfter: Math.max(1, Math.ceil(milliseconds / 1000)) })

/** Addresses that never come back would otherwise be kept for ever. */
function forgetPassed(blocked: Map<string, number>, now: number): void {
  for (const [id, until] of blocked) if (until <= now) blocked.delete(id)
}
