import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { type Contender, type Load, newFolder, type Running, start, users } from './contenders.js'

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
  const running = await start(contender, 'writes', [...strace, log])
  const syncs = () => readFileSync(log, 'utf8').match(/\b(fsync|fdatasync)\(/g)?.length ?? 0
  await createUsers(running, load, 1)
  const before = syncs()
  const alone = { users: 1, connections: 1, seconds: 10, requests: lone } as const
  const { succeeded, firstFailure } = await load.perform({ ...jobOf(running), command: 'toggle-user', ...alone })
  if (succeeded !== lone) throw new Error(`commands sent one by one failed: ${firstFailure}`)
  const counted = syncs() - before
  await running.stop()
  return counted
}

/** The references made their users at start; the gateway is sent commands. */
export async function createUsers(running: Running, load: Load, count: number): Promise<number> {
  if (running.contender.name !== 'gateway') return 0
  const connections = Math.min(count, 64)
  const job = { ...jobOf(running), command: 'set-user', connections, seconds: 60, requests: count } as const
  const { succeeded, firstFailure } = await load.perform(job)
  if (succeeded !== count) throw new Error(`users could not be made: ${firstFailure}`)
  return count
}

export const jobOf = ({ port, apiKey, secret }: Running) => ({ port, apiKey, secret, users })

/** Claims in the file of a contender that has stopped: one for each command that was acknowledged, or something was lost. */
export function claimsIn({ database }: Running): number {
  const file = new Database(database, { readonly: true })
  const claims: unknown = file.prepare('select count(*) from claims').pluck().get()
  file.close()
  return Number(claims)
}
