import { gatewayCodes } from '../schemas/codes.js'
import { decodeForm, decodeUtf8 } from './encoding.js'
import { type Cause, cause, type Edit } from './explain-cause.js'
import { type Maker, makersOf, matches, type OtherSecret, type Reading, readingsOf } from './explain-macs.js'
import { schemes } from './explain-schemes.js'
import { additions, edits, exhaustive } from './explain-texts.js'
import { type Scan, scanJson, withoutSignature } from './json.js'
import { Refusal } from './refusal.js'

const refused = gatewayCodes.MALFORMED.code

export type { Cause } from './explain-cause.js'
export { cause } from './explain-cause.js'
export type { OtherSecret } from './explain-macs.js'

/** What is the matter with a MAC. */
export interface Explanation {
  /** What must be signed. */
  readonly signed: Buffer
  /** Whether the MAC is the right one. */
  readonly right: boolean
  /** What together makes the MAC that was given; empty when it is right, and when nothing that was tried makes it. */
  readonly causes: readonly Cause[]
  /** What the gateway would refuse besides. */
  readonly notes: readonly string[]
}

interface Text {
  readonly text: string
  readonly causes: readonly Cause[]
}

/** Characters that are read, written and hashed: some seconds. */
const budget = 100_000_000
/** Changing a text costs about so much more than hashing it. */
const editing = 4

/**
 * Why a MAC does not prove a body: tries what clients are known to do to body, secret and MAC, alone and by twos, until
 * the MAC comes out. A cause that is named is proven, since nothing else makes the same MAC.
 */
export function explain(body: Buffer, mac: string, secret: string, others: readonly OtherSecret[] = []): Explanation {
  const read = readBody(body)
  const [readings, makers] = [readingsOf(mac), makersOf(secret, others, read.apiKey, read.encoding)]
  const search = new Search(readings, makers)
  const causes = search.find(read.must, read.starts)
  const other = read.signature !== undefined && read.signature !== mac
  const notes = [...read.notes, ...(other ? [otherSignature] : []), ...(search.exhausted && !causes ? [cutShort] : [])]
  return {
    signed: Buffer.from(read.must, read.encoding),
    right: causes?.length === 0,
    causes: causes ?? [],
    notes,
  }
}

const otherSignature = 'the body carries another signature than the MAC that was given'

const cutShort = 'the body is large or has many members: not everything was tried; try it with a smaller message'

class Search {
  private left = budget
  private readonly seen = new Set<string>()

  constructor(
    private readonly readings: readonly Reading[],
    private readonly makers: readonly (readonly Maker[])[],
  ) {}

  /** Whether something was left untried. */
  get exhausted(): boolean {
    return this.left <= 0
  }

  /** The fewest causes that explain the MAC; undefined when none do. */
  find(must: string, starts: readonly Text[]): readonly Cause[] | undefined {
    const own: Text = { text: must, causes: [] }
    const all = [...edits, ...schemes, ...additions(must)]
    const once = [...this.fresh([own]), ...this.fresh([...starts, ...this.edited(own, all)])]
    const [none, one] = [once.slice(0, 1), once.slice(1)]
    return (
      this.match(none, 0, 0) ??
      this.match(none, 0, 1) ??
      this.match(one, 0, 0) ??
      this.match(none, 1, 0) ??
      this.match(this.fresh(this.edited(own, exhaustive)), 0, 1) ??
      this.match(one, 0, 1) ??
      this.match(one, 1, 0) ??
      this.match(none, 1, 1) ??
      this.match(none, 2, 1) ??
      this.match(this.fresh(this.twice(one, all)), 0, 1) ??
      this.match(one, 1, 1) ??
      this.match(this.fresh(this.twice(one, exhaustive)), 0, 1)
    )
  }

  private *twice(texts: readonly Text[], all: readonly Edit[]): Generator<Text> {
    for (const text of texts) yield* this.edited(text, all)
  }

  private *edited({ text, causes }: Text, all: readonly Edit[]): Generator<Text> {
    for (const edit of all) {
      if (this.left <= 0) return
      if (causes.includes(edit.cause)) continue
      this.left -= editing * text.length
      for (const other of edit.apply(text)) yield { text: other, causes: [...causes, edit.cause] }
    }
  }

  private *fresh(texts: Iterable<Text>): Generator<Text> {
    for (const text of texts) {
      if (this.left <= 0) return
      if (this.seen.has(text.text)) continue
      this.left -= text.text.length
      this.seen.add(text.text)
      yield text
    }
  }

  /** Tries makers with so many causes, and readings of the MAC with at most so many. */
  private match(texts: Iterable<Text>, made: number, read: number): readonly Cause[] | undefined {
    const readings = this.readings.filter(({ causes }) => causes.length <= read)
    for (const { text, causes } of texts) {
      for (const maker of this.makers[made] ?? []) {
        this.left -= text.length
        if (this.left <= 0) return undefined
        const digest = maker.digest(text)
        for (const reading of readings) {
          const spelled = matches(digest, reading)
          if (spelled) return [...causes, ...maker.causes, ...spelled]
        }
      }
    }
    return undefined
  }
}

interface Body {
  readonly must: string
  readonly encoding: BufferEncoding
  readonly starts: readonly Text[]
  readonly apiKey: string | undefined
  readonly signature: string | undefined
  readonly notes: readonly string[]
}

