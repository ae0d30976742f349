import { scryptSync } from 'node:crypto'
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import type { Derivation, Derived } from './scrypt.js'

/** The lowest priority: the thread takes only the time that the others leave. */
const lowest = 19

// Linux has a priority for each thread, and 0 is the one that calls. Elsewhere it would be the whole process.
if (process.platform === 'linux') setPriority(0, lowest)

parentPort?.on('message', ({ password, salt, length, options }: Derivation) => {
  parentPort?.postMessage(derived(() => scryptSync(password, salt, length, options)))
})

function derived(work: () => Buffer): Derived {
  try {
    return { key: new Uint8Array(work()) }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}
