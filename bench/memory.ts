import { readFileSync } from 'node:fs'
import { batches, most, sender } from './batches.js'
import { users } from './contenders.js'
import { target, toggles } from './durability.js'
import { median } from './report.js'
import type { Job } from './requests.js'
import type { Section } from './section.js'

const commands = 10_000_000
const steps = 20
/** Of each step: the others come in batches, or it would take a quarter of an hour. */
const singles = 50_000
const mebibyte = 1024 * 1024

/** What the process holds after each of many steps. */
export const memory: Section = {
  name: 'memory',
  about: `resident memory over ${commands.toLocaleString('en')} commands, one in ten single, the others in batches of ${most}`,
  usual: false,
  async run(bench) {
    const { running } = await sender('memory', toggles(users), bench)
    const points: [number, number][] = []
    const send = async (traffic: Pick<Job, 'message' | 'once'>, requests: number) => {
      const job = { ...target(running), ...traffic, connections: bench.options.connections, seconds: 300, requests }
      const { succeeded, firstFailure } = await bench.load.perform(job)
      if (succeeded !== requests) throw new Error(`${succeeded} of ${requests} were done: ${firstFailure}`)
    }
    for (let step = 1; step <= steps; step++) {
      bench.progress(`step ${step} of ${steps}`)
      await send(toggles(users), singles)
      await send(batches(most), (commands / steps - singles) / most)
      const pages = Number(readFileSync(`/proc/${running.pid}/statm`, 'utf8').split(' ')[1])
      points.push([(commands / steps) * step, (pages * 4096) / mebibyte])
    }
    await running.stop()
    const held = points.map(([, mib]) => mib)
    const [early, late] = [held.slice(steps / 4, steps / 2), held.slice(-steps / 4)].map(median)
    const growth = (late ?? 0) / (early ?? 1)
    return {
      title: `Memory over ${commands.toLocaleString('en')} commands`,
      figures: [{ label: 'resident memory, by step', unit: 'MiB', rounds: held }],
      comparisons: [
        { label: 'the most that was held', rounds: [Math.max(...held)], unit: 'MiB', must: 200, atMost: true },
        { label: 'the last quarter against the second', rounds: [growth], unit: 'times', must: 1.1, atMost: true },
      ],
      curves: [
        {
          name: 'memory',
          title: 'Memory by commands',
          x: 'commands',
          y: 'MiB',
          lines: [{ label: 'resident', points }],
        },
      ],
      notes: [],
    }
  },
}
