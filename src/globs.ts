import type { Cell } from './slices.js'
import type { SliceMatch } from './store/slices.js'

export type Matches = (name: string) => boolean

/** One list of globs, or any name where there is none. */
export function matcherOf(globs: readonly string[] | undefined): Matches {
  if (globs === undefined) return anything
  const names = new Set(globs.filter((glob) => !glob.includes('*')))
  const patterns = globs.filter((glob) => glob.includes('*')).map(compiled)
  if (patterns.length === 0) return (name) => names.has(name)
  return (name) => names.has(name) || patterns.some((matches) => matches(name))
}

const anything: Matches = () => true

/** `*` is any run of characters, everything else is itself. Each part is looked for once, behind the one before it. */
function compiled(glob: string): Matches {
  const [first = '', ...rest] = glob.split('*')
  const last = rest.pop() ?? ''
  const parts = rest.filter((part) => part !== '')
  const shortest = [first, last, ...parts].reduce((total, part) => total + part.length, 0)
  return (name) => {
    if (name.length < shortest || !name.startsWith(first) || !name.endsWith(last)) return false
    let at = first.length
    for (const part of parts) {
      const found = name.indexOf(part, at)
      if (found < 0) return false
      at = found + part.length
    }
    return name.length - last.length >= at
  }
}

interface Matchers {
  readonly server: Matches
  readonly app: Matches
  readonly stream: Matches
}

/** Characters of the slices that are kept compiled: thousands of the usual size, twenty of the largest. */
const mostKept = 1_000_000
const kept = new Map<string, Matchers>()
let keptLength = 0

/** The matchers of a slice from what is kept of it, as JSON: compiled once for as long as it is among those asked for last. */
function matchersOf(text: string): Matchers {
  const known = kept.get(text)
  if (known) return known
  const { servers, apps, streams }: SliceMatch = JSON.parse(text)
  const made = { server: matcherOf(servers), app: matcherOf(apps), stream: matcherOf(streams) }
  if (text.length > mostKept) return made
  for (const [oldest] of kept) {
    if (keptLength + text.length <= mostKept) break
    kept.delete(oldest)
    keptLength -= oldest.length
  }
  kept.set(text, made)
  keptLength += text.length
  return made
}

/** What a slice matches: the server, the application and the stream, each by one of its globs. It asks once for each name. */
export function cellMatcher(text: string): (cell: Cell) => boolean {
  const { server, app, stream } = matchersOf(text)
  const [ofServer, ofApp, ofStream] = [remembered(server), remembered(app), remembered(stream)]
  return (cell) => ofServer(cell.server) && ofApp(cell.app) && ofStream(cell.stream)
}

function remembered(matches: Matches): Matches {
  if (matches === anything) return anything
  const known = new Map<string, boolean>()
  return (name) => {
    const before = known.get(name)
    if (before !== undefined) return before
    const now = matches(name)
    known.set(name, now)
    return now
  }
}
