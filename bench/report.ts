import { cpus } from 'node:os'
import type { Comparison, Figure, Result } from './section.js'

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}

/** One's figure of each round divided by another's of the same round. */
export function ratios(one: readonly number[], other: readonly number[]): number[] {
  return one.map((value, round) => value / (other[round] ?? Number.NaN))
}

const within = (value: number, limit: number, atMost: boolean | undefined) => (atMost ? value <= limit : value >= limit)

export const met = ({ rounds, must, atMost }: Comparison): boolean => within(median(rounds), must, atMost)

export function verdict(comparison: Comparison): 'MISSED' | 'met' | 'reached' {
  if (!met(comparison)) return 'MISSED'
  const { rounds, reach, atMost } = comparison
  return reach !== undefined && within(median(rounds), reach, atMost) ? 'reached' : 'met'
}

/** Three digits that count. */
export const digits = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))

export const spread = ({ rounds }: { readonly rounds: readonly number[] }): string =>
  `${digits(median(rounds))} (${digits(Math.min(...rounds))} to ${digits(Math.max(...rounds))})`

export const goal = ({ must, reach, atMost, unit }: Comparison): string =>
  `${atMost ? '<=' : '>='} ${must} ${unit}${reach === undefined ? '' : `, better ${reach}`}`

/** A result as text for a terminal. */
export function table({ title, figures, comparisons, notes }: Result): string {
  const rows = [['', 'median (spread)', '', 'p50 ms', 'p99 ms', 'CPU µs'], ...figures.map(cells)]
  const judged = comparisons.map((one) => [one.label, spread(one), goal(one), verdict(one)])
  return [`\n${title}\n`, ...aligned(rows), '', ...aligned(judged), ...notes.map((note) => `- ${note}`)].join('\n')
}

function cells(figure: Figure): string[] {
  const { label, unit, p50, p99, cpu } = figure
  return [label, spread(figure), unit, fixed(p50, 1), fixed(p99, 1), fixed(cpu, 0)]
}

const fixed = (value: number | undefined, places: number): string =>
  value === undefined || Number.isNaN(value) ? '' : value.toFixed(places)

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) for (const [i, text] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, text.length)
  return rows.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

export const machine = (): string =>
  `${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version.slice(1)}, ${new Date().toISOString().slice(0, 10)}`
