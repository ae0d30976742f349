/** Other spellings of the same JSON text: what clients make of it between signing and sending. Nothing here checks the text. */

const strings = /"(?:[^"\\]|\\.)*"/gs
const inStrings = (text: string, change: (raw: string) => string) => text.replace(strings, (raw) => change(raw))
export const outside = (text: string, change: (raw: string) => string) =>
  text.replace(/"(?:[^"\\]|\\.)*"|[^"]+/gs, (raw) => (raw.startsWith('"') ? raw : change(raw)))

const unitOf = (char: string) => char.charCodeAt(0).toString(16).padStart(4, '0')
export const compact = (text: string) => outside(text, (raw) => raw.replace(/[ \t\r\n]+/g, ''))
export const spaced = (text: string) => outside(compact(text), (raw) => raw.replace(/[,:]/g, '$& '))
export const escapedSlashes = (text: string) =>
  inStrings(text, (raw) => raw.replace(/\\.|\//gs, (m) => (m === '/' ? '\\/' : m)))
export const plainSlashes = (text: string) =>
  inStrings(text, (raw) => raw.replace(/\\./gs, (m) => (m === '\\/' ? '/' : m)))
export const escapedUnicode = (text: string) =>
  inStrings(text, (raw) => raw.replace(/[^ -~]/g, (char) => `\\u${unitOf(char)}`))
export const escapes = (text: string, change: (code: number, raw: string) => string) =>
  inStrings(text, (raw) =>
    raw.replace(/\\u([0-9a-fA-F]{4})|\\./gs, (all, hex) => (hex ? change(Number.parseInt(hex, 16), all) : all)),
  )
export const plainUnicode = (text: string) =>
  escapes(text, (code, raw) => (code > 0x7e ? String.fromCharCode(code) : raw))
export const markup = (text: string) =>
  inStrings(text, (raw) => raw.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${unitOf(char)}`))

/** As pretty printers write it: one member a line, `{}` and `[]` for what is empty. */
export function pretty(text: string, indent: string): string {
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
export function read(text: string): Tree | undefined {
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
  return tokens[0] === '{' && depthOf(tokens) <= deepest ? value() : undefined
}

const deepest = 64

function depthOf(tokens: readonly string[]): number {
  let depth = 0
  let most = 0
  for (const token of tokens) {
    if (token === '{' || token === '[') most = Math.max(most, ++depth)
    else if (token === '}' || token === ']') depth--
  }
  return most
}

export function write(tree: Tree): string {
  if (typeof tree === 'string') return tree
  if ('items' in tree) return `[${tree.items.map(write).join(',')}]`
  return `{${tree.members.map(([name, value]) => `${name}:${write(value)}`).join(',')}}`
}

export type Members = readonly (readonly [name: string, value: Tree])[]

export const byName = ([a]: readonly [string, Tree], [b]: readonly [string, Tree]) => (a < b ? -1 : 1)
export const sorted = (tree: Tree): Tree => {
  if (typeof tree === 'string') return tree
  if ('items' in tree) return { items: tree.items.map(sorted) }
  return { members: tree.members.map(([name, value]) => [name, sorted(value)] as const).sort(byName) }
}

/** Changes the top-level members, keeping the white space: compact, spaced or pretty as the text was. */
export function withMembers(text: string, change: (members: Members) => readonly Members[]): readonly string[] {
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
export const styleOf = (text: string) => styles.find((style) => style(text) === text) ?? compact

const mostPermuted = 7

/** Every order of few members; of many, each one moved to every place. */
export function orders(members: Members): readonly Members[] {
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
