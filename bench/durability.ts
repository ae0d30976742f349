import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { type Contender, type Running, start, users } from './contenders.js'
import type { Load } from './load.js'
import { newFolder } from './processes.js'
import type { Job } from './requests.js'

/** Commands sent one after the other while fsyncs are counted. */
export const lone = 20

// -D leaves the contender our own child, which signals reach.
const strace = ['strace', '-D', '-f', '-qq', '-e', 'trace=fsync,fdatasync', '-o'] as const

/** Whether strace works here: it may be missing, or tracing forbidden. */
export function traceable(): boolean {
  const [program, ...args] = strace
  return spawnSync(program, [...args, '/dev/null', 'true']).status === 0
}

/** How often a contender calls fsync or fdatasync for {@link lone} commands, each sent when the one before was answered. */
export async function syncsOfLoneCommands(contender: Contender, load: Load): Promise<number> {
  const log = join(newFolder(), 'trace')
  const running = await start(contender, 'writes', { under: [...strace, log] })
  const syncs = () => readFileSync(log, 'utf8').match(/\b(fsync|fdatasync)\(/g)?.length ?? 0
  await createUsers(running, load, 1)
  const before = syncs()
  const { succeeded, firstFailure } = await load.perform({
    ...target(running),
    ...toggles(1),
    connections: 1,
    seconds: 10,
    requests: lone,
  })
  if (succeeded !== lone) throw new Error(`commands sent one by one failed: ${firstFailure}`)
  const counted = syncs() - before
  await running.stop()
  return counted
}

/** The references made their users at start; the gateway is sent commands. */
export async function createUsers(running: Running, load: Load, count: number): Promise<number> {
  if (running.contender.name !== 'gateway') return 0
  const { succeeded, firstFailure } = await load.perform({
    ...target(running),
    message: (n) => ({ cmd: 'set-user', id: `u${n % count}`, user: { type: 3, comment: 'bench' } }),
    once: true,
    connections: Math.min(count, 64),
    seconds: 60,
    requests: count,
  })
  if (succeeded !== count) throw new Error(`users could not be made: ${firstFailure}`)
  return count
}

/** Where a contender is reached, and who signs. */
export const target = ({ port, apiKey, secret }: Running): Pick<Job, 'port' | 'signer'> => ({
  port,
  signer: () => ({ apiKey, secret }),
})

type Traffic = Pick<Job, 'message' | 'once'>

/** The write of the benchmark: users `u0` to `u(count - 1)` in turn. */
export const toggles = (count: number): Traffic => ({
  message: (n) => ({ cmd: 'toggle-user', id: `u${n % count}` }),
  once: true,
})

/** The read of the benchmark. */
export const gets = (count: number): Traffic => ({
  message: (n) => ({ cmd: 'get-user', id: `u${n % count}` }),
  once: true,
})

/** What the flood is told of a contender. */
export const jobOf = ({ port, apiKey, secret }: Running) => ({ port, apiKey, secret, users })

/** Claims in a data folder that nobody uses. */
export function claimsIn(folder: string): number {
  const file = new Database(join(folder, 'countersign.db'), { readonly: true })
  const claims: unknown = file.prepare('select count(*) from claims').pluck().get()
  file.close()
  return Number(claims)
}
