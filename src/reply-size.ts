import { Refusal } from './refusal.js'

/** Bytes of UTF-8 that the result of a reply may have as JSON: a page of statistics with its longest names, and little enough to write at once. */
export const mostReply = 2 * 1024 * 1024
/** Bytes of the same that may be kept under an idempotency key: a batch of 100 users, each with the longest comment, and its answer to each. */
export const mostKept = 256 * 1024

const atMost = (limit: number) => `more than ${limit} bytes`

/** Throws 1414 unless a result of this JSON may be answered, and kept where it is to be kept. To be called before anything is committed. */
export function requireReplyable(json: string | undefined, kept: boolean): void {
  if (json !== undefined && exceeds(json, kept ? mostKept : mostReply)) throw tooLargeToAnswer(kept)
}

export function tooLargeToAnswer(kept: boolean): Refusal {
  const message = kept
    ? `The outcome has ${atMost(mostKept)}, which is too large to keep under an idempotency_key: nothing was done. Send fewer commands at once, or leave the key out`
    : `The answer has ${atMost(mostReply)}: nothing was done. Ask for a smaller pagesize, or send fewer commands at once`
  return new Refusal('REPLY_TOO_LARGE', { message })
}

/** Whether a text has more bytes in UTF-8. A UTF-16 unit takes three at most, so a small one need not be measured. */
export const exceeds = (text: string, limit: number): boolean =>
  text.length * 3 > limit && (text.length > limit || Buffer.byteLength(text) > limit)

/** Bytes that a value has at least as JSON: cheaper than to write it down, for what is added up before it is written as a whole. */
export function sizeAtLeast(value: unknown): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 1
  let size = 1
  if (Array.isArray(value)) {
    for (const element of value) size += sizeAtLeast(element) + 1
    return size
  }
  for (const name of Object.keys(value)) {
    const inner: unknown = Reflect.get(value, name)
    if (inner !== undefined) size += name.length + 4 + sizeAtLeast(inner)
  }
  return size
}
