import { parseArgs } from 'node:util'
import {
  cleanUp,
  contenders,
  cpuSeconds,
  type Load,
  type Mode,
  pinned,
  type Running,
  start,
  startLoad,
  users,
} from './contenders.js'
import { claimsIn, createUsers, jobOf, lone, syncsOfLoneCommands, traceable } from './durability.js'
import type { Report } from './load.js'
import { engines } from './postgres.js'
import { type Line, machine, median, met, ratios, table } from './report.js'

/** How many times as fast as a reference the gateway is to be. */
const targets: Readonly<Record<Mode, Readonly<Record<string, number>>>> = {
  writes: { http: 0.5, express: 4 },
  reads: { http: 0.5, express: 2.5 },
}

const help = `npm run bench -- [options]

Measures the gateway beside bare node:http and Express, each in a process of its own, in turn, on the same machine.

  --quick            3 rounds of 2.5 s a contender (default: 7 rounds of 5 s)
  --rounds N         1 to 100
  --seconds S        seconds of a contender in a round, 0.5 to 60; they take turns of about half a second
  --connections N    1 to 1000 (default 64)
  --only WHAT        writes or reads
  --help`

interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
  readonly modes: readonly Mode[]
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) return undefined
  const { only } = values
  if (only !== undefined && only !== 'writes' && only !== 'reads') throw new TypeError('--only: writes or reads')
  return {
    rounds: number('rounds', values.rounds, values.quick ? 3 : 7, 1, 100),
    seconds: number('seconds', values.seconds, values.quick ? 2.5 : 5, 0.5, 60, false),
    connections: number('connections', values.connections, 64, 1, 1_000),
    modes: only === undefined ? ['writes', 'reads'] : [only],
  }
}

function number(name: string, text: string | undefined, normal: number, min: number, max: number, whole = true) {
  const value = text === undefined ? normal : Number(text)
  if (text !== '' && value >= min && value <= max && (!whole || Number.isInteger(value))) return value
  throw new TypeError(`--${name}: a ${whole ? 'whole ' : ''}number from ${min} to ${max}`)
}

const say = (text: string) => void process.stdout.write(`${text}\n`)
const progress = (text: string) => void process.stderr.write(`bench: ${text}\n`)

const warmUpSeconds = 1.5
const turnSeconds = 0.5
const readRequests = 4_000
const maxRequests = 1_000_000

/** One turn of a contender, with the seconds of processor time that it took. */
type Turn = Report & { readonly cpu: number }

/** One contender with what was measured of it. */
interface Entrant {
  readonly running: Running
  readonly rounds: Turn[][]
  /** Commands that were acknowledged since the start. */
  acknowledged: number
}

/** Warms every contender up, then lets them take short turns: whatever else the machine does meets all of them alike. */
async function compare(mode: Mode, { rounds, seconds, connections }: Options, load: Load): Promise<void> {
  const entrants: Entrant[] = []
  for (const contender of contenders) {
    const running = await start(contender, mode)
    entrants.push({ running, rounds: [], acknowledged: await createUsers(running, load, users) })
  }
  const command = mode === 'writes' ? ('toggle-user' as const) : ('get-user' as const)
  const turn = async (entrant: Entrant, length: number, fastest: number): Promise<Turn> => {
    const requests = mode === 'reads' ? readRequests : Math.min(maxRequests, Math.ceil(fastest * length))
    const job = { ...jobOf(entrant.running), command, connections, seconds: length, requests }
    const before = cpuSeconds(entrant.running.pid)
    const report = await load.perform(job)
    entrant.acknowledged += report.succeeded
    if (report.done > 0) return { ...report, cpu: cpuSeconds(entrant.running.pid) - before }
    throw new Error(`no success from ${entrant.running.contender.label[mode]}: ${report.firstFailure}`)
  }
  const turns = Math.max(1, Math.round(seconds / turnSeconds))
  const warm = new Map<Entrant, number>()
  for (const entrant of entrants) {
    progress(`${mode}: warming up ${entrant.running.contender.name}`)
    const { done, seconds: measured } = await turn(entrant, warmUpSeconds, 30_000)
    warm.set(entrant, (done / measured) * 1.5 + 1_000)
  }
  for (let round = 1; round <= rounds; round++) {
    progress(`${mode}: round ${round} of ${rounds}`)
    for (const entrant of entrants) entrant.rounds.push([])
    for (let i = 0; i < turns; i++) {
      for (const entrant of entrants) {
        entrant.rounds.at(-1)?.push(await turn(entrant, seconds / turns, warm.get(entrant) ?? 0))
      }
    }
  }
  for (const { running } of entrants) await running.stop()
  tell(mode, entrants)
}

