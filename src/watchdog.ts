import { Worker } from 'node:worker_threads'
import type { Command } from './command.js'

/** What the watching thread is given. */
export interface Watched {
  /** Goes up while the event loop turns. */
  readonly beats: Int32Array
  /** For each command how many runs of it are under way. */
  readonly running: Int32Array
  readonly names: readonly string[]
  /** How long the event loop may stand still, and how often that is looked at; in milliseconds. */
  readonly limit: number
  readonly tick: number
}

const ticksPerLimit = 10

/**
 * Watches commands that the gateway did not write: one that never gives the event loop back cannot be timed out in its own
 * thread, so another one ends the process (SIGKILL) after `limit` seconds, once it has told which commands were under way
 * and where the program was. What was acknowledged is on disk, the rest was never committed.
 */
export function watched(commands: readonly Command[], limit: number): readonly Command[] {
  if (limit === 0 || commands.length === 0) return commands
  const shared = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length))
  const beats = shared(1)
  const running = shared(commands.length)
  const tick = (limit * 1000) / ticksPerLimit
  setInterval(() => Atomics.add(beats, 0, 1), tick / 2).unref()
  const names = commands.map(({ name }) => name)
  const workerData: Watched = { beats, running, names, limit: limit * 1000, tick }
  new Worker(new URL('watchdog-thread.js', import.meta.url), { workerData }).unref()
  return commands.map((command, index) => counted(command, running, index))
}

function counted(command: Command, running: Int32Array, index: number): Command {
  const under = async <T>(work: () => Promise<T>): Promise<T> => {
    Atomics.add(running, index, 1)
    try {
      return await work()
    } finally {
      Atomics.sub(running, index, 1)
    }
  }
  const { prepare } = command
  return {
    ...command,
    ...(prepare && { prepare: (params, context) => under(() => prepare(params, context)) }),
    run: (params, context) => under(() => command.run(params, context)),
  }
}
