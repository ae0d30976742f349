import type { ScryptOptions } from 'node:crypto'
import { Worker } from 'node:worker_threads'

/** What a thread is asked for; `length` in bytes. */
export interface Derivation {
  readonly password: string
  readonly salt: Uint8Array
  readonly length: number
  readonly options: ScryptOptions
}

/** What it answers. */
export type Derived = { readonly key: Uint8Array } | { readonly error: string }

interface Waiting {
  resolve(derived: Derived): void
  reject(error: Error): void
}

/**
 * scrypt (RFC 7914) in threads of the lowest priority. A hash takes a tenth of a second of a processor: in threads of the same
 * priority, hashes would slow down the event loop, which serves everybody. A thread is made when all others are at work.
 */
export class ScryptThreads {
  private readonly idle: ScryptThread[] = []

  /** Rejects where scrypt refuses the options. */
  async derive(derivation: Derivation): Promise<Buffer> {
    const thread = this.take()
    const derived = await thread.derive(derivation)
    this.idle.push(thread)
    if ('error' in derived) throw new Error(derived.error)
    return Buffer.from(derived.key)
  }

  private take(): ScryptThread {
    for (let thread = this.idle.pop(); thread; thread = this.idle.pop()) if (!thread.ended) return thread
    return new ScryptThread()
  }
}

/** One thread, which does one job at a time. It keeps the process alive only while it does. */
class ScryptThread {
  private readonly worker = new Worker(new URL('scrypt-thread.js', import.meta.url))
  private waiting: Waiting | undefined
  ended = false

  constructor() {
    this.worker.on('message', (derived: Derived) => this.answered(derived))
    this.worker.on('error', (error) => this.waiting?.reject(error))
    this.worker.on('exit', () => {
      this.ended = true
      this.waiting?.reject(new Error('the thread that hashes passwords has ended'))
    })
  }

  /** Rejects when the thread has ended. */
  derive(derivation: Derivation): Promise<Derived> {
    this.worker.ref()
    this.worker.postMessage(derivation)
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
    })
  }

  private answered(derived: Derived): void {
    const { waiting } = this
    this.waiting = undefined
    this.worker.unref()
    waiting?.resolve(derived)
  }
}
