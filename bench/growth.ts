import { gateway, type Mode, start } from './contenders.js'
import { claimsIn, gets, toggles } from './durability.js'
import { compared } from './floors.js'
import { median } from './report.js'
import { doubts, type Entrant, entrant, figure, kept, takeTurns } from './rounds.js'
import type { Bench, Comparison, Curve, Result, Section } from './section.js'
import { type Size, seeded, signers, small } from './seeds.js'

/** One folder that was grown, and what it is called. */
interface Grown {
  readonly label: string
  readonly size: Size
}

/** A gateway on a large folder beside one on a small folder. */
async function side(mode: Mode, base: Grown, grown: Grown, bench: Bench): Promise<Entrant[]> {
  const entrants: Entrant[] = []
  for (const { label, size } of [base, grown]) {
    bench.progress(`${label}: making the rows`)
    const folder = await seeded(size, bench.load)
    const before = claimsIn(folder)
    const running = await start(gateway, mode, { folder, node: bench.options.node })
    const traffic = mode === 'writes' ? toggles(size.users) : gets(size.users)
    const signer = signers(running.secret)
    const spread = size.keys > 1 && {
      message: (n: number) => traffic.message(scattered(n, size.users)),
      signer: (n: number) => signer(scattered(n, size.keys)),
      warmUp: Math.max(size.keys, 30_000),
    }
    entrants.push(entrant(`${mode}: ${label}`, running, { ...traffic, ...spread }, before))
  }
  await takeTurns(entrants, bench)
  for (const { running } of entrants) await running.stop()
  return entrants
}

/** The nth of the numbers below `count`: each once before any comes again, and what is next to each other far apart. */
export const scattered = (n: number, count: number): number => (n * strideOf(count)) % count

function strideOf(count: number): number {
  for (let stride = Math.round(count * 0.618); ; stride++) if (commonDivisor(stride, count) === 1) return stride
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b))

interface Growing {
  readonly mode: Mode
  readonly base: Grown
  /** In the order of their size; the last one is the target. */
  readonly sizes: readonly Grown[]
  readonly goal: Pick<Comparison, 'must' | 'reach'>
  readonly of: (size: Size) => number
}

/** Each size beside the smallest: the last in full, the ones before it briefly, for the curve. */
async function grow({ mode, base, sizes, goal, of }: Growing, bench: Bench) {
  const brief = { ...bench, options: { ...bench.options, rounds: 3, seconds: 2 } }
  const points: [number, number][] = [[of(base.size), 1]]
  const notes: string[] = []
  let last: Entrant[] = []
  for (const [i, grown] of sizes.entries()) {
    last = await side(mode, base, grown, i === sizes.length - 1 ? bench : brief)
    points.push([of(grown.size), median(compared(last[1], last[0], 'rate', goal).rounds)])
    notes.push(...last.flatMap(doubts), ...(mode === 'writes' ? last.map(kept) : []))
  }
  return { figures: last.map(figure), comparison: compared(last[1], last[0], 'rate', goal), points, notes }
}

const many = (count: number): string => count.toLocaleString('en')
const withClaims = (claims: number): Grown => ({ label: `${many(claims)} claims`, size: { ...small, claims } })

export const claims: Section = {
  name: 'claims',
  about: 'writes on a table of claims, outcomes and audit rows that grows to 5 million, beside an empty one',
  usual: false,
  async run(bench): Promise<Result> {
    const { figures, comparison, points, notes } = await grow(
      {
        mode: 'writes',
        base: withClaims(0),
        sizes: [10_000, 100_000, 1_000_000, 5_000_000].map(withClaims),
        goal: { must: 0.85, reach: 0.95 },
        of: (size) => size.claims,
      },
      bench,
    )
    const curve: Curve = {
      name: 'claims',
      title: 'Writes by live claims',
      x: 'claims, each with its outcome and audit row',
      y: 'writes a second, against none',
      lines: [{ label: 'writes', points }],
    }
    return { title: 'Writes by live claims', figures, comparisons: [comparison], curves: [curve], notes }
  },
}

const withUsers = (users: number, keys: number): Grown => ({
  label: `${many(users)} users, ${many(keys)} keys`,
  size: { ...small, users, keys },
})
const withKeys = (keys: number): Grown => ({ label: `${many(keys)} keys`, size: { ...small, keys } })

interface Growth {
  readonly section: Pick<Section, 'name' | 'about'>
  readonly title: string
  readonly base: Grown
  readonly sizes: readonly Grown[]
  readonly of: (size: Size) => number
  readonly axes: Pick<Curve, 'x' | 'y'>
}

/** Writes and reads as something grows. */
const growth = ({ section, title, base, sizes, of, axes }: Growth): Section => ({
  ...section,
  usual: false,
  async run(bench): Promise<Result> {
    const by = (mode: Mode) => grow({ mode, base, sizes, goal: { must: 0.9, reach: 0.97 }, of }, bench)
    const both = [await by('writes'), await by('reads')]
    const lines = both.map(({ points }, index) => ({ label: index === 0 ? 'writes' : 'reads', points }))
    return {
      title,
      figures: both.flatMap(({ figures }) => figures),
      comparisons: both.map(({ comparison }) => comparison),
      curves: [{ name: section.name, title: `Writes and reads ${title.toLowerCase()}`, ...axes, lines }],
      notes: both.flatMap(({ notes }) => notes),
    }
  },
})

export const users = growth({
  section: {
    name: 'users',
    about: 'writes and reads with up to a million users and 100,000 keys, all of them in use, beside 1,000 of each',
  },
  title: 'By users and keys',
  base: withUsers(1_000, 1_000),
  sizes: [withUsers(10_000, 1_000), withUsers(100_000, 10_000), withUsers(1_000_000, 100_000)],
  of: (size) => size.users,
  axes: { x: 'users, with a tenth as many keys (1,000 at least)', y: 'a second, against 1,000 users' },
})

export const keys = growth({
  section: { name: 'keys', about: 'writes and reads of 1,000 users with up to 100,000 keys, all of them in use' },
  title: 'By keys',
  base: withKeys(1_000),
  sizes: [withKeys(10_000), withKeys(100_000)],
  of: (size) => size.keys,
  axes: { x: 'keys, all of them in use', y: 'a second, against 1,000 keys' },
})
