import { batches, sender } from './batches.js'
import { users } from './contenders.js'
import { gets, toggles } from './durability.js'
import { median } from './report.js'
import { rates, type Traffic, takeTurns } from './rounds.js'
import type { Bench, Curve, Section } from './section.js'

/** One gateway takes turns over every point of a line. */
async function line(label: string, points: readonly (readonly [x: number, traffic: Traffic])[], bench: Bench) {
  const first = await sender(label, toggles(users), bench)
  const entrants = points.map(([x, traffic]) => ({ ...first, label: `${label}: ${x}`, traffic, rounds: [] }))
  await takeTurns(entrants, { ...bench, options: { ...bench.options, rounds: 3, seconds: 1 } })
  await first.running.stop()
  return { label, points: points.map(([x], i): [number, number] => [x, median(rates(entrants[i] ?? first))]) }
}

const setUser = (length: number): Traffic => ({
  message: (n) => ({
    cmd: 'set-user',
    id: `u${n % users}`,
    user: { comment: 'c'.repeat(Math.min(length, 1_024)), ip: '1'.repeat(Math.max(0, length - 1_024)) },
  }),
  once: true,
})

/** Lines that have no target of their own. */
export const curves: Section = {
  name: 'curves',
  about: 'how speed changes with connections, the size of bodies, and the size of batches',
  usual: true,
  async run(bench) {
    const connections = [1, 4, 16, 64, 256, 1_000]
    const over = (traffic: Traffic) => connections.map((count) => [count, { ...traffic, connections: count }] as const)
    const drawn: Curve[] = [
      {
        name: 'connections',
        title: 'Writes and reads by connections',
        x: 'connections, all of them busy',
        y: 'a second',
        lines: [await line('writes', over(toggles(users)), bench), await line('reads', over(gets(users)), bench)],
      },
      {
        name: 'bodies',
        title: 'Writes by size of the body',
        x: 'bytes of text in a set-user, beside about 220 others',
        y: 'a second',
        lines: [
          await line(
            'set-user',
            [1, 128, 512, 1_024, 2_048].map((size) => [size, setUser(size)] as const),
            bench,
          ),
        ],
      },
      {
        name: 'batches',
        title: 'Commands by size of the batch',
        x: 'commands in a batch',
        y: 'commands a second',
        lines: [
          await line(
            'batch',
            [1, 3, 10, 30, 100].map((size) => [size, batches(size)] as const),
            bench,
          ),
        ],
      },
    ]
    const figures = drawn.flatMap(({ lines, title }) =>
      lines.flatMap(({ label, points }) =>
        points.map(([x, y]) => ({ label: `${title}: ${label}, ${x}`, unit: 'a second', rounds: [y] })),
      ),
    )
    return { title: 'Curves', figures, comparisons: [], curves: drawn, notes: [] }
  },
}
