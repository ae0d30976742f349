import { stat, statfs } from 'node:fs/promises'
import { databaseFile } from './folder.js'
import type { Instance } from './instance.js'
import type { Metrics, Readings } from './metrics.js'

export interface Metered {
  readonly metrics: Metrics
  readonly instance: Pick<Instance, 'storage'>
  /** The data folder. */
  readonly folder: string
  readonly ready: () => Promise<boolean>
}

/** The page of a running gateway's metrics. */
export const metricsPage = async ({ metrics, ready, instance, folder }: Metered): Promise<string> =>
  metrics.page(await readings(instance, folder, await ready()))

async function readings(instance: Pick<Instance, 'storage'>, folder: string, ready: boolean): Promise<Readings> {
  const database = databaseFile(folder)
  // What cannot be read is not shown: a page with the rest of it tells more than none.
  const [storage, databaseBytes, walBytes, diskFreeBytes] = await Promise.all([
    instance.storage().catch(() => undefined),
    sizeOf(database),
    sizeOf(`${database}-wal`),
    statfs(folder).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => undefined,
    ),
  ])
  return {
    ready,
    writesWaiting: storage?.waiting ?? 0,
    oldestWait: storage?.longestWait ?? 0,
    oldestClaimAge: storage?.oldestClaim,
    lastBackupAge: storage?.lastBackup,
    clockAhead: storage?.clockAhead,
    databaseBytes,
    walBytes,
    diskFreeBytes,
  }
}

const sizeOf = (file: string): Promise<number | undefined> =>
  stat(file).then(
    ({ size }) => size,
    () => undefined,
  )
