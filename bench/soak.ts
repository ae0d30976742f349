import { readdirSync, readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { cleanUp, contenders, type Running, start, startFlood, startLoad, users } from './contenders.js'
import { createUsers, jobOf } from './durability.js'
import { type Flooded, type Stretch, stretchSeconds } from './flood.js'
import { machine, median } from './report.js'

const help = `npm run soak -- [options]

Drives the gateway at five times what it can do and says how it held: goodput, latency of what was accepted, memory, recovery.

  --minutes N        how long, 0.1 to 1440 (default 1)
  --connections N    that are open while it is overloaded, 500 to 9000 (default 2000)
  --strict           exit code 1 when a target is missed
  --help`

/** reliability.md's fourth promise. */
const targets = { goodput: 0.8, latency: 4, recovery: 5, growth: 0.25 }
const normalConnections = 64
const times = 5
const calibration = 4
const recovering = 8
const mebibyte = 1024 * 1024

const say = (text: string) => void process.stdout.write(`${text}\n`)
const progress = (text: string) => void process.stderr.write(`soak: ${text}\n`)

/** What the process holds at a moment. */
interface Held {
  readonly rss: number
  readonly files: number
  readonly wal: number
}

function held({ pid, database }: Running): Held {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
  return { rss: pages * 4096, files: readdirSync(`/proc/${pid}/fd`).length, wal: statSync(`${database}-wal`).size }
}

/** Seconds until the first second in which everything is as it was before; undefined when there is none. */
function recovery(stretches: readonly Stretch[], peak: number, p99: number): number | undefined {
  const second = Math.round(1 / stretchSeconds)
  for (let at = 0; at + second < stretches.length; at++) {
    const some = stretches.slice(at, at + second)
    const rate = median(some.map(({ done }) => done / stretchSeconds))
    if (rate >= targets.goodput * peak && median(some.map((one) => one.p99)) <= 2 * p99) return at * stretchSeconds
  }
  return undefined
}

interface Verdict {
  readonly what: string
  readonly figure: string
  readonly target: string
  readonly met: boolean
}

function table(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(
    ({ what, figure, target, met }) => `| ${what} | ${figure} | ${target} | ${met ? 'met' : '**missed**'} |`,
  )
  return ['| | measured | target | |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

async function soak(minutes: number, connections: number): Promise<readonly Verdict[]> {
  const [contender] = contenders
  if (!contender) throw new Error('there is no gateway')
  const running = await start(contender, 'writes')
  await createUsers(running, startLoad(), users)
  const generator = startFlood()
  const job = { ...jobOf(running), connections: normalConnections, rate: 0 }
  progress('what it can do')
  await generator.perform({ ...job, seconds: 2 })
  const normal = await generator.perform({ ...job, seconds: calibration })
  const peak = median(normal.stretches.map(({ done }) => done / stretchSeconds))
  const seen: Held[] = []
  const sampling = setInterval(() => seen.push(held(running)), 1_000)
  progress(`${minutes} minutes at ${times} times ${Math.round(peak)} a second over ${connections} connections`)
  const overload = await generator.perform({ ...job, connections, rate: times * peak, seconds: minutes * 60 })
  clearInterval(sampling)
  progress('recovery')
  const after = await generator.perform({ ...job, seconds: recovering })
  await running.stop()
  return judge(normal, peak, overload, minutes * 60, after, seen)
}

function judge(
  normal: Flooded,
  peak: number,
  overload: Flooded,
  seconds: number,
  after: Flooded,
  seen: readonly Held[],
): readonly Verdict[] {
  const goodput = overload.done / seconds
  const back = recovery(after.stretches, peak, normal.p99)
  // The first seconds fill caches and buffers.
  const settled = seen.slice(Math.min(5, Math.floor(seen.length / 4)))
  const [early, late] = [settled.slice(0, 5), settled.slice(-5)].map((some) => median(some.map(({ rss }) => rss)))
  const growth = (late ?? 0) / (early ?? 1) - 1
  const mib = (bytes: number) => `${Math.round(bytes / mebibyte)} MiB`
  say(
    `accepted ${overload.done}, refused with 1503 ${overload.shed}, no connection free ${overload.unsent}, ` +
      `failed ${overload.failed} ${overload.firstFailure.slice(0, 200)}`,
  )
  const files = Math.max(...seen.map((one) => one.files))
  say(`open files at most ${files}; write-ahead log at most ${mib(Math.max(...seen.map(({ wal }) => wal)))}\n`)
  return [
    {
      what: 'goodput, commands a second',
      figure: `${Math.round(goodput)} of ${Math.round(peak)} (${(goodput / peak).toFixed(2)})`,
      target: `${targets.goodput} of peak`,
      met: goodput >= targets.goodput * peak,
    },
    {
      what: 'p99 of what was accepted',
      figure: `${overload.p99.toFixed(1)} ms, normally ${normal.p99.toFixed(1)} ms`,
      target: `less than ${targets.latency} times`,
      met: overload.p99 < targets.latency * normal.p99,
    },
    {
      what: 'memory (RSS), early and late',
      figure: `${mib(early ?? 0)}, ${mib(late ?? 0)}`,
      target: `grows by less than ${targets.growth * 100} %`,
      met: growth < targets.growth,
    },
    {
      what: 'normal again after',
      figure: back === undefined ? `more than ${recovering} s` : `${back} s`,
      target: `${targets.recovery} s`,
      met: back !== undefined && back <= targets.recovery,
    },
    {
      what: 'answers other than done and 1503',
      figure: String(overload.failed),
      target: '0',
      met: overload.failed === 0,
    },
  ]
}

function number(name: string, text: string | undefined, normal: number, min: number, max: number): number {
  const value = text === undefined ? normal : Number(text)
  if (text !== '' && value >= min && value <= max) return value
  throw new TypeError(`--${name}: a number from ${min} to ${max}`)
}

try {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      connections: { type: 'string' },
      strict: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) say(help)
  else {
    const minutes = number('minutes', values.minutes, 1, 0.1, 1440)
    const connections = number('connections', values.connections, 2_000, 500, 9_000)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        cleanUp()
        process.exit(130)
      })
    }
    say(`Countersign soak: ${minutes} minutes\n${machine()}`)
    const verdicts = await soak(minutes, connections)
    say(table(verdicts))
    if (values.strict && verdicts.some(({ met }) => !met)) process.exitCode = 1
  }
} catch (error) {
  process.exitCode = error instanceof TypeError ? 2 : 1
  progress(error instanceof Error ? (error.stack ?? error.message) : String(error))
} finally {
  cleanUp()
}
