import { createHash } from 'node:crypto'

interface Schema {
  readonly type?: string
  readonly maxLength?: number
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

/** A number for each place of a text: the same ones for the same seed, and in no order that could be compressed. */
function chance(seed: string, length: number): number[] {
  const numbers: number[] = []
  for (let block = 0; numbers.length < length; block++) {
    const bytes = createHash('sha512').update(`${block} ${seed}`).digest()
    for (let at = 0; at < bytes.length; at += 2) numbers.push(bytes.readUInt16BE(at))
  }
  return numbers.slice(0, length)
}

const alphabets: readonly (readonly [first: number, size: number])[] = [
  // Ideographs beyond the basic plane: four bytes of UTF-8 each.
  [0x20000, 40_000],
  [0x61, 26],
]

/** The longest text that a schema takes in place of one, in the most bytes, always the same one; the text itself where none is longer. */
function longest(text: string, { maxLength, pattern }: Schema): string {
  if (maxLength === undefined) return text
  const taken = new RegExp(pattern ?? '', 'u')
  const texts = alphabets.map(([first, size]) =>
    String.fromCodePoint(...chance(text, maxLength).map((number) => first + (number % size))),
  )
  return texts.find((long) => taken.test(long)) ?? text
}

/** What a command is given, with the longest text that its schema takes in every place where there is one. */
export function withLongNames(value: unknown, schema: Schema): unknown {
  const { anyOf, items, properties } = schema
  if (typeof value === 'string') {
    const alternative = anyOf?.find(({ type }) => type === 'string')
    return longest(value, alternative ?? schema)
  }
  if (Array.isArray(value)) return value.map((each) => withLongNames(each, items ?? {}))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([name, member]) => [name, withLongNames(member, properties?.[name] ?? {})])
  return Object.fromEntries(members)
}
