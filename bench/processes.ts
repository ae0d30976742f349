import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'

export const serverCore = 0
export const loadCore = 1
export const compiled = join(import.meta.dirname, '..')

/** Whether programs can be kept on a core of their own. */
export const pinned =
  availableParallelism() > 1 &&
  [serverCore, loadCore].every((core) => spawnSync('taskset', onCore(core, ['true'])).status === 0)

function onCore(core: number, command: readonly string[]): string[] {
  return ['-c', String(core), ...command]
}

const living = new Set<ChildProcess>()
const folders = new Set<string>()

/** Ends, by their ids, the processes that are still there and removes every folder: for the end, whatever its reason. */
export function cleanUp(): void {
  for (const child of living) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  folders.clear()
}

const tmpfs = 0x01021994

/** A new folder on a disk: in memory an fsync costs nothing, and nothing would be measured. */
export function newFolder(): string {
  const parent = statfsSync(tmpdir()).type === tmpfs ? compiled : tmpdir()
  const folder = mkdtempSync(join(parent, 'countersign-bench-'))
  folders.add(folder)
  return folder
}

/** Starts a program on a core of its own, where that is possible. */
export function launch(command: readonly string[], core: number, env: NodeJS.ProcessEnv): ChildProcess {
  const [program = '', ...args] = pinned ? ['taskset', ...onCore(core, command)] : command
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  living.add(child)
  child.once('exit', () => living.delete(child))
  return child
}

const stopLimit = 12_000

/** Ends a process as an operator would, and resolves when it is gone. */
export function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimit)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

const ticksPerSecond = 100

/** Processor time that a process has used so far, in seconds; NaN where there is no /proc. */
export function cpuSeconds(pid: number): number {
  try {
    const [, , , , , , , , , , , user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(user) + Number(system)) / ticksPerSecond
  } catch {
    return Number.NaN
  }
}
