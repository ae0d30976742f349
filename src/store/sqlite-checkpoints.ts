import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** What a commit writes at least, and what each statement adds to it: measured with one command a transaction, and with 32. */
const pagesOfCommit = 8
const pagesOfStatement = 0.75
/** So few that they may be copied while everybody waits. */
const few = 150
const mostPasses = 5
/** Mebibytes: the thread hands numbers to the engine and back. */
const threadLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16, stackSizeMb: 1 }

/** What the writer does for its checkpoints. */
export interface CheckpointParts {
  readonly file: string
  /** Pages in the log, about, at which it is written back. */
  readonly pagesBetween: number
  /** Copies what little is left, between two transactions: only then can the log begin anew. */
  readonly finish: () => Promise<void>
  /** The thread is lost: the writer does all of it, as without one. */
  readonly onLost: () => void
  /** The program of the thread. */
  readonly program?: URL
}

const checkpointThread = new URL('sqlite-checkpoint-thread.js', import.meta.url)

/**
 * Writes the log back into the file of a SQLite database in a thread of its own: the pages of a large index lie all over the
 * file, and to sync them takes the disk up to a tenth of a second, in which nobody would be served. What is committed meanwhile is
 * copied in a further pass, until the rest is small. The thread is started when it is first needed.
 */
export class Checkpoints {
  /** Written since the last pass began, by estimate. */
  private pages = 0
  private passes = 0
  private thread: Worker | undefined
  private lost = false

  constructor(private readonly parts: CheckpointParts) {}

  /** To be called after each commit. */
  committed(statements: number): void {
    this.pages += pagesOfCommit + pagesOfStatement * statements
    if (this.passes === 0 && this.pages >= this.parts.pagesBetween && !this.lost) this.pass()
  }

  /** Ends the thread, once its pass has ended; the next pass starts another one. */
  async stop(): Promise<void> {
    const { thread } = this
    if (!thread) return
    this.thread = undefined
    this.passes = 0
    thread.removeAllListeners('message')
    thread.postMessage('close')
    // Whoever waits for its end must not end before.
    thread.ref()
    await once(thread, 'exit').catch(() => undefined)
  }

  private pass(): void {
    this.passes++
    this.pages = 0
    this.thread ??= this.start()
    this.thread.postMessage('pass')
  }

  private start(): Worker {
    const { file, program = checkpointThread } = this.parts
    const thread = new Worker(program, { workerData: file, resourceLimits: threadLimits })
    thread.unref()
    thread.on('message', () => this.passed())
    thread.on('error', () => {
      if (this.thread === thread) this.thread = undefined
      this.passes = 0
      this.lost = true
      this.parts.onLost()
    })
    return thread
  }

  private passed(): void {
    if (this.pages > few && this.passes < mostPasses) {
      this.pass()
      return
    }
    const ended = () => {
      this.passes = 0
    }
    // One that fails leaves the log as it is, for the next one.
    this.parts.finish().then(ended, ended)
  }
}
