import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nanoid } from 'nanoid'
import { pino } from 'pino'
import { commands } from '../commands/index.js'
import { dialects } from '../dialects/index.js'
import { native } from '../dialects/native.js'
import { readEnv, toConfig } from '../src/config.js'
import { initialise, openData } from '../src/data.js'
import { databaseFile, isInitialised } from '../src/folder.js'
import { type Instance, openInstance } from '../src/instance.js'
import { newFolder } from './processes.js'
import { median } from './report.js'
import type { Figure, Section } from './section.js'

/** Forty streams on four servers, each reporting every ten seconds: a month of them is 10,368,000 samples. */
const serverCount = 4
const streamsOfServer = 10
const every = 10
const days = 30
const [hour, day] = [3_600, 86_400]
const samplesOfMonth = (serverCount * streamsOfServer * days * day) / every

const target = 50
const asks = 15
const root = join(import.meta.dirname, '..', '..')

/** A gateway in this process, and a clock that stands where it is put. */
interface Scene {
  readonly instance: Instance
  readonly database: string
  readonly clock: { now: number }
  /** When the month begins. */
  readonly begin: number
  /** Writes down how far it is filled. */
  remember(): void
}

async function scene(kept: string | undefined): Promise<Scene> {
  const folder = kept ?? newFolder()
  const state = join(folder, 'bench.json')
  const known = existsSync(state)
  const begin: number = known
    ? JSON.parse(readFileSync(state, 'utf8')).begin
    : Math.floor(Date.now() / 1000 / day) * day
  const clock = { now: known ? JSON.parse(readFileSync(state, 'utf8')).now : begin }
  const remember = () => writeFileSync(state, JSON.stringify({ begin, now: clock.now }))
  const around = {
    now: () => clock.now * 1000,
    randomBytes,
    randomName: nanoid,
    migrations: join(root, 'migrations'),
    logger: pino({ level: 'silent' }),
  }
  const config = toConfig(
    readEnv({ COUNTERSIGN_DATA: folder }),
    dialects.map(({ name }) => name),
  )
  if (!isInitialised(config)) await initialise(config, 1, around)
  const { db, vault, node } = await openData(config, around)
  const instance = await openInstance({
    ...config,
    ...around,
    elapsed: () => clock.now * 1000,
    db,
    vault,
    node,
    native,
    dialects,
    commands,
  })
  return { instance, database: databaseFile(folder), clock, begin, remember }
}

async function run({ instance }: Scene, command: string, params: Record<string, unknown>): Promise<object> {
  const { done, message, result } = await instance.local(command, params, { account: 1, uid: 0 })
  if (!done || !result) throw new Error(`${command}: ${message}`)
  return result
}

/** Some viewers of a hundred thousand, told by one sample in sixty. */
function viewersOf(sample: number): { viewers?: string[] } {
  if (sample % 60 !== 0) return {}
  return { viewers: Array.from({ length: 5 }, (_, n) => `viewer-${(sample * 7_919 + n * 104_729) % 100_003}`) }
}

/** A message of a server: its streams, a hundred moments long. */
function messageOf(server: number, from: number, moments: number) {
  return Array.from({ length: streamsOfServer * moments }, (_, n) => {
    const time = from + Math.floor(n / streamsOfServer) * every
    const sample = time / every + n
    return {
      time,
      app: n % 2 === 0 ? 'live' : 'news',
      stream: `${n % streamsOfServer < 5 ? 'sports' : 'film'}-${server}-${n % streamsOfServer}`,
      connections: 50 + (sample % 997),
      bytes_in: 1_000_000,
      bytes_out: 100_000_000,
      ...viewersOf(sample),
    }
  })
}

/** Reports until so much of the month is there, forgetting as a gateway does; the seconds that it took. */
async function fill(scene: Scene, until: number): Promise<number> {
  const started = performance.now()
  const length = 100 * every
  for (let from = scene.clock.now; from < until; from += 4 * length) {
    scene.clock.now = Math.min(from + 4 * length, until)
    const begins = [0, 1, 2, 3].map((part) => from + part * length).filter((begin) => begin < until)
    // What is reported at once shares a commit.
    await Promise.all(
      begins.flatMap((begin) => {
        const count = Math.ceil((Math.min(begin + length, until) - begin) / every)
        return Array.from({ length: serverCount }, (_, server) =>
          run(scene, 'stats/report', { server: `edge-${server}`, samples: messageOf(server, begin, count) }),
        )
      }),
    )
    // As often as by the hour, of that clock.
    await scene.instance.forget()
    scene.remember()
  }
  return (performance.now() - started) / 1000
}

/** Milliseconds that an answer takes, each time that it is asked for. */
async function timed(scene: Scene, params: Record<string, unknown>): Promise<{ times: number[]; rows: number }> {
  const times: number[] = []
  let rows = 0
  for (let ask = 0; ask < asks; ask++) {
    const started = performance.now()
    const result = await run(scene, 'stats/indepth', params)
    times.push(performance.now() - started)
    rows = Object(result).paging.total
  }
  return { times, rows }
}

