import { setPriority } from 'node:os'
import type { Credentials } from '../../../clients/typescript/index.js'
import { type Phase, phases } from './phases.js'
import { open, ReplyCounter } from './wire.js'

/** A job of this process: to carry out phases until it is told to stop. */
export interface HostileJob {
  readonly port: number
  readonly by: Credentials
  readonly names: readonly string[]
  /** A divisor of the connections, where several phases are carried out together. */
  readonly thinner: number
}

export interface HostileReport {
  /** Answers by HTTP status; 0 is a connection that the gateway closed. */
  readonly answers: Readonly<Record<number, number>>
}

export type HostileAnswer = { readonly begun: true } | { readonly report: HostileReport }

/** Milliseconds until a connection that was closed is replaced, and those sent nothing when the last request is written. */
const again = 20

/** In life the attacker has processors of its own: here it takes what the gateway and the honest accounts leave. */
setPriority(19)

class Attack {
  private stopped = false
  private sent = 0
  private readonly closing = new Set<() => void>()

  constructor(
    private readonly phase: Phase,
    private readonly job: HostileJob,
    private readonly answers: Record<number, number>,
  ) {
    const connections = Math.max(2, Math.ceil(phase.connections / job.thinner))
    for (let n = 0; n < connections; n++) this.connect()
  }

  stop(): void {
    this.stopped = true
    for (const close of this.closing) close()
  }

  private connect(): void {
    if (this.stopped) return
    const { depth, unread, lifetime } = this.phase
    const socket = open(this.job.port).setEncoding('latin1')
    const counter = new ReplyCounter()
    const close = () => void socket.destroy()
    this.closing.add(close)
    socket.on('connect', () => {
      if (unread) socket.pause()
      for (let n = 0; n < depth; n++) socket.write(this.next())
    })
    socket.on('data', (chunk: string) => {
      counter.read(chunk, (status) => {
        this.count(status)
        if (status >= 200 && !this.stopped) socket.write(this.next())
      })
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.closing.delete(close)
      if (this.stopped) return
      this.count(0)
      setTimeout(() => this.connect(), again)
    })
    if (lifetime !== undefined) setTimeout(close, lifetime * (0.5 + Math.random()))
  }

  private next(): Buffer {
    return this.phase.next(this.job.by, this.sent++)
  }

  private count(status: number): void {
    this.answers[status] = (this.answers[status] ?? 0) + 1
  }
}

let attacks: Attack[] = []
let answers: Record<number, number> = {}

process.on('message', (job: HostileJob | 'stop') => {
  const answer = (message: HostileAnswer) => void process.send?.(message)
  if (job === 'stop') {
    for (const attack of attacks) attack.stop()
    attacks = []
    return answer({ report: { answers } })
  }
  answers = {}
  attacks = phases()
    .filter(({ name }) => job.names.includes(name))
    .map((phase) => new Attack(phase, job, answers))
  answer({ begun: true })
})
process.on('disconnect', () => process.exit())
