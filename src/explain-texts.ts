import { type Cause, cause } from './explain-cause.js'

/** One thing that a client may have done to the text before it signed it; several texts where one thing has several. */
export interface Edit {
  readonly cause: Cause
  apply(text: string): readonly string[]
}

const edit = (cause: Cause, apply: (text: string) => string | readonly string[] | undefined): Edit => ({
  cause,
  apply(text) {
    const made = apply(text) ?? []
    return (typeof made === 'string' ? [made] : made).filter((other) => other !== text)
  },
})

const strings = /"(?:[^"\\]|\\.)*"/gs
const inStrings = (text: string, change: (raw: string) => string) => text.replace(strings, (raw) => change(raw))
const outside = (text: string, change: (raw: string) => string) =>
  text.replace(/"(?:[^"\\]|\\.)*"|[^"]+/gs, (raw) => (raw.startsWith('"') ? raw : change(raw)))

const unitOf = (char: string) => char.charCodeAt(0).toString(16).padStart(4, '0')
const compact = (text: string) => outside(text, (raw) => raw.replace(/[ \t\r\n]+/g, ''))
const spaced = (text: string) => outside(compact(text), (raw) => raw.replace(/[,:]/g, '$& '))
const escapedSlashes = (text: string) =>
  inStrings(text, (raw) => raw.replace(/\\.|\//gs, (m) => (m === '/' ? '\\/' : m)))
const plainSlashes = (text: string) => inStrings(text, (raw) => raw.replace(/\\./gs, (m) => (m === '\\/' ? '/' : m)))
const escapedUnicode = (text: string) =>
  inStrings(text, (raw) => raw.replace(/[^ -~]/g, (char) => `\\u${unitOf(char)}`))
const escapes = (text: string, change: (code: number, raw: string) => string) =>
  inStrings(text, (raw) =>
    raw.replace(/\\u([0-9a-fA-F]{4})|\\./gs, (all, hex) => (hex ? change(Number.parseInt(hex, 16), all) : all)),
  )
const plainUnicode = (text: string) => escapes(text, (code, raw) => (code > 0x7e ? String.fromCharCode(code) : raw))
const markup = (text: string) =>
  inStrings(text, (raw) => raw.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${unitOf(char)}`))

/** As pretty printers write it: one member a line, `{}` and `[]` for what is empty. */
function pretty(text: string, indent: string): string {
  let depth = 0
  const line = () => `\n${indent.repeat(Math.max(0, depth))}`
  return compact(text).replace(/"(?:[^"\\]|\\.)*"|\{\}|\[\]|[{}[\],:]/gs, (token) => {
    if (token === '{' || token === '[') {
      depth++
      return token + line()
    }
    if (token === '}' || token === ']') {
      depth--
      return line() + token
    }
    if (token === ',') return token + line()
    return token === ':' ? ': ' : token
  })
}

/** Members as they are spelled, in their order; what is no object is its text. */
type Tree =
  | string
  | { readonly members: readonly (readonly [name: string, value: Tree])[] }
  | { readonly items: readonly Tree[] }

/** Reads compact JSON without changing how anything is spelled; undefined for what is no object. */
function read(text: string): Tree | undefined {
  const tokens = compact(text).match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^{}[\],:"]+/gs) ?? []
  let at = 0
  const value = (): Tree => {
    const token = tokens[at++] ?? ''
    if (token === '{') return { members: list('}', member) }
    return token === '[' ? { items: list(']', value) } : token
  }
  const member = (): readonly [string, Tree] => {
    const name = tokens[at++] ?? ''
    at++
    return [name, value()]
  }
  const list = <T>(end: string, one: () => T): T[] => {
    const all: T[] = []
    while (at < tokens.length && tokens[at] !== end) {
      all.push(one())
      if (tokens[at] === ',') at++
    }
    at++
    return all
  }
  return tokens[0] === '{' ? value() : undefined
}

function write(tree: Tree): string {
  if (typeof tree === 'string') return tree
  if ('items' in tree) return `[${tree.items.map(write).join(',')}]`
  return `{${tree.members.map(([name, value]) => `${name}:${write(value)}`).join(',')}}`
}

type Members = readonly (readonly [name: string, value: Tree])[]

const byName = ([a]: readonly [string, Tree], [b]: readonly [string, Tree]) => (a < b ? -1 : 1)
const sorted = (tree: Tree): Tree => {
  if (typeof tree === 'string') return tree
  if ('items' in tree) return { items: tree.items.map(sorted) }
  return { members: tree.members.map(([name, value]) => [name, sorted(value)] as const).sort(byName) }
}

/** Changes the top-level members, keeping the white space: compact, spaced or pretty as the text was. */
function withMembers(text: string, change: (members: Members) => readonly Members[]): readonly string[] {
  const tree = read(text)
  if (tree === undefined || typeof tree === 'string' || !('members' in tree)) return []
  const style = styleOf(text)
  return change(tree.members).map((members) => style(write({ members })))
}

const styles: readonly ((text: string) => string)[] = [
  compact,
  spaced,
  (text) => pretty(text, '  '),
  (text) => pretty(text, '    '),
  (text) => pretty(text, '\t'),
]
const styleOf = (text: string) => styles.find((style) => style(text) === text) ?? compact

const mostPermuted = 7

/** Every order of few members; of many, each one moved to every place. */
function orders(members: Members): readonly Members[] {
  if (members.length <= mostPermuted) return permutations(members)
  return members.flatMap((one, from) => {
    const others = members.filter((_, index) => index !== from)
    return members.map((_, to) => [...others.slice(0, to), one, ...others.slice(to)])
  })
}

function permutations(members: Members): Members[] {
  if (members.length < 2) return [members]
  return members.flatMap((one, index) =>
    permutations(members.filter((_, other) => other !== index)).map((rest) => [one, ...rest]),
  )
}

const replaced = (members: Members, name: string, change: (value: string) => readonly string[]): readonly Members[] => {
  const found = members.find(([other]) => other === name)?.[1]
  if (typeof found !== 'string') return []
  return change(found).map((value) => members.map((pair) => (pair[0] === name ? ([name, value] as const) : pair)))
}

const timestamp = (text: string, change: (digits: string) => readonly string[]) =>
  withMembers(text, (members) =>
    replaced(members, '"timestamp"', (raw) => {
      const quote = raw.startsWith('"') ? '"' : ''
      const digits = raw.replaceAll('"', '')
      return /^[0-9]{9,13}$/.test(digits) ? change(digits).map((made) => quote + made + quote) : []
    }),
  )

const thousand = Array.from({ length: 1000 }, (_, ms) => String(ms).padStart(3, '0'))

const asSent = 'sign exactly the bytes that are sent: serialise once, sign that text, and add the signature to it'

/** What clients do to a text between signing and sending, the likeliest first. */
export const edits: readonly Edit[] = [
  edit(
    cause(
      'newline-signed',
      'a newline at the end was signed that was not sent',
      'sign with printf %s or echo -n, not with echo',
    ),
    (text) => `${text}\n`,
  ),
  edit(
    cause(
      'newline-signed',
      'a line end (CR LF) was signed that was not sent',
      'sign the bytes of the body and nothing after them',
    ),
    (text) => `${text}\r\n`,
  ),
  edit(
    cause(
      'newline-not-signed',
      'the body was sent with white space at its end that was not signed',
      'send exactly the bytes that were signed (curl: --data-binary, printf %s instead of echo)',
    ),
    (text) => text.trimEnd(),
  ),
  edit(
    cause(
      'space-not-signed',
      'the body was sent with white space around it that was not signed',
      'send exactly the bytes that were signed',
    ),
    (text) => text.trim(),
  ),
  edit(
    cause(
      'slashes-escaped',
      'slashes were signed as \\/ but sent plain',
      `${asSent} (PHP: the same flags, JSON_UNESCAPED_SLASHES, for both)`,
    ),
    escapedSlashes,
  ),
  edit(
    cause(
      'slashes-plain',
      'slashes were signed plain but sent as \\/',
      `${asSent} (PHP: the same flags, JSON_UNESCAPED_SLASHES, for both)`,
    ),
    plainSlashes,
  ),
  edit(
    cause(
      'unicode-escaped',
      'characters beyond ASCII were signed as \\uXXXX but sent as they are',
      `${asSent} (Python: the same ensure_ascii, PHP: the same JSON_UNESCAPED_UNICODE)`,
    ),
    escapedUnicode,
  ),
  edit(
    cause(
      'unicode-plain',
      'characters beyond ASCII were signed as they are but sent as \\uXXXX',
      `${asSent} (Python: the same ensure_ascii, PHP: the same JSON_UNESCAPED_UNICODE)`,
    ),
    plainUnicode,
  ),
  edit(
    cause(
      'spaces-signed',
      'spaces after the separators were signed but not sent',
      `${asSent} (Python: the same separators for both)`,
    ),
    spaced,
  ),
  edit(cause('spaces-signed', 'spaces after the colons were signed but not sent', asSent), (text) =>
    outside(compact(text), (raw) => raw.replaceAll(':', ': ')),
  ),
  edit(
    cause(
      'compact-signed',
      'the compact text was signed, but it was sent with white space between its parts',
      `${asSent} (Python: requests’ json= serialises anew, send data= instead)`,
    ),
    compact,
  ),
  edit(cause('pretty-signed', 'the pretty-printed text was signed, but not sent so', asSent), (text) =>
    ['  ', '    ', '\t'].map((indent) => pretty(text, indent)),
  ),
  edit(cause('members-sorted', 'the members were sorted for signing, but sent in another order', asSent), (text) => {
    const tree = read(text)
    if (tree === undefined) return undefined
    const top = withMembers(text, (members) => [[...members].sort(byName)])
    return [...top, styleOf(text)(write(sorted(tree)))]
  }),
  edit(
    cause('crlf-signed', 'CR LF line ends were signed, but LF was sent', `${asSent}; send files in binary mode`),
    (text) => text.replace(/\r?\n/g, '\r\n'),
  ),
  edit(
    cause('lf-signed', 'LF line ends were signed, but CR LF was sent', `${asSent}; send files in binary mode`),
    (text) => text.replaceAll('\r\n', '\n'),
  ),
  edit(
    cause('bom-signed', 'a byte order mark was signed that was not sent', 'write UTF-8 without a byte order mark'),
    (text) => `\ufeff${text}`,
  ),
  edit(
    cause(
      'bom-sent',
      'the body was sent with a byte order mark that was not signed',
      'write UTF-8 without a byte order mark: the gateway refuses it',
    ),
    (text) => text.replace(/^\ufeff/, ''),
  ),
  edit(
    cause(
      'timestamp-milliseconds',
      'the timestamp was signed in milliseconds but sent in seconds',
      'use the same timestamp, in whole seconds, for signing and sending',
    ),
    (text) => timestamp(text, (digits) => (digits.length < 12 ? thousand.map((ms) => digits + ms) : [])),
  ),
  edit(
    cause(
      'timestamp-seconds',
      'the timestamp was signed in seconds but sent in milliseconds',
      'send whole Unix seconds, the same that were signed',
    ),
    (text) => timestamp(text, (digits) => (digits.length > 11 ? [digits.slice(0, -3)] : [])),
  ),
  edit(
    cause(
      'timestamp-twice',
      'another timestamp was signed than was sent, some seconds apart',
      'read the clock once, and sign and send that value',
    ),
    (text) => timestamp(text, (digits) => near.map((off) => String(Number(digits) + off))),
  ),
  edit(
    cause(
      'timestamp-type',
      'the timestamp was signed as a number but sent as a string, or the other way round',
      asSent,
    ),
    (text) =>
      withMembers(text, (members) =>
        replaced(members, '"timestamp"', (raw) => [raw.startsWith('"') ? raw.replaceAll('"', '') : `"${raw}"`]),
      ),
  ),
  edit(
    cause(
      'unicode-case',
      'the \\uXXXX escapes were signed with other hex letters (upper or lower case) than were sent',
      asSent,
    ),
    (text) => [
      escapes(text, (_code, raw) => raw.toLowerCase()),
      escapes(text, (_code, raw) => `\\u${raw.slice(2).toUpperCase()}`),
    ],
  ),
  edit(
    cause(
      'markup-escaped',
      '< > & were signed as \\u003c and the like but sent plain, or the other way round',
      `${asSent} (Go: SetEscapeHTML(false) for both)`,
    ),
    (text) => [
      markup(text),
      escapes(text, (code, raw) =>
        '<>&\u2028\u2029'.includes(String.fromCharCode(code)) ? String.fromCharCode(code) : raw,
      ),
    ],
  ),
  edit(
    cause(
      'serialised-anew',
      'the text was serialised anew for signing, as PHP’s json_encode does by default (\\/ and \\uXXXX)',
      asSent,
    ),
    (text) => escapedUnicode(escapedSlashes(compact(text))),
  ),
  edit(
    cause(
      'serialised-anew',
      'the text was serialised anew for signing, as Python’s json.dumps does by default (spaces and \\uXXXX)',
      asSent,
    ),
    (text) => escapedUnicode(plainSlashes(spaced(text))),
  ),
  edit(cause('serialised-anew', 'the text was serialised anew for signing, as JSON.stringify does', asSent), (text) =>
    plainUnicode(plainSlashes(compact(text))),
  ),
  edit(cause('numbers-quoted', 'numbers were signed as strings, or strings as numbers', asSent), (text) => [
    outside(text, (raw) => raw.replace(/-?[0-9][0-9.eE+-]*/g, '"$&"')),
    text.replace(/"(-?(?:0|[1-9][0-9]*))"(?!\s*:)/g, '$1'),
  ]),
  edit(
    cause(
      'signed-twice-encoded',
      'the text was encoded as a JSON string before signing',
      'sign the text itself, not JSON of it',
    ),
    (text) => JSON.stringify(text),
  ),
  edit(cause('base64-signed', 'the base64 of the body was signed', 'sign the body itself'), (text) =>
    Buffer.from(text).toString('base64'),
  ),
  edit(
    cause('url-encoded-signed', 'the URL-encoded text was signed', 'sign the text before it is URL-encoded'),
    (text) => [encodeURIComponent(text), form(text)],
  ),
  edit(
    cause(
      'timestamp-prefixed',
      'the timestamp was put before the body, as other schemes do',
      'sign the body alone: the timestamp stands in it',
    ),
    (text) => {
      const digits = /"timestamp"\s*:\s*"?([0-9]+)/.exec(text)?.[1]
      return digits === undefined ? undefined : ['.', '', '\n', ':'].map((joint) => digits + joint + text)
    },
  ),
  edit(
    cause('request-line-signed', 'method or path was signed with the body, as other schemes do', 'sign the body alone'),
    (text) =>
      ['/control', '/control/'].flatMap((path) => [
        `POST\n${path}\n${text}`,
        `POST${path}${text}`,
        `POST ${path}\n${text}`,
        path + text,
      ]),
  ),
  edit(
    cause('query-string-signed', 'the parameters were signed as a query string', 'sign the JSON text of the body'),
    (text) => {
      const tree = read(text)
      if (tree === undefined || typeof tree === 'string' || !('members' in tree)) return undefined
      const pairs = tree.members.map(([name, value]) => [unquoted(name), unquoted(write(value))] as const)
      const lists = [pairs, [...pairs].sort(([a], [b]) => (a < b ? -1 : 1))]
      return lists.flatMap((list) => [
        String(new URLSearchParams(list.map(([a, b]) => [a, b]))),
        list.map(([a, b]) => `${a}=${b}`).join('&'),
      ])
    },
  ),
]

/** Found last, since they try most: what can be told only by trying every way. */
export const exhaustive: readonly Edit[] = [
  edit(cause('members-reordered', 'the members were signed in another order than they were sent', asSent), (text) =>
    withMembers(text, orders),
  ),
]

/** One edit for each top-level member: it was added after signing. */
export const additions = (text: string): Edit[] => {
  const tree = read(text)
  if (tree === undefined || typeof tree === 'string' || !('members' in tree)) return []
  return tree.members.map(([name]) =>
    edit(
      cause(
        'member-added',
        `the member ${name} was added after signing`,
        'sign last, when everything but the signature is in the message',
      ),
      (other) => withMembers(other, (members) => [members.filter(([there]) => there !== name)]),
    ),
  )
}

const near = [-1, 1, -2, 2, -3, 3, -4, 4, -5, 5]
const form = (text: string) => String(new URLSearchParams({ json: text })).slice('json='.length)
const unquoted = (raw: string): string => {
  try {
    return raw.startsWith('"') ? String(JSON.parse(raw)) : raw
  } catch {
    return raw
  }
}