const questions: readonly (readonly [what: string, params: object])[] = [
  ['in one row', {}],
  ['by day', { bucket: '1d' }],
  ['by hour', { bucket: '1h' }],
  ['by server', { group_by: 'server' }],
  ['by day and server', { bucket: '1d', group_by: 'server' }],
  ['by stream', { group_by: 'stream' }],
  ['by day and stream', { bucket: '1d', group_by: 'stream' }],
  ['of one server by stream', { server: 'edge-1', group_by: 'stream' }],
  ['by slice', { group_by: 'slice' }],
  ['of one slice by day', { slice: 'sports', bucket: '1d' }],
]
const ranges = [1, 7, 30] as const

const ms = (label: string, rounds: readonly number[]): Figure => ({ label, unit: 'ms', rounds })

/** Fills a month step by step, and asks as data grow and as the range grows. */
export const statistics: Section = {
  name: 'statistics',
  about: 'answers of stats/indepth over a month of samples, and how many are reported a second',
  usual: true,
  async run({ options: { samples, folder }, progress }) {
    const made = await scene(folder)
    await prepare(made)
    const filled = await fillMonth(made, samples, progress)
    const asked = await askRanges(made, progress)
    const wide = await reportWide(made)
    await made.instance.close()
    const month = asked.filter(({ what }) => !what.includes('stream') && !what.includes('slice'))
    return {
      title: `Statistics: ${filled.total.toLocaleString('en')} samples of 40 streams on 4 servers`,
      figures: [
        { label: 'reported, 10 streams a message', unit: 'samples/s', rounds: filled.rates },
        { label: 'reported, every sample of another stream', unit: 'samples/s', rounds: [wide] },
        ...asked.map(({ what, rounds, rows }) => ms(`a month ${what}: ${rows} rows`, rounds.at(-1) ?? [])),
      ],
      comparisons: month.map(({ what, rounds }) => ({
        label: `a month of one account ${what}`,
        rounds: rounds.at(-1) ?? [],
        unit: 'ms',
        must: target,
        atMost: true,
      })),
      curves: [
        { name: 'statistics-data', title: 'Answers as data grow', x: 'samples', y: 'ms', lines: filled.lines },
        {
          name: 'statistics-range',
          title: 'Answers as the range grows',
          x: 'days',
          y: 'ms',
          lines: asked.map(({ what, rounds }) => ({
            label: what,
            points: ranges.map((length, n) => [length, median(rounds[n] ?? [])] as const),
          })),
        },
      ],
      notes: [`the database has ${Math.round(statSync(made.database).size / 1e6).toLocaleString('en')} MB`],
    }
  },
}

async function prepare(made: Scene): Promise<void> {
  for (let server = 0; server < serverCount; server++) {
    await run(made, 'servers/set', { id: `edge-${server}`, name: `Edge ${server}` })
  }
  await run(made, 'slices/set', { id: 'sports', name: 'Sports', match: { streams: ['sports-*'] } })
}

async function fillMonth(made: Scene, samples: number, progress: (text: string) => void) {
  const share = Math.min(1, samples / samplesOfMonth)
  const rates: number[] = []
  const growing: readonly (readonly [label: string, days: number, params: object])[] = [
    ['a month, one row', days, {}],
    ['a month by stream', days, { group_by: 'stream' }],
    ['the last day by stream', 1, { group_by: 'stream' }],
  ]
  const lines = growing.map(([label]) => ({ label, points: [] as [number, number][] }))
  let total = 0
  for (const part of [0.03, 0.1, 0.3, 1]) {
    const from = made.clock.now
    const until = made.begin + Math.ceil((part * share * days * day) / hour) * hour
    if (until <= from) continue
    const seconds = await fill(made, until)
    rates.push((((until - from) / every) * serverCount * streamsOfServer) / seconds)
    total = ((until - made.begin) / every) * serverCount * streamsOfServer
    for (const [n, [, length, params]] of growing.entries()) {
      const { times } = await timed(made, { from: until - length * day, to: until, ...params })
      lines[n]?.points.push([total, median(times)])
    }
    progress(
      `${total.toLocaleString('en')} samples: ${lines.map(({ points }) => points.at(-1)?.[1].toFixed(1)).join(', ')} ms`,
    )
  }
  return {
    rates,
    lines,
    total: Math.max(total, ((made.clock.now - made.begin) / every) * serverCount * streamsOfServer),
  }
}

async function askRanges(made: Scene, progress: (text: string) => void) {
  const { now } = made.clock
  const asked: { what: string; rounds: number[][]; rows: number }[] = []
  for (const [what, params] of questions) {
    const rounds: number[][] = []
    let rows = 0
    for (const length of ranges) {
      const answer = await timed(made, { from: now - length * day, to: now, ...params })
      rounds.push(answer.times)
      rows = answer.rows
    }
    progress(`${what}: ${rounds.map((times) => median(times).toFixed(1)).join(', ')} ms for ${ranges.join(', ')} days`)
    asked.push({ what, rounds, rows })
  }
  return asked
}

/** The dearest messages: every sample is of another stream, so that none shares a row with another one. Samples a second. */
async function reportWide(made: Scene): Promise<number> {
  const messages = 30
  const from = made.clock.now
  const started = performance.now()
  for (let message = 0; message < messages; message++) {
    const time = from + message * 60
    made.clock.now = time
    const samples = Array.from({ length: 1_000 }, (_, n) => ({
      time,
      app: 'live',
      stream: `wide-${n}`,
      connections: n,
      bytes_in: 1_000,
      bytes_out: 100_000,
    }))
    await run(made, 'stats/report', { server: 'edge-0', samples })
  }
  return (messages * 1_000) / ((performance.now() - started) / 1000)
}