function tell(mode: Mode, entrants: readonly Entrant[]): void {
  const rates = ({ rounds }: Entrant) => rounds.map((turns) => sum(turns, 'done') / sum(turns, 'seconds'))
  const [gateway] = entrants
  const lines = entrants.map((entrant): Line => {
    const { contender } = entrant.running
    const turns = entrant.rounds.flat()
    const target = targets[mode][contender.name]
    return {
      label: contender.label[mode],
      perSecond: rates(entrant),
      p50: median(turns.map(({ p50 }) => p50)),
      p99: median(turns.map(({ p99 }) => p99)),
      cpu: (sum(turns, 'cpu') / sum(turns, 'succeeded')) * 1e6,
      ...(gateway && target !== undefined && { ratio: ratios(rates(gateway), rates(entrant)), target }),
    }
  })
  say(
    `\n${mode === 'writes' ? 'Writes a second, each durable before its reply' : 'Reads a second'}\n\n${table(lines)}\n`,
  )
  for (const line of lines) if (line.ratio && !met(line)) say(`TARGET MISSED (${mode}): against ${line.label}`)
  for (const entrant of entrants) tellDoubts(mode, entrant)
}

const sum = (turns: readonly Turn[], what: 'done' | 'succeeded' | 'failed' | 'seconds' | 'cpu'): number =>
  turns.reduce((total, turn) => total + turn[what], 0)

/** What a reader must know before believing a line. */
function tellDoubts(mode: Mode, { running, rounds, acknowledged }: Entrant): void {
  const label = running.contender.label[mode]
  const turns = rounds.flat()
  const failed = sum(turns, 'failed')
  if (failed > 0) say(`NOTE: ${label}: ${failed} replies were no success and are not counted`)
  if (median(turns.map(({ busy }) => busy)) > 0.95)
    say(`NOTE: ${label}: the load generator had no time left; it may be faster`)
  if (mode === 'reads') return
  const kept = claimsIn(running)
  const verdict = kept === acknowledged ? 'all' : `NOT ALL (${kept.toLocaleString('en')} found)`
  say(`${label}: ${acknowledged.toLocaleString('en')} commands acknowledged, ${verdict} in the database`)
}

async function tellDurability(load: Load): Promise<void> {
  if (!traceable()) return say('NOTE: fsyncs were not counted: strace is missing or may not trace')
  for (const contender of contenders) {
    const syncs = await syncsOfLoneCommands(contender, load)
    const verdict = syncs >= lone ? 'durable' : 'NOT DURABLE'
    say(`${contender.label.writes}: ${syncs} fsyncs for ${lone} commands sent one by one: ${verdict}`)
  }
}

async function measure(options: Options): Promise<void> {
  say(
    `Countersign benchmark: ${options.rounds} rounds of ${options.seconds} s a contender, ${options.connections} connections`,
  )
  say(machine())
  say(pinned ? 'server on core 0, load on core 1' : 'NOTE: not pinned to cores (taskset or a second core is missing)')
  const load = startLoad()
  for (const mode of options.modes) await compare(mode, options, load)
  if (!options.modes.includes('writes')) return
  await tellDurability(load)
  const both = await engines(options.seconds, progress)
  say(
    both
      ? `\nBoth engines, durable commands a second\n\n${both}`
      : 'NOTE: no PostgreSQL can be reached: SQLite alone was measured',
  )
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
