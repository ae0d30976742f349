import type { Context } from './command.js'
import { cellMatcher } from './globs.js'
import { invalid, Refusal } from './refusal.js'
import { type Cell, isHeld, scopeOf } from './slices.js'
import { sorted } from './sorted.js'
import type { Pace } from './store/pace.js'
import type { Scope } from './store/scopes.js'

type Around = Pick<Context, 'caller' | 'store' | 'pace'>

/** What statistics are grouped by; everything together without it. */
export type GroupBy = keyof Cell | 'slice' | undefined

/** What is asked for. */
interface Asked {
  readonly server?: string | undefined
  readonly slice?: string | undefined
  readonly group_by?: GroupBy
}

interface NamedSlice {
  readonly id: string
  /** What it matches, as it is kept. */
  readonly text: string
}

/** What a caller asks for, cut to what it may see. */
export interface View {
  /** The media server that it asks for. */
  readonly server: string | undefined
  /** True where neither what it was assigned nor a slice limits it. */
  readonly isWhole: boolean
  /** Those of some cells that it shows, in their order. */
  shown<T extends Cell>(cells: readonly T[]): Promise<T[]>
  /** Those of some cells that match a slice, by each slice that it may see, or the one that it asked for; `keep` counts them. */
  bySlice<T extends Cell>(cells: readonly T[], keep: (cells: number) => void): Promise<Map<string, T[]>>
}

/**
 * The part of its account that a caller asks for and may see. Undefined when the server or slice that it names is not there;
 * throws 1403 when it was not assigned that one: an empty answer would look like no traffic.
 */
export async function viewOf(asked: Asked, around: Around): Promise<View | undefined> {
  const { server, slice } = asked
  const { store, pace } = around
  const scope = await scopeOf(around)
  requireHeld(scope?.servers, server, 'media server')
  requireHeld(scope?.slices, slice, 'data slice')
  if (server !== undefined && !(await store.servers.find(server))) return undefined
  const slices = await slicesOf(asked, scope, around)
  if (slice !== undefined && slices.length === 0) return undefined
  const isSliced = slice !== undefined || (scope?.slices.length ?? 0) > 0
  const held = new Set(scope?.servers)
  const isOnServer = (cell: Cell) =>
    (server === undefined || cell.server === server) && (held.size === 0 || held.has(cell.server))
  return {
    server,
    isWhole: scope === undefined && slice === undefined,
    async shown(cells) {
      const there = await kept(cells, isOnServer, pace)
      return isSliced ? matchedByAny(there, slices, pace) : there
    },
    async bySlice(cells, keep) {
      const groups = new Map<string, (typeof cells)[number][]>()
      for (const { id, text } of slices) {
        const own = await kept(cells, cellMatcher(text), pace)
        keep(own.length)
        groups.set(id, own)
      }
      return groups
    },
  }
}

/** The slices that an answer needs: the one that is asked for, those that were assigned, or all where each is told. */
async function slicesOf(
  { slice, group_by: by }: Asked,
  scope: Scope | undefined,
  { store }: Around,
): Promise<NamedSlice[]> {
  const assigned = scope?.slices ?? []
  const wanted = slice === undefined ? assigned : [slice]
  if (wanted.length === 0) return by === 'slice' ? store.slices.texts() : []
  const found = await Promise.all(wanted.map((id) => store.slices.text(id)))
  return found.flatMap((one) => one ?? [])
}

async function kept<T extends Cell>(cells: readonly T[], isKept: (cell: T) => boolean, pace: Pace): Promise<T[]> {
  const found: T[] = []
  for (const cell of cells) {
    if (isKept(cell)) found.push(cell)
    if (pace.isDue()) await pace.rest()
  }
  return found
}

/** One slice after the other, so that what is remembered of names is that of one slice. */
async function matchedByAny<T extends Cell>(
  cells: readonly T[],
  slices: readonly NamedSlice[],
  pace: Pace,
): Promise<T[]> {
  const found = new Set<T>()
  for (const { text } of slices) {
    const matches = cellMatcher(text)
    for (const cell of cells) {
      if (!found.has(cell) && matches(cell)) found.add(cell)
      if (pace.isDue()) await pace.rest()
    }
  }
  return kept(cells, (cell) => found.has(cell), pace)
}

function requireHeld(held: readonly string[] | undefined, asked: string | undefined, what: string): void {
  if (asked === undefined || isHeld(held ?? [], asked)) return
  throw new Refusal('FORBIDDEN', { message: `You were not assigned this ${what}` })
}

/** What the samples of one source, a stream on a server with the id of its samples, come to. */
export interface Counted extends Cell {
  readonly connections: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly viewers: ReadonlySet<string>
}

interface Totals {
  readonly connections: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly viewers: number
}

const mostRows = 1_000
/** Names between two looks at the clock. */
const namesAtOnce = 500

/** What the sources from a moment until another one come to, together and in rows. Throws 1422 where there are too many. */
export async function countedOf(
  { from, to, by }: { readonly from: number; readonly to: number; readonly by: GroupBy },
  view: View,
  { store, pace }: Pick<Context, 'store' | 'pace'>,
): Promise<{ totals: Totals; rows: (Totals & { readonly group: string })[] }> {
  const counted = await store.samples.withinReach(async (reach) => {
    const sources = await view.shown(await reach.between(from, to, view.server))
    const groups = await groupsBy(by, sources, view, (cells) => reach.keep(cells), pace)
    const rows = []
    for (const [group, own] of groups) rows.push({ group, ...(await totalsOf(own, pace)) })
    const order = await sorted(rows, (a, b) => b.connections - a.connections || (a.group < b.group ? -1 : 1), pace)
    return { totals: await totalsOf(sources, pace), rows: order.slice(0, mostRows) }
  })
  if (!counted) throw invalid('/server', 'must name one: the account has too many samples for one answer')
  return counted
}

/** Adds sources up. */
async function totalsOf(counted: readonly Counted[], pace: Pace): Promise<Totals> {
  let [connections, bytes_in, bytes_out] = [0, 0, 0]
  const viewers = new Set<string>()
  for (const source of counted) {
    connections += source.connections
    bytes_in += source.bytes_in
    bytes_out += source.bytes_out
    let names = 0
    for (const viewer of source.viewers) {
      viewers.add(viewer)
      if (++names % namesAtOnce === 0 && pace.isDue()) await pace.rest()
    }
    if (pace.isDue()) await pace.rest()
  }
  return { connections, bytes_in, bytes_out, viewers: viewers.size }
}

/** Cells by what they are grouped by. A stream that several slices match counts in each of them. */
export async function groupsBy<T extends Cell>(
  by: GroupBy,
  cells: readonly T[],
  view: View,
  keep: (cells: number) => void,
  pace: Pace,
): Promise<Map<string, T[]>> {
  if (by === 'slice') return view.bySlice(cells, keep)
  const groups = new Map<string, T[]>()
  if (by === undefined) return groups
  for (const cell of cells) {
    const group = groups.get(cell[by])
    if (group) group.push(cell)
    else groups.set(cell[by], [cell])
    if (pace.isDue()) await pace.rest()
  }
  return groups
}
