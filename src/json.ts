import { hexDigit } from './encoding.js'
import { malformed, type Refusal } from './refusal.js'

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject
export type JsonObject = { [name: string]: JsonValue }

/** A half-open range of the text. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** What one pass over a JSON text found (protocol §2 and §3). */
export interface Scan {
  readonly text: string
  readonly value: JsonObject
  /** What to cut out of the text for the signed bytes; absent when there is no top-level `signature`. */
  readonly cut: Span | undefined
  /** The top-level timestamp as it was spelled, quotes taken off. */
  readonly timestamp: string | undefined
  /** True when some string or name holds U+0000. */
  readonly hasNul: boolean
}

export const maxDepth = 32
export const maxValues = 20_000

const refusedNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Reads a JSON text whose first character other than white space is `{`, enforcing the JSON policy and finding the
 * signature in the same pass. The text must come from valid UTF-8. Throws a 1400 {@link Refusal}.
 */
export function scanJson(text: string, timestampName = 'timestamp'): Scan {
  return new Scanner(text, timestampName).document()
}

/** The signed text: what was sent, without its `signature` member. */
export function withoutSignature({ text, cut }: Scan): string {
  return cut ? text.slice(0, cut.start) + text.slice(cut.end) : text
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const zero = 0x30
const nine = 0x39
/** What may follow a backslash beside `u`. */
const escapes: ReadonlySet<number> = new Set([...'"\\/bfnrt'].map((letter) => letter.charCodeAt(0)))

class Scanner {
  private at = 0
  private values = 0
  private cut: Span | undefined
  private timestamp: string | undefined
  private hasNul = false

  constructor(
    private readonly text: string,
    private readonly timestampName: string,
  ) {}

  document(): Scan {
    this.space()
    if (this.peek() !== 0x7b) throw this.fault('expected {')
    const value = this.object(1)
    this.space()
    if (this.at < this.text.length) throw this.fault('text after the end of the object')
    return { text: this.text, value, cut: this.cut, timestamp: this.timestamp, hasNul: this.hasNul }
  }

  private value(depth: number): JsonValue {
    const code = this.peek()
    if (code === quote) {
      this.count()
      return this.string()
    }
    if (code === 0x7b) return this.object(depth)
    if (code === 0x5b) return this.array(depth)
    this.count()
    if (code === 0x74) return this.word('true', true)
    if (code === 0x66) return this.word('false', false)
    if (code === 0x6e) return this.word('null', null)
    return this.number()
  }

  private object(depth: number): JsonObject {
    this.enter(depth)
    const object: JsonObject = {}
    this.space()
    if (this.peek() === 0x7d) {
      this.at++
      return object
    }
    let previousEnd = -1
    let pending: number | undefined
    for (;;) {
      const nameStart = this.at
      const name = this.name(object)
      if (pending !== undefined) {
        this.cut = { start: pending, end: nameStart }
        pending = undefined
      }
      this.colon()
      const valueStart = this.at
      const value = this.value(depth + 1)
      object[name] = value
      if (depth === 1) {
        if (name === 'signature') {
          this.cut = { start: previousEnd < 0 ? nameStart : previousEnd, end: this.at }
          if (previousEnd < 0) pending = nameStart
        } else if (name === this.timestampName) {
          this.timestamp = typeof value === 'string' ? value : this.text.slice(valueStart, this.at)
        }
      }
      previousEnd = this.at
      if (!this.more(0x7d)) return object
    }
  }

  private name(object: JsonObject): string {
    if (this.peek() !== quote) throw this.fault('expected a member name')
    const start = this.at
    const name = this.string()
    if (refusedNames.has(name)) throw malformed(`the member name "${name}" is refused`)
    if (Object.hasOwn(object, name)) throw this.fault('a member name stands twice in one object', start)
    return name
  }

  private colon(): void {
    this.space()
    if (this.peek() !== 0x3a) throw this.fault('expected :')
    this.at++
    this.space()
  }

  private array(depth: number): JsonValue[] {
    this.enter(depth)
    const array: JsonValue[] = []
    this.space()
    if (this.peek() === 0x5d) {
      this.at++
      return array
    }
    for (;;) {
      array.push(this.value(depth + 1))
      if (!this.more(0x5d)) return array
    }
  }

  /** Steps over what follows a member or an element: true after a comma, false after the closing bracket. */
  private more(closing: number): boolean {
    this.space()
    const code = this.peek()
    if (code !== comma && code !== closing) throw this.fault('expected , or the end')
    this.at++
    if (code === closing) return false
    this.space()
    return true
  }

  private enter(depth: number): void {
    if (depth > maxDepth) throw malformed(`nested deeper than ${maxDepth}`)
    this.count()
    this.at++
  }

  private count(): void {
    if (++this.values > maxValues) throw malformed(`more than ${maxValues} values`)
  }

  private string(): string {
    const { text } = this
    const start = ++this.at
    let at = start
    for (;;) {
      const code = text.charCodeAt(at)
      if (code === quote) {
        this.at = at + 1
        return text.slice(start, at)
      }
      if (code === backslash) return this.escaped(start, at)
      if (!(code >= 0x20)) {
        this.at = at
        throw this.fault('a string is not closed, or holds a control character')
      }
      at++
    }
  }

  /** Checks every escape without building anything, for a text of escapes alone would be built of as many pieces. */
  private escaped(start: number, first: number): string {
    const { text } = this
    this.at = first
    for (;;) {
      const code = text.charCodeAt(this.at)
      if (code === quote) break
      if (!(code >= 0x20)) throw this.fault('a string is not closed, or holds a control character')
      if (code === backslash) this.escape()
      else this.at++
    }
    this.at++
    const read: unknown = JSON.parse(text.slice(start - 1, this.at))
    return String(read)
  }

  private escape(): void {
    const letter = this.text.charCodeAt(this.at + 1)
    if (letter !== 0x75) {
      if (!escapes.has(letter)) throw this.fault('unknown escape')
      this.at += 2
      return
    }
    const unit = this.unit()
    if (unit === 0) this.hasNul = true
    if (unit < 0xd800 || unit > 0xdfff) return
    const low = unit < 0xdc00 && this.text.startsWith('\\u', this.at) ? this.unit() : 0
    if (low < 0xdc00 || low > 0xdfff) throw this.fault('a lone surrogate')
  }

  private unit(): number {
    let unit = 0
    for (let i = 2; i < 6; i++) {
      const digit = hexDigit(this.text.charCodeAt(this.at + i))
      if (digit < 0) throw this.fault('\\u needs four hex digits')
      unit = unit * 16 + digit
    }
    this.at += 6
    return unit
  }

  private number(): number {
    const start = this.at
    if (this.peek() === 0x2d) this.at++
    if (this.peek() === zero) this.at++
    else this.digits()
    const integer = this.at
    if (this.peek() === 0x2e) {
      this.at++
      this.digits()
    }
    if ((this.peek() | 0x20) === 0x65) {
      this.at++
      if (this.peek() === 0x2b || this.peek() === 0x2d) this.at++
      this.digits()
    }
    const spelled = this.text.slice(start, this.at)
    const number = Number(spelled)
    if (!Number.isFinite(number)) throw malformed('a number is too large')
    if (this.at === integer && !Number.isSafeInteger(number) && BigInt(spelled) !== BigInt(number)) {
      throw malformed('a whole number is too large to be exact: send it as a string')
    }
    return number
  }

  private digits(): void {
    const start = this.at
    while (this.peek() >= zero && this.peek() <= nine) this.at++
    if (this.at === start) throw this.fault('expected a value')
  }

  private word<T extends boolean | null>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.fault('expected a value')
    this.at += word.length
    return value
  }

  private space(): void {
    for (;;) {
      const code = this.peek()
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.at++
    }
  }

  /** The character code at the cursor; NaN, which equals nothing, past the end. */
  private peek(): number {
    return this.text.charCodeAt(this.at)
  }

  private fault(what: string, at = this.at): Refusal {
    return malformed(`not valid JSON at character ${at}: ${what}`)
  }
}

