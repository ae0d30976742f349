import type { Command } from './command.js'
import { tooLarge } from './receive.js'
import { Refusal } from './refusal.js'

/** How long bodies may be: a command that takes much says so itself. Bytes. */
export interface BodyLimits {
  readonly usual: number
  /** Of the longest messages that some command takes. */
  readonly most: number
  /** Of a body that has arrived: a long one is not read unless it may be for a command that takes it. */
  of(body: Buffer): number
  /** Throws 1413 for a body that is too long for its command. */
  require(command: string, body: Buffer): void
}

export function bodyLimits(commands: readonly Command[], usual: number): BodyLimits {
  const longer = commands.flatMap(({ name, bodyLimit = 0 }) => (bodyLimit > usual ? [{ name, bodyLimit }] : []))
  const limits = new Map(longer.map(({ name, bodyLimit }) => [name, bodyLimit]))
  const spellings = longer.flatMap(({ name, bodyLimit }) => spelled(name).map((text) => ({ text, bodyLimit })))
  return {
    usual,
    most: Math.max(usual, ...limits.values()),
    of(body) {
      if (body.length <= usual) return usual
      return spellings.find(({ text }) => body.includes(text))?.bodyLimit ?? usual
    },
    require(command, body) {
      const limit = limits.get(command) ?? usual
      if (body.length > limit) throw new Refusal('TOO_LARGE', { message: tooLarge(limit) })
    },
  }
}

/** How a name may stand in JSON (PHP escapes slashes), and in a form that holds JSON. */
function spelled(name: string): string[] {
  const texts = [name, name.replaceAll('/', '\\/')]
  const encoded = texts.map(encodeURIComponent)
  return [
    ...new Set([...texts, ...encoded, ...encoded.map((text) => text.replaceAll(/%../g, (hex) => hex.toLowerCase()))]),
  ]
}
