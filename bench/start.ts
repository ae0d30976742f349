import { gateway, start } from './contenders.js'
import type { Section } from './section.js'
import { seeded, small } from './seeds.js'

const million = 1_000_000

/** How long `countersign serve` takes until it listens. */
export const starting: Section = {
  name: 'start',
  about: 'how long "countersign serve" takes until it is ready with a million users',
  usual: true,
  async run(bench) {
    const sizes = [small.users, million]
    const figures = []
    for (const users of sizes) {
      bench.progress(`making ${users} users`)
      const folder = await seeded({ ...small, users }, bench.load)
      const rounds: number[] = []
      for (let round = 0; round < bench.options.rounds; round++) {
        const begun = performance.now()
        const running = await start(gateway, 'reads', { folder })
        rounds.push((performance.now() - begun) / 1000)
        await running.stop()
      }
      figures.push({ label: `ready with ${users.toLocaleString('en')} users`, unit: 'seconds', rounds })
    }
    const [, full] = figures
    const goal = { unit: 'seconds', must: 1, atMost: true } as const
    const comparisons = full ? [{ label: full.label, rounds: full.rounds, ...goal }] : []
    return { title: 'From the start of the process until it listens', figures, comparisons, notes: [] }
  },
}
