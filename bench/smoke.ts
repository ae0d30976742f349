import { express, gateway } from './contenders.js'
import { compared, race } from './floors.js'
import { doubts, figure, kept } from './rounds.js'
import type { Section } from './section.js'

const leastTimes = 3

/** For CI: whether writes are still far above a transaction a command, however busy the machine is. */
export const smoke: Section = {
  name: 'smoke',
  about: 'writes beside Express, briefly: exit code 1 when they are less than 3 times as fast',
  usual: false,
  async run(bench) {
    const entrants = await race('writes', [gateway, express], bench)
    const [ours, slow] = entrants
    return {
      title: 'Writes, each durable before its reply',
      figures: entrants.map(figure),
      comparisons: [compared(ours, slow, 'rate', { must: leastTimes })],
      notes: [...entrants.flatMap(doubts), ...entrants.map(kept)],
    }
  },
}
