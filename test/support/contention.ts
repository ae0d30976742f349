import type { TestContext } from 'node:test'
import { type Nodes, nodesFor, now, posted, signed } from './nodes.js'

const clients = 24
const users = 20

/** What clients that change the same users at random on two gateways were answered. */
export interface Contention {
  readonly deadlocks: number
  /** Answers by code. */
  readonly codes: ReadonlyMap<number, number>
  /** Answers that were not 1411, of the client that had the fewest, and of the one that had the most. */
  readonly fewest: number
  readonly most: number
  /** The longest that a client waited for one of these, in milliseconds. */
  readonly longest: number
}

/** Answers that say what became of a command: done, or not done. */
export const expected: ReadonlySet<number> = new Set([3011, 3014, 3021, 9030, 9031])

/** The first found a lock held for longer than it waits, and comes again. */
export const comesAgain = 1411

export async function contention(t: TestContext, milliseconds: number): Promise<Contention> {
  const nodes = await nodesFor(t, 2)
  let sent = 0
  const send = (n: number, cmd: string, params: object) =>
    posted(nodes.servers[n % 2]?.url ?? '', signed(nodes, cmd, params, `job-${sent++}-of-the-crowd`, now()))
  // Administrators: to turn one off takes the lock of the account as well.
  for (let n = 0; n < users; n++) await send(n, 'set-user', { id: `u${n}`, user: { type: n % 2 ? 1 : 3 } })
  const codes = new Map<number, number>()
  const end = performance.now() + milliseconds
  async function client(n: number): Promise<{ answers: number; longest: number }> {
    let [answers, longest, last] = [0, 0, performance.now()]
    while (performance.now() < end) {
      const reply = await send(n, ...someCommand(n))
      const code = Number(reply?.code)
      codes.set(code, (codes.get(code) ?? 0) + 1)
      if (!expected.has(code)) continue
      const at = performance.now()
      longest = Math.max(longest, at - last)
      last = at
      answers++
    }
    return { answers, longest: Math.max(longest, performance.now() - last) }
  }
  const all = await Promise.all(Array.from({ length: clients }, (_, n) => client(n)))
  const counts = all.map(({ answers }) => answers)
  return {
    deadlocks: await deadlocksOf(nodes),
    codes,
    fewest: Math.min(...counts),
    most: Math.max(...counts),
    longest: Math.max(...all.map(({ longest }) => longest)),
  }
}

function someCommand(n: number): [cmd: string, params: object] {
  const some = () => `u${Math.floor(Math.random() * users)}`
  const toggle = () => ({ cmd: 'toggle-user', id: some() })
  const kind = Math.random()
  if (kind < 0.8) return ['toggle-user', { id: some() }]
  if (kind < 0.9) return ['set-user', { id: some(), user: { comment: String(n) } }]
  return ['batch', { commands: [toggle(), toggle(), toggle()] }]
}

async function deadlocksOf(nodes: Nodes): Promise<number> {
  const [row] = await nodes.rows<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  return Number(row?.deadlocks)
}
