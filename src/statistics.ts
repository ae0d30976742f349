import type { Context } from './command.js'
import { Refusal } from './refusal.js'
import { type Cell, isHeld, scopeOf, sliceMatcher } from './slices.js'

type Around = Pick<Context, 'caller' | 'store'>

/** What a caller asks for, cut to what it may see. */
export interface View {
  /** The media server that it asks for. */
  readonly server: string | undefined
  /** True where neither what it was assigned nor a slice limits it. */
  readonly isWhole: boolean
  matches(cell: Cell): boolean
  /** The slices that it may see, or the one that it asked for. */
  readonly slices: readonly { readonly id: string; matches(cell: Cell): boolean }[]
}

/**
 * The part of its account that a caller asks for and may see. Undefined when the server or slice that it names is not there;
 * throws 1403 when it was not assigned that one: an empty answer would look like no traffic.
 */
export async function viewOf(
  { server, slice }: { readonly server?: string | undefined; readonly slice?: string | undefined },
  around: Around,
): Promise<View | undefined> {
  const scope = await scopeOf(around)
  requireHeld(scope?.servers, server, 'media server')
  requireHeld(scope?.slices, slice, 'data slice')
  const { store } = around
  if (server !== undefined && !(await store.servers.find(server))) return undefined
  const all = (await store.slices.list()).map(({ id, match }) => ({ id, matches: sliceMatcher(match) }))
  const asked = all.filter(({ id }) => (slice === undefined ? isHeld(scope?.slices ?? [], id) : id === slice))
  if (slice !== undefined && asked.length === 0) return undefined
  const sliced = slice !== undefined || (scope?.slices.length ?? 0) > 0
  return {
    server,
    isWhole: scope === undefined && slice === undefined,
    slices: asked,
    matches: (cell) =>
      (server === undefined || cell.server === server) &&
      isHeld(scope?.servers ?? [], cell.server) &&
      (!sliced || asked.some(({ matches }) => matches(cell))),
  }
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
  readonly viewers: readonly string[]
}

interface Totals {
  readonly connections: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly viewers: number
}

const mostRows = 1_000

/** Adds sources up. */
export function totalsOf(counted: readonly Counted[]): Totals {
  const sum = (what: 'connections' | 'bytes_in' | 'bytes_out') =>
    counted.reduce((total, source) => total + source[what], 0)
  const viewers = new Set(counted.flatMap((source) => source.viewers))
  return {
    connections: sum('connections'),
    bytes_in: sum('bytes_in'),
    bytes_out: sum('bytes_out'),
    viewers: viewers.size,
  }
}

/** A row for each group, those with the most connections first. A stream that several slices match counts in each of them. */
export function rowsBy(
  by: keyof Cell | 'slice',
  counted: readonly Counted[],
  { slices }: View,
): (Totals & { readonly group: string })[] {
  const groups = by === 'slice' ? bySlice(counted, slices) : byName(counted, by)
  const rows = [...groups].map(([group, sources]) => ({ group, ...totalsOf(sources) }))
  return rows.sort((a, b) => b.connections - a.connections || (a.group < b.group ? -1 : 1)).slice(0, mostRows)
}

const bySlice = (counted: readonly Counted[], slices: View['slices']): Map<string, Counted[]> =>
  new Map(slices.map(({ id, matches }) => [id, counted.filter(matches)]))

/** Cells with the same server, application or stream together. */
export function byName<T extends Cell>(cells: readonly T[], by: keyof Cell): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const source of cells) {
    const group = groups.get(source[by])
    if (group) group.push(source)
    else groups.set(source[by], [source])
  }
  return groups
}
