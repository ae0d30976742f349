import { cpus } from 'node:os'

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}

/** The gateway's figure of each round divided by another's of the same round. */
export function ratios(gateway: readonly number[], other: readonly number[]): number[] {
  return gateway.map((value, round) => value / (other[round] ?? Number.NaN))
}

/** What one line of the table says. */
export interface Line {
  readonly label: string
  /** By round. */
  readonly perSecond: readonly number[]
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Microseconds of processor time a request. */
  readonly cpu: number
  /** The gateway against this contender, by round; none for the gateway itself. */
  readonly ratio?: readonly number[]
  readonly target?: number
}

export const met = ({ ratio = [], target = 0 }: Line): boolean => median(ratio) >= target

const widths = [42, 10, 8, 8, 8, 28, 8, 8]
const heading = ['', 'median/s', 'p50 ms', 'p99 ms', 'CPU µs', 'gateway is (min to max)', 'target', '']

export function table(lines: readonly Line[]): string {
  return [heading, ...lines.map(cells)].map(row).join('\n')
}

function cells(line: Line): string[] {
  const { label, perSecond, p50, p99, cpu, ratio, target } = line
  const rate = Math.round(median(perSecond)).toLocaleString('en')
  const measured = [rate, p50.toFixed(1), p99.toFixed(1), Number.isNaN(cpu) ? '' : cpu.toFixed(0)]
  if (!ratio || target === undefined) return [label, ...measured, '', '', '']
  const [lowest, highest] = [Math.min(...ratio), Math.max(...ratio)].map((value) => value.toFixed(2))
  const between = `${median(ratio).toFixed(2)} times (${lowest} to ${highest})`
  return [label, ...measured, between, `>= ${target}`, met(line) ? 'met' : 'MISSED']
}

const row = (texts: readonly string[]): string =>
  texts
    .map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
    .join('')
    .trimEnd()

export const machine = (): string =>
  `${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version.slice(1)}, ${new Date().toISOString().slice(0, 10)}`
