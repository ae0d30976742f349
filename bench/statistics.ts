import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nanoid } from 'nanoid'
import { pino } from 'pino'
import { commands } from '../commands/index.js'
import { dialects } from '../dialects/index.js'
import { native } from '../dialects/native.js'
import { readEnv, toConfig } from '../src/config.js'
import { databaseFile, initialise, isInitialised, openData } from '../src/data.js'
import { type Instance, openInstance } from '../src/instance.js'
import { newFolder } from './contenders.js'
import { median } from './report.js'

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
  if (!isInitialised(folder)) await initialise(config, 1, around)
  const { db, vault } = await openData(config, around)
  const instance = await openInstance({ ...config, ...around, db, vault, native, dialects, commands })
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
  const moments = 100
  const length = moments * every
  for (let from = scene.clock.now; from < until; from += length) {
    scene.clock.now = Math.min(from + length, until)
    const count = Math.ceil((scene.clock.now - from) / every)
    // Servers report at once, and share a commit.
    await Promise.all(
      Array.from({ length: serverCount }, (_, server) =>
        run(scene, 'stats/report', { server: `edge-${server}`, samples: messageOf(server, from, count) }),
      ),
    )
    if ((from - scene.begin) % (10 * length) === 0) {
      await scene.instance.forget()
      scene.remember()
    }
  }
  scene.remember()
  return (performance.now() - started) / 1000
}

/** Milliseconds that an answer takes. */
async function timed(scene: Scene, params: Record<string, unknown>): Promise<{ ms: number; rows: number }> {
  const times: number[] = []
  let rows = 0
  for (let ask = 0; ask < asks; ask++) {
    const started = performance.now()
    const result = await run(scene, 'stats/indepth', params)
    times.push(performance.now() - started)
    rows = Object(result).paging.total
  }
  return { ms: median(times), rows }
}

const questions: readonly (readonly [what: string, params: object])[] = [
  ['all of it, one row', {}],
  ['by day', { bucket: '1d' }],
  ['by hour', { bucket: '1h' }],
  ['by server', { group_by: 'server' }],
  ['by day and server', { bucket: '1d', group_by: 'server' }],
  ['by stream', { group_by: 'stream' }],
  ['by day and stream', { bucket: '1d', group_by: 'stream' }],
  ['one server, by stream', { server: 'edge-1', group_by: 'stream' }],
  ['by slice', { group_by: 'slice' }],
  ['one slice, by hour', { slice: 'sports', bucket: '1h' }],
]
const ranges = [1, 7, 30] as const

/**
 * Fills a month step by step and says what answers take, as data grow and as the range grows. In a folder of its own, or one that
 * is kept: then it goes on where it was left.
 */
export async function measureStatistics(
  samples: number,
  kept: string | undefined,
  say: (text: string) => void,
): Promise<void> {
  const made = await scene(kept)
  const share = Math.min(1, samples / samplesOfMonth)
  const { begin } = made
  for (let server = 0; server < serverCount; server++) {
    await run(made, 'servers/set', { id: `edge-${server}`, name: `Edge ${server}` })
  }
  await run(made, 'slices/set', { id: 'sports', name: 'Sports', match: { streams: ['sports-*'] } })
  say('\nStatistics: 40 streams on 4 servers, a sample every 10 s, in messages of 1,000\n')
  say(row(['samples', 'reported/s', 'file MB', 'month, one row', 'by stream', 'last day, by stream']))
  for (const part of [0.03, 0.1, 0.3, 1]) {
    const from = made.clock.now
    const until = begin + Math.ceil((part * share * days * day) / hour) * hour
    if (until <= from) continue
    const seconds = await fill(made, until)
    const count = (until - begin) / every
    const { now } = made.clock
    const month = { from: now - days * day, to: now }
    const figures = [
      await timed(made, month),
      await timed(made, { ...month, group_by: 'stream' }),
      await timed(made, { from: now - day, to: now, group_by: 'stream' }),
    ]
    const rate = Math.round((((until - from) / every) * serverCount * streamsOfServer) / seconds)
    const size = Math.round(statSync(made.database).size / 1e6)
    const cells = [count * serverCount * streamsOfServer, rate, size].map((number) => number.toLocaleString('en'))
    say(row([...cells, ...figures.map(({ ms }) => `${ms.toFixed(1)} ms`)]))
  }
  await tellRanges(made, say)
  await tellSpread(made, say)
  await made.instance.close()
}

async function tellRanges(made: Scene, say: (text: string) => void): Promise<void> {
  const { now } = made.clock
  say(`\n${row(['what is asked', ...ranges.map((length) => `${length} days`), 'rows of the last'])}`)
  const missed: string[] = []
  for (const [what, params] of questions) {
    const found: { ms: number; rows: number }[] = []
    for (const length of ranges) found.push(await timed(made, { from: now - length * day, to: now, ...params }))
    say(row([what, ...found.map(({ ms }) => `${ms.toFixed(1)} ms`), String(found.at(-1)?.rows)]))
    if (!what.includes('stream') && !what.includes('slice') && (found.at(-1)?.ms ?? 0) >= target) missed.push(what)
  }
  say(`\nA month for one account is to be answered in under ${target} ms: ${missed.length === 0 ? 'met' : 'MISSED'}`)
  for (const what of missed) say(`TARGET MISSED (statistics): ${what}`)
}

/** The dearest messages: every sample is of another stream, so that none shares a row with another one. */
async function tellSpread(made: Scene, say: (text: string) => void): Promise<void> {
  const messages = 30
  const from = made.clock.now
  const started = performance.now()
  for (let message = 0; message < messages; message++) {
    made.clock.now = from + message * 60
    const samples = Array.from({ length: 1_000 }, (_, n) => ({
      time: made.clock.now,
      app: 'live',
      stream: `wide-${n}`,
      connections: n,
      bytes_in: 1_000,
      bytes_out: 100_000,
    }))
    await run(made, 'stats/report', { server: 'edge-0', samples })
  }
  const rate = Math.round((messages * 1_000) / ((performance.now() - started) / 1000))
  say(`\nOne sample each of 1,000 streams a message: ${rate.toLocaleString('en')} samples reported a second`)
}

const widths = [26, 16, 16, 16, 16, 22]
const row = (texts: readonly string[]): string =>
  texts
    .map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
    .join('')
    .trimEnd()
