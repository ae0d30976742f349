import type { Load } from './load.js'

export interface Options {
  readonly rounds: number
  /** Of one contender in a round; they take turns of a second or less. */
  readonly seconds: number
  readonly connections: number
  /** Of the statistics, and the folder where they are kept. */
  readonly samples: number
  readonly folder: string | undefined
  /** Options of node for the gateway. */
  readonly node: readonly string[]
}

/** What a section is given. */
export interface Bench {
  readonly options: Options
  readonly load: Load
  progress(text: string): void
}

/** What was measured of one contender. */
export interface Figure {
  readonly label: string
  readonly unit: string
  /** By round. */
  readonly rounds: readonly number[]
  /** Milliseconds. */
  readonly p50?: number
  readonly p99?: number
  /** Microseconds of the server's processor time for a request. */
  readonly cpu?: number
}

/** One of the targets, beside what was measured. */
export interface Comparison {
  readonly label: string
  /** By round: mostly one figure divided by another of the same round. */
  readonly rounds: readonly number[]
  readonly unit: string
  readonly must: number
  readonly reach?: number
  /** Whether less is better. */
  readonly atMost?: true
}

/** How a cost grows. */
export interface Curve {
  readonly name: string
  readonly title: string
  readonly x: string
  readonly y: string
  readonly lines: readonly { readonly label: string; readonly points: readonly (readonly [x: number, y: number])[] }[]
}

export interface Result {
  readonly title: string
  readonly figures: readonly Figure[]
  readonly comparisons: readonly Comparison[]
  readonly curves?: readonly Curve[]
  /** What a reader must know before believing it. */
  readonly notes: readonly string[]
}

/** One part of the benchmark: `--only NAME` runs it alone. */
export interface Section {
  readonly name: string
  readonly about: string
  /** Whether it is part of a run without `--only`. */
  readonly usual: boolean
  run(bench: Bench): Promise<Result>
}
