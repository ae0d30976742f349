import { cpus } from 'node:os'
import { holdTo } from './cpu-share.js'
import { figure, newDatabase, reachable, type Side, side, turn, twoAgainstOne, warmUp } from './postgres.js'
import { median, ratios } from './report.js'
import type { Bench, Result, Section } from './section.js'

/** Of a core, for each gateway: small enough that the database and the load have most of the machine. */
const share = 0.15
const counts = [1, 2, 3, 4, 6]

/** More and more gateways on one PostgreSQL, each as on a slow machine of its own. */
export const scaling: Section = {
  name: 'scaling',
  about: `durable writes by 1 to ${counts.at(-1)} gateways on one PostgreSQL, each held to ${share * 100} % of a core (as root)`,
  usual: false,
  async run(bench) {
    const title = `Gateways on one PostgreSQL, each held to ${share * 100} % of a core`
    if (!(await reachable())) return { title, figures: [], comparisons: [], notes: ['no PostgreSQL can be reached'] }
    return measure(title, bench)
  },
}

async function measure(title: string, bench: Bench): Promise<Result> {
  const database = await newDatabase()
  const { gateways } = await side('all of them', Math.max(...counts), database.url)
  const freed: (() => void)[] = []
  // The first of them alone, the first two, and so on: all are there all the time.
  const sides = counts.map((count): Side => {
    const label = count === 1 ? 'one gateway' : `${count} gateways`
    return { label, gateways: { ...gateways, running: gateways.running.slice(0, count) }, turns: [] }
  })
  const busy = counts.map((): number[] => [])
  try {
    for (const { pid } of gateways.running) freed.push(holdTo(share, pid))
    for (const one of sides) await turn(one, warmUp)
    for (let round = 1; round <= bench.options.rounds; round++) {
      bench.progress(`round ${round} of ${bench.options.rounds}`)
      for (const [index, one] of sides.entries()) {
        const before = processorTime()
        one.turns.push(await turn(one, bench.options.seconds))
        busy[index]?.push(busySince(before))
      }
    }
  } finally {
    await gateways.stop()
    for (const free of freed) free()
    await database.drop()
  }
  const rates = sides.map(({ turns }) => turns.map(({ perSecond }) => perSecond))
  const points = counts.map((count, index): readonly [number, number] => [count, median(rates[index] ?? [])])
  return {
    title,
    figures: sides.map(figure),
    comparisons: [
      {
        label: 'two gateways against one',
        unit: 'times',
        rounds: ratios(rates[1] ?? [], rates[0] ?? []),
        must: twoAgainstOne,
      },
    ],
    curves: [
      { name: 'gateways', title, x: 'gateways', y: 'commands a second', lines: [{ label: 'toggle-user', points }] },
    ],
    notes: [
      `how busy all cores were, with the database and the load: ${counts
        .map((count, index) => `${count}: ${Math.round(median(busy[index] ?? []) * 100)} %`)
        .join(', ')}; near 100 % the machine is the limit, not the gateways`,
    ],
  }
}

interface ProcessorTime {
  readonly idle: number
  readonly all: number
}

function processorTime(): ProcessorTime {
  const times = cpus().map((cpu) => cpu.times)
  const idle = times.reduce((sum, one) => sum + one.idle, 0)
  return { idle, all: times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, idle) }
}

function busySince(before: ProcessorTime): number {
  const { idle, all } = processorTime()
  return 1 - (idle - before.idle) / (all - before.all)
}
