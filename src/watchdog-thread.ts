import { writeSync } from 'node:fs'
import { Session } from 'node:inspector'
import { workerData } from 'node:worker_threads'
import type { Watched } from './watchdog.js'

const stderr = 2
/** How long the stack is waited for, in milliseconds: a thread that runs JavaScript is stopped at once. */
const patience = 1_000

/** Runs in a thread of its own, beside the one that it watches. */
function watch({ beats, running, names, limit, tick }: Watched): void {
  let last = -1
  let still = 0
  setInterval(() => {
    const beat = Atomics.load(beats, 0)
    // Counted in turns of this thread: a suspended machine or process stops both.
    still = beat === last ? still + 1 : 0
    last = beat
    if (still !== Math.ceil(limit / tick)) return
    const suspects = names.filter((_, index) => Atomics.load(running, index) > 0)
    stackOfMain((stack) => {
      // Not in JavaScript and in no module: it waits for the disk, and a restart would not help.
      if (stack === undefined && suspects.length === 0) return
      tell(suspects, stack ?? [])
      process.kill(process.pid, 'SIGKILL')
    })
  }, tick)
}

/** In the form of the log, which the main thread can no longer write. */
function tell(commands: readonly string[], stack: readonly string[]): void {
  const msg = 'a command does not give the event loop back: the process ends'
  const time = Math.round(performance.timeOrigin + performance.now())
  writeSync(stderr, `${JSON.stringify({ level: 60, time, pid: process.pid, commands, stack, msg })}\n`)
}

interface Parsed {
  readonly params: { readonly scriptId: string; readonly url: string }
}

interface Paused {
  readonly params: {
    readonly callFrames: readonly { functionName: string; location: { scriptId: string; lineNumber: number } }[]
  }
}

/** Where the main thread is, its innermost frames; undefined when it runs no JavaScript. */
function stackOfMain(told: (stack: readonly string[] | undefined) => void): void {
  const session = new Session()
  session.connectToMainThread()
  const late = setTimeout(() => {
    session.disconnect()
    told(undefined)
  }, patience)
  const scripts = new Map<string, string>()
  session.on('Debugger.scriptParsed', ({ params }: Parsed) => scripts.set(params.scriptId, params.url))
  session.on('Debugger.paused', ({ params }: Paused) => {
    clearTimeout(late)
    const frames = params.callFrames.slice(0, 5)
    told(
      frames.map(
        ({ functionName, location: { scriptId, lineNumber } }) =>
          `${functionName} ${scripts.get(scriptId) ?? 'unknown'}:${lineNumber + 1}`,
      ),
    )
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
}

watch(workerData)
