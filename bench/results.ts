import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { machine, median, verdict } from './report.js'
import type { Options, Result } from './section.js'

const file = join(import.meta.dirname, '..', '..', 'bench', 'results.json')

/** Replaces one section of bench/results.json: sections may be run one by one. */
export function keep(section: string, result: Result, tool: string, { rounds, seconds, connections }: Options): void {
  const kept: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const judged = result.comparisons.map((one) => ({ ...one, median: median(one.rounds), verdict: verdict(one) }))
  const figures = result.figures.map((one) => ({ ...one, median: median(one.rounds) }))
  const written = { machine: machine(), tool, rounds, seconds, connections, ...result, figures, comparisons: judged }
  writeFileSync(file, `${JSON.stringify({ ...Object(kept), [section]: written }, rounded, 2)}\n`)
}

/** What was measured is not good to more digits than these. */
const rounded = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
