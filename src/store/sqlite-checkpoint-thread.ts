import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

/** Runs in a thread of its own, with a connection of its own: see {@link Checkpoints}. */
function serve(file: string): void {
  const database = new Database(file, { timeout: 0 })
  // A file that is synced before the log is given up: anything less would lose what was acknowledged.
  database.pragma('synchronous = full')
  parentPort?.on('message', (what) => {
    if (what === 'close') {
      database.close()
      parentPort?.close()
      return
    }
    try {
      database.pragma('wal_checkpoint(passive)')
    } catch {
      // What could not be copied is still in the log, where it is found: the writer meets the same fault and tells of it.
    }
    parentPort?.postMessage('passed')
  })
}

serve(workerData)
