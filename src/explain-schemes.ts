import { cause, type Edit, edit } from './explain-cause.js'
import { read, write } from './respell.js'

/** What other schemes sign in place of the text itself. */
export const schemes: readonly Edit[] = [
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
        String(new URLSearchParams(Object.fromEntries(list))),
        list.map(([a, b]) => `${a}=${b}`).join('&'),
      ])
    },
  ),
]

const form = (text: string) => String(new URLSearchParams({ json: text })).slice('json='.length)
const unquoted = (raw: string): string => {
  try {
    return raw.startsWith('"') ? String(JSON.parse(raw)) : raw
  } catch {
    return raw
  }
}
