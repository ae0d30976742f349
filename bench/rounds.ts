import type { Running } from './contenders.js'
import { claimsIn, target } from './durability.js'
import type { Report } from './load.js'
import { cpuSeconds } from './processes.js'
import { median } from './report.js'
import type { Job } from './requests.js'
import type { Bench, Figure } from './section.js'

/** One turn of a contender, with the seconds of processor time that it took. */
export type Turn = Report & { readonly cpu: number }

/** What is sent to a contender. */
export type Traffic = Pick<Job, 'message' | 'once'> &
  Partial<Pick<Job, 'signer' | 'connections'>> & {
    /** Commands in a message: what is told counts commands. */
    readonly commands?: number
    /** Requests that are all sent before anything is measured: what a gateway reads once has been read. */
    readonly warmUp?: number
  }

/** One contender with what was measured of it. */
export interface Entrant {
  readonly label: string
  readonly running: Running
  readonly traffic: Traffic
  readonly rounds: Turn[][]
  /** Claims that were in the file before. */
  before: number
  acknowledged: number
  sent: number
}

export function entrant(label: string, running: Running, traffic: Traffic, before = 0): Entrant {
  return { label, running, traffic, rounds: [], before, acknowledged: 0, sent: 0 }
}

const warmUpSeconds = 1.5
const mostWarmUpSeconds = 60
const turnSeconds = 1
const warmUpRequests = 30_000
const maxRequests = 1_000_000

/**
 * Warms every entrant up, then lets them take short turns: whatever else the machine does meets all of them alike. `longest`: in
 * seconds, where answers take so long that those under way at the end of a short turn, which do not count, are many.
 */
export async function takeTurns(entrants: readonly Entrant[], bench: Bench, longest = turnSeconds): Promise<void> {
  const { rounds, seconds } = bench.options
  const turns = Math.max(1, Math.round(seconds / longest))
  const fastest = new Map<Entrant, number>()
  for (const one of entrants) {
    bench.progress(`warming up ${one.label}`)
    const { warmUp, commands = 1 } = one.traffic
    const { done, seconds: measured } = await (warmUp
      ? turn(one, bench, mostWarmUpSeconds, warmUp / mostWarmUpSeconds)
      : turn(one, bench, warmUpSeconds, warmUpRequests / commands))
    fastest.set(one, (done / measured) * 1.5 + 1_000)
  }
  for (let round = 1; round <= rounds; round++) {
    bench.progress(`round ${round} of ${rounds}`)
    for (const one of entrants) one.rounds.push([])
    for (let i = 0; i < turns; i++) {
      for (const one of entrants)
        one.rounds.at(-1)?.push(await turn(one, bench, seconds / turns, fastest.get(one) ?? 0))
    }
  }
}

async function turn(one: Entrant, { load, options }: Bench, seconds: number, fastest: number): Promise<Turn> {
  const requests = Math.min(maxRequests, Math.ceil(fastest * seconds))
  const job = { ...target(one.running), connections: options.connections, ...one.traffic, seconds, requests }
  const before = cpuSeconds(one.running.pid)
  const report = await load.perform(job)
  one.acknowledged += report.succeeded
  one.sent += report.sent
  if (report.done > 0) return { ...report, cpu: cpuSeconds(one.running.pid) - before }
  throw new Error(`no success from ${one.label}: ${report.firstFailure}`)
}

export const sum = (
  turns: readonly Turn[],
  what: 'done' | 'succeeded' | 'failed' | 'broken' | 'seconds' | 'cpu',
): number => turns.reduce((total, one) => total + one[what], 0)

/** By round: what was done in a second. */
export const rates = ({ rounds, traffic: { commands = 1 } }: Entrant): number[] =>
  rounds.map((turns) => (commands * sum(turns, 'done')) / sum(turns, 'seconds'))

/** By round: the median of the turns' p99, in milliseconds. */
export const tails = ({ rounds }: Entrant): number[] => rounds.map((turns) => median(turns.map(({ p99 }) => p99)))

export function figure(one: Entrant): Figure {
  const turns = one.rounds.flat()
  return {
    label: one.label,
    unit: 'a second',
    rounds: rates(one),
    p50: median(turns.map(({ p50 }) => p50)),
    p99: median(turns.map(({ p99 }) => p99)),
    cpu: (sum(turns, 'cpu') / sum(turns, 'succeeded') / (one.traffic.commands ?? 1)) * 1e6,
  }
}

/** What a reader must know before believing a line. */
export function doubts({ label, rounds }: Entrant): string[] {
  const turns = rounds.flat()
  const [failed, broken] = [sum(turns, 'failed'), sum(turns, 'broken')]
  const short = turns.filter(({ ranOut }) => ranOut).length
  const busy = median(turns.map((one) => one.busy))
  return [
    ...(failed > 0 ? [`${label}: ${failed} replies were no success and are not counted`] : []),
    ...(broken > 0 ? [`${label}: ${broken} connections or replies failed`] : []),
    ...(short > 0 ? [`${label}: ${short} turns were shorter because every signed request had been sent`] : []),
    ...(busy > 0.95 ? [`${label}: the load generator had no time left (${busy.toFixed(2)}); it may be faster`] : []),
  ]
}

/** Once it was stopped: whether its file holds a claim for each command that was acknowledged, and none that was not sent. */
export function kept({ label, running, before, acknowledged, sent }: Entrant): string {
  const claims = claimsIn(running.folder) - before
  const right = acknowledged <= claims && claims <= sent
  const verdict = right
    ? 'all in the database'
    : `NOT ALL in the database: ${claims.toLocaleString('en')} of ${sent} sent`
  return `${label}: ${acknowledged.toLocaleString('en')} commands acknowledged, ${verdict}`
}
