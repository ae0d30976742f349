import { stat, statfs } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { Listen } from './config.js'
import { databaseFile } from './folder.js'
import type { Instance } from './instance.js'
import type { Metrics, Readings } from './metrics.js'
import { metricsServer } from './metrics-server.js'

export interface Metered {
  readonly metrics: Metrics
  readonly listen: Listen
  readonly instance: Pick<Instance, 'storage'>
  /** The data folder. */
  readonly folder: string
  readonly ready: () => Promise<boolean>
  readonly onUnexpected: (error: unknown) => void
}

/** Serves the metrics of a running gateway; resolves once it listens, with what to close. */
export function serveMetrics({ metrics, listen, ready, instance, folder, onUnexpected }: Metered): Promise<Server> {
  const page = async () => metrics.page(await readings(instance, folder, await ready()))
  const server = metricsServer({ contentType: metrics.contentType, page, onUnexpected })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(listen.port, listen.host, () => resolve(server))
  })
}

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
