import { readdirSync, readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { gateway, type Running, start, startFlood, users } from './contenders.js'
import { createUsers, jobOf } from './durability.js'
import { type Flooded, type Stretch, stretchSeconds } from './flood.js'
import { startLoad } from './load.js'
import { cleanUp } from './processes.js'
import { machine, median } from './report.js'

const help = `npm run soak -- [options]

Drives the gateway at five times what it can do, up to 60 s at a time with 14 s of calm in between, and says how it held: goodput, latency
of what was accepted, memory, recovery. Figures are medians of these rounds, each against the calm around it.

  --minutes N        how long, 0.1 to 1440 (default 1)
  --connections N    that are open while it is overloaded, 500 to 9000 (default 2000)
  --strict           exit code 1 when a target is missed
  --help`

/** reliability.md's fourth promise. */
const targets = { goodput: 0.8, latency: 4, recovery: 5, growth: 0.25 }
const normalConnections = 64
const times = 5
/** Overload and calm take turns. */
const longestFlood = 60
const recoverySeconds = 6
const calmSeconds = 8
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
function recovery(stretches: readonly Stretch[], before: Normal): number | undefined {
  const second = Math.round(1 / stretchSeconds)
  for (let at = 0; at + second < stretches.length; at++) {
    const some = stretches.slice(at, at + second)
    const rate = median(some.map(({ done }) => done / stretchSeconds))
    const p99 = median(some.map((one) => one.p99))
    if (rate >= targets.goodput * before.rate && p99 <= 2 * before.shortP99) return at * stretchSeconds
  }
  return undefined
}

/** What a second is like when nobody floods. */
interface Normal {
  readonly rate: number
  /** Milliseconds: of all of it, and of a quarter of a second. */
  readonly p99: number
  readonly shortP99: number
}

function normalOf({ stretches, p99 }: Flooded): Normal {
  const rate = median(stretches.map(({ done }) => done / stretchSeconds))
  return { rate, p99, shortP99: median(stretches.map((one) => one.p99)) }
}

/** One overload with the calm before and after it. */
interface Round {
  readonly before: Normal
  readonly floodSeconds: number
  readonly overload: Flooded
  readonly recovering: Flooded
  readonly after: Normal
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
  const running = await start(gateway, 'writes')
  await createUsers(running, startLoad(), users)
  const generator = startFlood()
  const job = { ...jobOf(running), connections: normalConnections, rate: 0 }
  const seen: Held[] = []
  progress('what it can do')
  const normal = async () => normalOf(await generator.perform({ ...job, seconds: calmSeconds }))
  await generator.perform({ ...job, seconds: recoverySeconds })
  let before = await normal()
  const rounds: Round[] = []
  const count = Math.ceil((minutes * 60) / (longestFlood + recoverySeconds + calmSeconds))
  const floodSeconds = Math.max(5, (minutes * 60) / count - recoverySeconds - calmSeconds)
  for (let round = 1; round <= count; round++) {
    progress(`${round} of ${count}: ${times} times ${Math.round(before.rate)} a second over ${connections} connections`)
    const sampling = setInterval(() => seen.push(held(running)), 1_000)
    const overload = await generator.perform({ ...job, connections, rate: times * before.rate, seconds: floodSeconds })
    clearInterval(sampling)
    const recovering = await generator.perform({ ...job, seconds: recoverySeconds })
    const measured: Round = { before, floodSeconds, overload, recovering, after: await normal() }
    tellRound(measured)
    rounds.push(measured)
    before = measured.after
  }
  await running.stop()
  return judge(rounds, seen)
}

/** Goodput as a share of what is normal around it: the machine's own ups and downs meet both. */
const goodput = ({ before, floodSeconds, overload, after }: Round): number =>
  overload.done / floodSeconds / ((before.rate + after.rate) / 2)

const slower = ({ before, overload, after }: Round): number => overload.p99 / ((before.p99 + after.p99) / 2)

const back = ({ before, recovering }: Round): number => recovery(recovering.stretches, before) ?? recoverySeconds

function tellRound(round: Round): void {
  const { overload, after } = round
  progress(
    `  goodput ${goodput(round).toFixed(2)}, p99 ${overload.p99.toFixed(0)} ms (${slower(round).toFixed(1)} times), refused ` +
      `${overload.shed}, normal again after ${back(round)} s: ${Math.round(after.rate)} a second`,
  )
}

function judge(rounds: readonly Round[], seen: readonly Held[]): readonly Verdict[] {
  const of = (figure: (round: Round) => number, digits: number): [middle: number, text: string] => {
    const figures = rounds.map(figure)
    const [lowest, highest] = [Math.min(...figures), Math.max(...figures)].map((value) => value.toFixed(digits))
    const middle = median(figures)
    return [middle, `${middle.toFixed(digits)} (${lowest} to ${highest})`]
  }
  const sum = (what: 'done' | 'shed' | 'unsent' | 'failed') =>
    rounds.reduce(
      (total, { overload, recovering }) => total + overload[what] + (what === 'failed' ? recovering.failed : 0),
      0,
    )
  // The first rounds fill caches and buffers.
  const settled = seen.slice(Math.floor(seen.length / 3))
  const share = Math.max(5, Math.floor(settled.length / 4))
  const [early, late] = [settled.slice(0, share), settled.slice(-share)].map((some) =>
    median(some.map(({ rss }) => rss)),
  )
  const growth = (late ?? 0) / (early ?? 1) - 1
  const mib = (bytes: number) => `${Math.round(bytes / mebibyte)} MiB`
  const failure =
    rounds.map(({ overload, recovering }) => overload.firstFailure || recovering.firstFailure).find(Boolean) ?? ''
  say(
    `accepted ${sum('done')}, refused with 1503 ${sum('shed')}, no connection free ${sum('unsent')}, failed ${sum('failed')} ${failure.slice(0, 200)}`,
  )
  const files = Math.max(...seen.map((one) => one.files))
  say(`open files at most ${files}; write-ahead log at most ${mib(Math.max(...seen.map(({ wal }) => wal)))}\n`)
  const [good, goodText] = of(goodput, 2)
  const [slow, slowText] = of(slower, 1)
  const [calmAfter, lateText] = of(back, 2)
  return [
    {
      what: 'goodput, share of what is normal',
      figure: goodText,
      target: `at least ${targets.goodput}`,
      met: good >= targets.goodput,
    },
    {
      what: 'p99 of what was accepted, times the normal one',
      figure: slowText,
      target: `less than ${targets.latency}`,
      met: slow < targets.latency,
    },
    {
      what: 'normal again after, seconds',
      figure: lateText,
      target: `at most ${targets.recovery}`,
      met: calmAfter <= targets.recovery,
    },
    {
      what: 'memory (RSS), early and late',
      figure: `${mib(early ?? 0)}, ${mib(late ?? 0)}`,
      target: `grows by less than ${targets.growth * 100} %`,
      met: growth < targets.growth,
    },
    {
      what: 'answers other than done and 1503',
      figure: String(sum('failed')),
      target: '0',
      met: sum('failed') === 0,
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
