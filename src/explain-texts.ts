import { cause, type Edit, edit } from './explain-cause.js'
import {
  byName,
  compact,
  escapedSlashes,
  escapedUnicode,
  escapes,
  type Members,
  markup,
  orders,
  outside,
  plainSlashes,
  plainUnicode,
  pretty,
  read,
  sorted,
  spaced,
  styleOf,
  withMembers,
  write,
} from './respell.js'

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

const near = [-1, 1, -2, 2, -3, 3, -4, 4, -5, 5]

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
    (text) => text.replace(/[ \t\r\n]+$/, ''),
  ),
  edit(
    cause(
      'space-not-signed',
      'the body was sent with white space around it that was not signed',
      'send exactly the bytes that were signed',
    ),
    (text) => text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, ''),
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
]

/** Found last, since they try most: what can be told only by trying every way. */
export const exhaustive: readonly Edit[] = [
  edit(
    cause(
      'timestamp-milliseconds',
      'the timestamp was signed in milliseconds but sent in seconds',
      'use the same timestamp, in whole seconds, for signing and sending',
    ),
    (text) => timestamp(text, (digits) => (digits.length < 12 ? thousand.map((ms) => digits + ms) : [])),
  ),
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
