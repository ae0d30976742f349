import { parseArgs } from 'node:util'
import { batch } from './batches.js'
import { connections } from './connections.js'
import { curves } from './curves.js'
import { reads, writes } from './floors.js'
import { claims, keys, users } from './growth.js'
import { startLoad } from './load.js'
import { memory } from './memory.js'
import { engines } from './postgres.js'
import { cleanUp, pinned } from './processes.js'
import { machine, met, table } from './report.js'
import { keep } from './results.js'
import { scaling } from './scaling.js'
import type { Options, Section } from './section.js'
import { smoke } from './smoke.js'
import { starting } from './start.js'
import { statistics } from './statistics.js'

/** Every part of the benchmark, in the order of a run. */
const sections: readonly Section[] = [
  writes,
  reads,
  connections,
  batch,
  starting,
  engines,
  scaling,
  statistics,
  curves,
  claims,
  users,
  keys,
  memory,
  smoke,
]

const help = `npm run bench -- [options]

Measures the gateway beside bare node:http and Express, each in a process of its own, in turn, on the same machine.

  --quick            writes and reads in 3 rounds of 1 s a contender (default: 5 rounds of 3 s)
  --rounds N         1 to 100
  --seconds S        seconds of a contender in a round, 0.5 to 60; they take turns of about a second
  --connections N    1 to 1000 (default 64)
  --only A,B         sections:
${sections.map(({ name, about, usual }) => `                       ${name.padEnd(12)} ${about}${usual ? '' : ' (only when named)'}`).join('\n')}
  --smoke            the same as --only smoke with 3 rounds of 1 s
  --folder DIR       where the data of the statistics are kept: the next run goes on where it was left
  --cpu-prof DIR     profiles of the gateway, one file a process, are written to this folder
  --help`

interface Chosen {
  readonly options: Options
  readonly sections: readonly Section[]
}

function readOptions(): Chosen | undefined {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' },
      smoke: { type: 'boolean' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
      only: { type: 'string' },
      folder: { type: 'string' },
      'cpu-prof': { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) return undefined
  const { quick, 'cpu-prof': profiles } = values
  const brief = quick || values.smoke
  return {
    options: {
      rounds: number('rounds', values.rounds, brief ? 3 : 5, 1, 100),
      seconds: number('seconds', values.seconds, brief ? 1 : 3, 0.5, 60, false),
      connections: number('connections', values.connections, 64, 1, 1_000),
      samples: brief ? 200_000 : 10_368_000,
      folder: values.folder,
      node: profiles === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profiles],
    },
    sections: values.smoke ? [smoke] : quick && !values.only ? [writes, reads] : chosen(values.only),
  }
}

function chosen(only: string | undefined): Section[] {
  if (only === undefined) return sections.filter(({ usual }) => usual)
  return only.split(',').map((name) => {
    const section = sections.find((one) => one.name === name)
    if (!section) throw new TypeError(`--only: ${sections.map((one) => one.name).join(', ')}`)
    return section
  })
}

function number(name: string, text: string | undefined, normal: number, min: number, max: number, whole = true) {
  const value = text === undefined ? normal : Number(text)
  if (text !== '' && value >= min && value <= max && (!whole || Number.isInteger(value))) return value
  throw new TypeError(`--${name}: a ${whole ? 'whole ' : ''}number from ${min} to ${max}`)
}

const say = (text: string) => void process.stdout.write(`${text}\n`)
const progress = (text: string) => void process.stderr.write(`bench: ${text}\n`)

async function measure({ options, sections: some }: Chosen): Promise<void> {
  const load = startLoad()
  const { rounds, seconds, connections } = options
  say(`Countersign benchmark: ${rounds} rounds of ${seconds} s a contender, ${connections} connections, ${load.tool}`)
  say(machine())
  say(pinned ? 'servers on core 0, load on core 1' : 'NOTE: not pinned to cores (taskset or a second core is missing)')
  for (const { name, run } of some) {
    const result = await run({ options, load, progress: (text) => progress(`${name}: ${text}`) })
    say(table(result))
    if (name !== smoke.name) keep(name, result, load.tool, options)
    else if (!result.comparisons.every(met)) process.exitCode = 1
  }
}

try {
  const options = readOptions()
  if (!options) say(help)
  else {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        cleanUp()
        process.exit(130)
      })
    }
    await measure(options)
  }
} catch (error) {
  process.exitCode = error instanceof TypeError ? 2 : 1
  progress(error instanceof Error ? error.message : String(error))
} finally {
  cleanUp()
}
