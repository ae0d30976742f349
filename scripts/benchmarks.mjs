// The tables and curves of docs/benchmarks.md, from bench/results.json.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { digits, goal, spread } from '../dist/bench/report.js'
import { svg } from '../dist/bench/svg.js'
import { table } from './markdown.mjs'

const root = join(import.meta.dirname, '..')
const results = Object.entries(JSON.parse(readFileSync(join(root, 'bench/results.json'), 'utf8')))

export function targetsTable() {
  const rows = results.flatMap(([section, { comparisons }]) =>
    comparisons.map((one) => [section, one.label, spread(one), goal(one), one.verdict, one.rounds.length]),
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

const curves = results.flatMap(([, result]) => result.curves ?? [])

export const curveImages = () =>
  curves.map(({ name, title, x, y }) => `![${title}: ${y}, by ${x}](curves/${name}.svg)`).join('\n\n')

/** Each curve as [path, text]. */
export const curveFiles = () => curves.map((curve) => [`docs/curves/${curve.name}.svg`, svg(curve)])
