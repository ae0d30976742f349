import { gateway, start, users } from './contenders.js'
import { createUsers, toggles } from './durability.js'
import { compared } from './floors.js'
import { doubts, type Entrant, entrant, figure, kept, type Traffic, takeTurns } from './rounds.js'
import type { Bench, Section } from './section.js'

export const most = 100

/** A hundred toggles under one signature, beside as many messages. */
export const batch: Section = {
  name: 'batch',
  about: `commands in batches of ${most} beside single ones`,
  usual: true,
  async run(bench) {
    const entrants = [
      await sender('single commands', toggles(users), bench),
      await sender(`batches of ${most}`, batches(most), bench),
    ]
    const [single, batched] = entrants
    // A message takes a tenth of a second.
    await takeTurns(entrants, bench, 3)
    for (const { running } of entrants) await running.stop()
    return {
      title: 'Commands in batches',
      figures: entrants.map(figure),
      comparisons: [compared(batched, single, 'rate', { must: 5, reach: 10 })],
      notes: [...entrants.flatMap(doubts), ...entrants.map(kept)],
    }
  },
}

/** Messages that toggle as many users each. */
export const batches = (size: number): Traffic => ({
  message: (n) => ({
    cmd: 'batch',
    commands: Array.from({ length: size }, (_, i) => ({ cmd: 'toggle-user', id: `u${(n * size + i) % users}` })),
  }),
  once: true,
  commands: size,
})

/** A new gateway with its users, and what it is sent. */
export async function sender(label: string, traffic: Traffic, bench: Bench): Promise<Entrant> {
  const running = await start(gateway, 'writes', { node: bench.options.node })
  return entrant(label, running, traffic, await createUsers(running, bench.load, users))
}
