import { type Contender, express, gateway, http, type Mode, start, users } from './contenders.js'
import { createUsers, gets, lone, syncsOfLoneCommands, toggles, traceable } from './durability.js'
import type { Load } from './load.js'
import { ratios } from './report.js'
import { doubts, type Entrant, entrant, figure, kept, rates, tails, takeTurns } from './rounds.js'
import type { Bench, Comparison, Result, Section } from './section.js'

/** How many times as fast as a reference the gateway is to be, and how many times as long its slowest may take. */
const targets = {
  writes: { http: { must: 0.6, reach: 0.8 }, express: { must: 5, reach: 7 } },
  reads: { http: { must: 0.5, reach: 0.7 }, express: { must: 2.5, reach: 3.5 } },
  tail: { must: 3, reach: 2, atMost: true },
} as const

/** The gateway beside bare node:http and Express. */
const section = (mode: Mode): Section => ({
  name: mode,
  about: mode === 'writes' ? 'toggle-user, durable, beside the references' : 'get-user, beside the references',
  usual: true,
  run: (bench) => measure(mode, bench),
})

export const writes = section('writes')
export const reads = section('reads')

async function measure(mode: Mode, bench: Bench): Promise<Result> {
  const entrants = await race(mode, [gateway, http, express], bench)
  const [ours, floor, slow] = entrants
  const notes = entrants.flatMap(doubts)
  if (mode === 'writes') notes.push(...entrants.map(kept), ...(await durability(bench.load)))
  return {
    title: mode === 'writes' ? 'Writes, each durable before its reply' : 'Reads',
    figures: entrants.map(figure),
    comparisons: [
      compared(ours, floor, 'rate', targets[mode].http),
      compared(ours, slow, 'rate', targets[mode].express),
      compared(ours, floor, 'tail', targets.tail),
    ],
    notes,
  }
}

/** Starts them, lets them take turns and stops them. */
export async function race(mode: Mode, contenders: readonly Contender[], bench: Bench): Promise<Entrant[]> {
  const entrants: Entrant[] = []
  for (const contender of contenders) {
    const running = await start(contender, mode, { node: bench.options.node })
    const before = await createUsers(running, bench.load, users)
    entrants.push(entrant(contender.label[mode], running, mode === 'writes' ? toggles(users) : gets(users), before))
  }
  await takeTurns(entrants, bench)
  for (const { running } of entrants) await running.stop()
  return entrants
}

type Target = Pick<Comparison, 'must' | 'reach' | 'atMost'>

/** One entrant's figure of each round divided by another's of the same round. */
export function compared(
  one: Entrant | undefined,
  other: Entrant | undefined,
  what: 'rate' | 'tail',
  goal: Target,
): Comparison {
  if (!one || !other) throw new Error('there is nobody to compare')
  const of = what === 'rate' ? rates : tails
  const label = what === 'rate' ? `${one.label} against ${other.label}` : `p99: ${one.label} against ${other.label}`
  return { label, unit: 'times', rounds: ratios(of(one), of(other)), ...goal }
}

async function durability(load: Load): Promise<string[]> {
  if (!traceable()) return ['fsyncs were not counted: strace is missing or may not trace']
  const said: string[] = []
  for (const contender of [gateway, http, express]) {
    const syncs = await syncsOfLoneCommands(contender, load)
    const verdict = syncs >= lone ? 'durable' : 'NOT DURABLE'
    said.push(`${contender.label.writes}: ${syncs} fsyncs for ${lone} commands sent one by one: ${verdict}`)
  }
  return said
}
