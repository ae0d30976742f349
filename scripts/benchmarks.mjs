// The tables and curves of docs/benchmarks.md, from bench/results.json.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { digits, goal, spread } from '../dist/bench/report.js'
import { svg } from '../dist/bench/svg.js'
import { table } from './markdown.mjs'

const root = join(import.meta.dirname, '..')
const results = Object.entries(JSON.parse(readFileSync(join(root, 'bench/results.json'), 'utf8')))

export function targetsTable() {
  const rows = results.flatMap(([section, { comparisons, rounds }]) =>
    comparisons.map((one) => [
      section,
      one.label,
      spread(one),
      goal(one),
      one.verdict,
      `${one.rounds.length ?? rounds}`,
    ]),
  )
  return table(['section', 'what', 'median (spread)', 'target', 'verdict', 'rounds'], rows)
}

export function figuresTable() {
  const rows = results.flatMap(([section, { figures, machine, tool }]) =>
    figures
      .filter(({ rounds }) => section !== 'curves' && section !== 'memory' && rounds.length > 0)
      .map((one) => [
        section,
        one.label,
        `${spread(one)} ${one.unit}`,
        ...[one.p50, one.p99, one.cpu].map((value) => (value === undefined ? '' : digits(value))),
        `${tool}; ${machine}`,
      ]),
  )
  return table(['section', 'what', 'median (spread)', 'p50 ms', 'p99 ms', 'CPU µs', 'measured with'], rows)
}

/** Each curve as [path, text]. */
export function curveFiles() {
  return results.flatMap(([, { curves = [] }]) => curves).map((curve) => [`docs/curves/${curve.name}.svg`, svg(curve)])
}
