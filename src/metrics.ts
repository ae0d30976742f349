import { Counter, collectDefaultMetrics, Gauge, Histogram as PromHistogram, Registry } from 'prom-client'
import { isDone } from '../schemas/codes.js'
import type { Outcome } from './dialect.js'
import { Histogram } from './histogram.js'
import type { Meter, MeterOf } from './meter.js'
import { type OutcomeLabel, Tallies } from './tallies.js'

/** What is looked up when the page is asked for. Seconds, bytes; undefined is not shown. */
export interface Readings {
  readonly ready: boolean
  readonly writesWaiting: number
  readonly oldestWait: number
  readonly oldestClaimAge: number | undefined
  readonly lastBackupAge: number | undefined
  readonly clockAhead: number | undefined
  readonly databaseBytes: number | undefined
  readonly walBytes: number | undefined
  readonly diskFreeBytes: number | undefined
}

export interface Metrics {
  readonly meterOf: MeterOf
  /** The page in Prometheus' exposition format. */
  page(readings: Readings): Promise<string>
  readonly contentType: string
}

/** What `/metrics` shows of one process. `build` becomes the labels of `countersign_build_info`. */
export function createMetrics(build: Readonly<Record<'version' | 'node' | 'schema', string>>): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const tallies = new Tallies()
  const durations = new Histogram('countersign_request_seconds', 'Seconds from the whole body to the reply', 'command')
  new Counter({
    name: 'countersign_requests_total',
    help: 'Requests answered; the command is "unknown" unless its sender proved who they are',
    labelNames: ['dialect', 'command', 'code', 'outcome'],
    registers,
    collect() {
      this.reset()
      for (const { count, ...labels } of tallies.all) this.inc(labels, count)
    },
  })
  const commits = new PromHistogram({
    name: 'countersign_commit_seconds',
    help: 'Seconds a transaction of writes took, the sync to disk included',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
  const batches = new PromHistogram({
    name: 'countersign_batch_writes',
    help: 'Writes that shared a transaction',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers,
  })
  const troubles = new Counter({
    name: 'countersign_storage_troubles_total',
    help: 'Failures and repairs of the storage; the log says which',
    registers,
  })
  const forgotten = new Counter({
    name: 'countersign_claims_forgotten_total',
    help: 'Claims on messages that were forgotten because they can no longer matter',
    registers,
  })
  new Gauge({
    name: 'countersign_build_info',
    help: 'What runs here: always 1',
    labelNames: ['version', 'node', 'schema'],
    registers,
  }).set(build, 1)
  const gauges = gaugesOf(registry)

  function meterOf(commands: { readonly has: (name: string) => boolean }): Meter {
    const named = (name: string | undefined) => (name !== undefined && commands.has(name) ? name : 'unknown')
    return {
      answered(dialect, outcome, seconds) {
        const command = named(outcome.command)
        tallies.add(dialect, command, outcome.entry.code, labelOf(outcome))
        durations.observe(command, seconds)
      },
      refused: (code) => tallies.add('none', 'unknown', code, 'refused'),
      committed(writes, seconds) {
        batches.observe(writes)
        commits.observe(seconds)
      },
      trouble: () => troubles.inc(),
      forgotten: (claims) => forgotten.inc(claims),
    }
  }

  return {
    meterOf,
    async page(readings) {
      for (const [gauge, read] of gauges) {
        const value = read(readings)
        if (value === undefined) gauge.remove()
        else gauge.set(Number(value))
      }
      return (await registry.metrics()) + durations.text()
    },
    contentType: registry.contentType,
  }
}

function labelOf({ replayed, refused, entry }: Outcome): OutcomeLabel {
  if (replayed) return 'replayed'
  if (refused) return 'refused'
  return isDone(entry.code) ? 'done' : 'not done'
}

type Read = (readings: Readings) => number | boolean | undefined

function gaugesOf(registry: Registry): [Gauge, Read][] {
  const gauge = (name: string, help: string, read: Read): [Gauge, Read] => [
    new Gauge({ name: `countersign_${name}`, help, registers: [registry] }),
    read,
  ]
  return [
    gauge('ready', '1 when a write would succeed, as /readyz says', ({ ready }) => ready),
    gauge('writes_waiting', 'Writes that wait for their transaction', ({ writesWaiting }) => writesWaiting),
    gauge('oldest_wait_seconds', 'How long the first of them has waited', ({ oldestWait }) => oldestWait),
    gauge('oldest_claim_age_seconds', 'Age of the oldest claim that is kept', ({ oldestClaimAge }) => oldestClaimAge),
    gauge('last_backup_age_seconds', 'Age of the newest backup', ({ lastBackupAge }) => lastBackupAge),
    gauge('clock_ahead_seconds', 'How far this clock is ahead of the database server', ({ clockAhead }) => clockAhead),
    gauge('database_bytes', 'Size of the database file', ({ databaseBytes }) => databaseBytes),
    gauge('wal_bytes', 'Size of the write-ahead log beside it', ({ walBytes }) => walBytes),
    gauge('disk_free_bytes', 'Space left where the data folder is', ({ diskFreeBytes }) => diskFreeBytes),
  ]
}