function readBody(body: Buffer): Body {
  const notes: string[] = []
  const note = (error: unknown) => {
    if (!(error instanceof Refusal)) throw error
    notes.push(`the gateway answers ${refused} to this body: ${error.message}`)
  }
  let text: string
  try {
    text = decodeUtf8(body)
  } catch (error) {
    note(error)
    return {
      must: body.toString('latin1'),
      encoding: 'latin1',
      starts: [],
      apiKey: undefined,
      signature: undefined,
      notes,
    }
  }
  const field = text.trimStart().startsWith('{') ? undefined : fieldOf(text)
  const document = field ?? text
  let scan: Scan | undefined
  try {
    scan = scanJson(document)
  } catch (error) {
    note(error)
    scan = quietly(document.replace(/^\ufeff/, ''))
  }
  if (!scan)
    return {
      must: document,
      encoding: 'utf8',
      starts: wrapped(text, field),
      apiKey: undefined,
      signature: undefined,
      notes,
    }
  // A mark before the text is part of what was sent, though not of the JSON.
  const mark = document.startsWith('\ufeff') ? '\ufeff' : ''
  const must = mark + withoutSignature(scan)
  const { api_key: id, signature } = scan.value
  const { timestamp } = scan
  if (timestamp !== undefined && /^[0-9]{12,}$/.test(timestamp))
    notes.push(`the gateway answers ${refused} to this body: timestamp is in milliseconds; send whole Unix seconds`)
  if (typeof id === 'string' && id.startsWith('cs_'))
    notes.push(`the gateway answers ${refused} to this body: api_key is the secret, not the public id`)
  return {
    must,
    encoding: 'utf8',
    starts: [...signed(scan), ...wrapped(text, field, must)],
    apiKey: typeof id === 'string' ? id : undefined,
    signature: typeof signature === 'string' ? signature : undefined,
    notes,
  }
}

function quietly(text: string): Scan | undefined {
  try {
    return scanJson(text)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

/** The form field `json` of a body that is a form: what is signed is the field, not the form. */
function fieldOf(text: string): string | undefined {
  const part = /name="?json"?\r?\n(?:[^\r\n]+\r?\n)*\r?\n([\s\S]*?)\r?\n--/.exec(text)
  if (part) return part[1]
  try {
    return decodeForm(text.replace(/\r?\n$/, '')).find(([name]) => name === 'json')?.[1]
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

const cutIt = 'cut the whole signature member out of the signed text, with its comma'
const leftIn = cause('signature-left-in', 'the signature member was signed too', cutIt)
const emptied = cause('signature-empty', 'the text was signed with an empty signature member in it', cutIt)
const nulled = cause('signature-null', 'the text was signed with a signature member that is null', cutIt)
const comma = cause('comma-left', 'the comma or space beside the signature member was left in the signed text', cutIt)
const unclosed = cause(
  'brace-missing',
  'the text was signed only up to the signature, without the closing brace',
  cutIt,
)

/** What may have been signed instead of the text without its signature. */
function signed(scan: Scan): Text[] {
  const { text, cut } = scan
  if (!cut) return [...placed(text, '""', emptied), ...placed(text, 'null', nulled)]
  const member = text.slice(cut.start, cut.end)
  const [before, after] = [text.slice(0, cut.start), text.slice(cut.end)]
  const own = /^(\s*,?\s*)("(?:[^"\\]|\\.)*"\s*:\s*)("(?:[^"\\]|\\.)*"|[^,\s}]+)(\s*,?\s*)$/s.exec(member)
  const [, head = '', name = '', , tail = ''] = own ?? []
  return [
    { text, causes: [leftIn] },
    { text: `${before}${head}${name}""${tail}${after}`, causes: [emptied] },
    { text: `${before}${head}${name}null${tail}${after}`, causes: [nulled] },
    ...placed(before + after, '""', emptied),
    ...placed(before + after, 'null', nulled),
    ...[head + tail, ',', ', ', ' '].map((joint) => ({ text: before + joint + after, causes: [comma] })),
    { text: before, causes: [unclosed] },
  ]
}

/** A signature member put before the closing brace, and after the opening one. */
function placed(text: string, value: string, why: Cause): Text[] {
  const [end, start] = [text.lastIndexOf('}'), text.indexOf('{') + 1]
  const members = [`"signature":${value}`, `"signature": ${value}`]
  return members.flatMap((member, spaces) => [
    { text: `${text.slice(0, end)},${' '.repeat(spaces)}${member}${text.slice(end)}`, causes: [why] },
    { text: `${text.slice(0, start)}${member},${' '.repeat(spaces)}${text.slice(start)}`, causes: [why] },
  ])
}

const formSigned = cause(
  'form-signed',
  'the form around the JSON was signed, not the text of its field json',
  'sign the text of the field before it is URL-encoded',
)

function wrapped(text: string, field: string | undefined, must = field ?? ''): Text[] {
  if (field === undefined) return []
  const forms = [
    text,
    text.trimEnd(),
    String(new URLSearchParams({ json: must })),
    `json=${encodeURIComponent(must)}`,
    `json=${must}`,
  ]
  return forms.map((form) => ({ text: form, causes: [formSigned] }))
}
