import type { Outcome } from './dialect.js'

/** What is counted while requests are answered: called on the hot path, so each call is a few additions. */
export interface Meter {
  /** A request that went through the gateway; seconds. */
  answered(dialect: string, outcome: Outcome, seconds: number): void
  /** A refusal before any dialect was asked, such as broken HTTP. */
  refused(code: number): void
  /** A transaction with this many writes is on disk; seconds from its begin. */
  committed(writes: number, seconds: number): void
  /** The storage is not as it should be; the log says how. */
  trouble(): void
  /** Claims that can no longer matter were forgotten. */
  forgotten(claims: number): void
}

/** Makes the meter of an instance, whose commands bound the labels. */
export type MeterOf = (commands: { readonly has: (name: string) => boolean }) => Meter