/** The one text of a value: members sorted by name, no white space. Equal values, and only those, have equal texts. */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === 'string') return quoted(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  let text = ''
  if (Array.isArray(value)) {
    for (const element of value) text += `${text && ','}${canonicalJson(element)}`
    return `[${text}]`
  }
  const names = Object.keys(value)
  if (names.some((name, at) => at > 0 && name < (names[at - 1] ?? ''))) names.sort()
  for (const name of names) text += `${text && ','}${quoted(name)}:${canonicalJson(value[name] ?? null)}`
  return `{${text}}`
}

const plainText = /^[ !#-[\]-~]*$/

/** A text as JSON. Most need no escape, and to see that takes less than to have it looked for. */
export const quoted = (text: string): string => (plainText.test(text) ? `"${text}"` : JSON.stringify(text))

/** Whether some string or member name of the value holds U+0000: the JSON Pointer of the first, else undefined. */
export function findNul(value: JsonValue, path = ''): string | undefined {
  if (typeof value === 'string') return value.includes('\0') ? path : undefined
  if (value === null || typeof value !== 'object') return undefined
  for (const [name, inner] of Object.entries(value)) {
    if (name.includes('\0')) return path
    const found = findNul(inner, `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    if (found !== undefined) return found
  }
  return undefined
}
