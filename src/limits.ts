import { limitedBy } from './address.js'
import { Rate } from './rate.js'
import { Refusal } from './refusal.js'
import { Windows } from './windows.js'

/**
 * Counts what is limited, per key and per payer: an address (IPv6 by /64), or the name of the token by which a path
 * knows its caller, as `token NAME`.
 */
export interface Limits {
  /** Throws 1429 while the payer has used up its failures or what it may cost. Before the MAC, so it says nothing about any key. */
  requirePayer(payer: string): void
  /** Counts one 1401. */
  failed(payer: string): void
  /** Counts what a message cost before it was refused, without its MAC being known to be right. */
  charge(payer: string, bytes: number): void
  /** Throws 1429 when the key has used up its messages of this second. Undefined when keys are not limited. */
  readonly takeKey: ((keyId: string, messages: number) => void) | undefined
}

export interface Allowances {
  /** 1401 answers of a payer and minute. */
  readonly failures: number
  /** Bytes of a payer and minute, in messages that are refused before their MAC was known to be right. */
  readonly waste: number
  /** Of a key and second; 0 for no limit. */
  readonly messages: number
}

const minute = 60_000
const maxPayers = 100_000
const maxKeys = 100_000
/** What the shortest message costs: to take it in, to answer it, to log it. */
const leastCost = 1_024

/** `now` gives milliseconds of a clock that nobody sets: a step of the time of day neither ends nor lengthens what is counted. */
export function limits({ failures, waste, messages }: Allowances, now: () => number): Limits {
  const failed = new Windows(failures, minute, maxPayers, now)
  const wasted = new Windows(waste, minute, maxPayers, now)
  const keys = new Rate(messages, maxKeys, now)
  return {
    requirePayer(payer) {
      if (!failed.anyFull && !wasted.anyFull) return
      const name = limitedBy(payer)
      const wait = Math.max(failed.wait(name), wasted.wait(name))
      if (wait > 0) throw tooMany(wait)
    },
    failed: (payer) => failed.spend(limitedBy(payer), 1),
    charge: (payer, bytes) => wasted.spend(limitedBy(payer), leastCost + bytes),
    takeKey:
      messages === 0
        ? undefined
        : (keyId, count) => {
            const wait = keys.take(keyId, count)
            if (wait > 0) throw tooMany(wait)
          },
  }
}

/** 1429 with how long to wait. */
export const tooMany = (milliseconds: number): Refusal =>
  new Refusal('RATE_LIMITED', { retryAfter: Math.max(1, Math.ceil(milliseconds / 1000)) })
