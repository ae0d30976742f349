import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Credentials } from '../../../clients/typescript/index.js'
import { command, open, ReplyCounter } from './wire.js'

/** A job of this process: the honest accounts' load for some seconds. */
export interface HonestJob {
  readonly port: number
  readonly accounts: readonly Credentials[]
  readonly seconds: number
  /** Requests a second of all accounts together, sent when they are due; 0 sends the next one when one was answered. */
  readonly rate: number
}

/** What became of one account's load. Latencies in milliseconds, from when a request was due. */
export interface AccountReport {
  readonly offered: number
  readonly done: number
  readonly refused: number
  readonly failed: number
  readonly p99: number
}

export interface HonestReport {
  readonly accounts: readonly AccountReport[]
  /** Requests that were done, a second. */
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly most: number
  /** The share of a processor that this process used: near 1 the generator is what is measured. */
  readonly busy: number
  readonly firstFailure: string
}

export type HonestAnswer = { readonly report: HonestReport } | { readonly error: string }

/** Users of each account that are there before the load. */
export const usersEach = 20
const connectionsEach = 32
const tick = 1
const reconnect = 20
/** Milliseconds that the last answers are waited for. */
const patience = 5_000
const run = randomBytes(6).toString('hex')
let signed = 0

/** One account with its connections, which stay open between jobs as a client's do: requests that find none free wait here, and their time counts. */
class Honest {
  offered = 0
  done = 0
  refused = 0
  underWay = 0
  firstFailure = ''
  latencies: number[] = []
  onAnswer: (account: Honest) => void = () => undefined
  private readonly free: Socket[] = []
  private readonly due: number[] = []
  private readonly busy = new Set<Socket>()

  constructor(
    private readonly by: Credentials,
    private readonly port: number,
  ) {
    for (let n = 0; n < connectionsEach; n++) this.connect()
  }

  offer(now: number): void {
    this.offered++
    this.due.push(now)
    this.send()
  }

  /** Begins another job: what the one before did not get answered is given up. */
  begin(onAnswer: (account: Honest) => void): void {
    this.offered = this.done = this.refused = 0
    this.firstFailure = ''
    this.latencies = []
    this.due.length = 0
    this.onAnswer = onAnswer
    for (const socket of this.busy) socket.destroy()
  }

  private send(): void {
    for (;;) {
      const socket = this.due.length > 0 ? this.free.pop() : undefined
      if (!socket) return
      const due = this.due.shift() ?? 0
      this.underWay++
      this.busy.add(socket)
      socket.emit('request', due)
    }
  }

  private connect(): void {
    const socket = open(this.port).setEncoding('latin1')
    const counter = new ReplyCounter()
    let due: number | undefined
    socket.on('request', (at: number) => {
      due = at
      socket.write(this.next())
    })
    socket.on('data', (chunk: string) => {
      counter.read(chunk, (status) => {
        if (due === undefined) return
        this.answered(status, due, chunk)
        due = undefined
        this.busy.delete(socket)
        this.free.push(socket)
        this.onAnswer(this)
        this.send()
      })
    })
    socket.on('connect', () => {
      this.free.push(socket)
      this.send()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.busy.delete(socket)
      if (due !== undefined) this.answered(0, due, 'the connection was closed')
      const at = this.free.indexOf(socket)
      if (at >= 0) this.free.splice(at, 1)
      setTimeout(() => this.connect(), reconnect)
    })
  }

  private answered(status: number, due: number, text: string): void {
    this.underWay--
    if (status === 200) {
      this.done++
      this.latencies.push(performance.now() - due)
      return
    }
    if (status === 503 || status === 429) this.refused++
    this.firstFailure ||= text.slice(0, 800)
  }

  /** Reads and writes in turn, on one user after the other. */
  private next(): Buffer {
    const n = signed++
    const id = `user-${(n >> 1) % usersEach}`
    if (n % 2 === 0) return command(this.by, 'get-user', { id })
    return command(this.by, 'toggle-user', { id }, `honest-${run}-${n}`)
  }
}

const kept = new Map<string, Honest>()

async function perform({ port, accounts, seconds, rate }: HonestJob): Promise<HonestReport> {
  const end = performance.now() + seconds * 1000
  const again = (account: Honest) => rate === 0 && performance.now() < end && account.offer(performance.now())
  const honest = accounts.map((by) => {
    const known = kept.get(by.apiKey) ?? new Honest(by, port)
    kept.set(by.apiKey, known)
    known.begin(again)
    return known
  })
  await pause(200)
  const cpu = process.cpuUsage()
  const started = performance.now()
  if (rate === 0) for (const account of honest) for (let n = 0; n < connectionsEach; n++) account.offer(started)
  else await offerInTime(honest, rate, started, end)
  for (let now = performance.now(); now < end; now = performance.now()) await pause(end - now)
  const { user, system } = process.cpuUsage(cpu)
  const busy = (user + system) / 1000 / (performance.now() - started)
  const done = honest.reduce((sum, account) => sum + account.done, 0) / ((performance.now() - started) / 1000)
  const last = performance.now() + patience
  while (honest.some(({ underWay }) => underWay > 0) && performance.now() < last) await pause(10)
  return report(honest, done, busy)
}

/** Offers each request when it is due, one account after the other, however late the answers are. */
async function offerInTime(honest: readonly Honest[], rate: number, started: number, end: number): Promise<void> {
  let offered = 0
  for (let now = started; now < end; now = performance.now()) {
    for (; (offered / rate) * 1000 <= now - started; offered++)
      honest[offered % honest.length]?.offer(started + (offered / rate) * 1000)
    await pause(tick)
  }
}

function report(honest: readonly Honest[], rate: number, busy: number): HonestReport {
  const all = honest.flatMap(({ latencies }) => latencies)
  return {
    accounts: honest.map(({ offered, done, refused, latencies }) => ({
      offered,
      done,
      refused,
      failed: offered - done - refused,
      p99: share(latencies, 0.99),
    })),
    rate,
    p50: share(all, 0.5),
    p99: share(all, 0.99),
    most: share(all, 1),
    busy,
    firstFailure: honest.map(({ firstFailure }) => firstFailure).find(Boolean) ?? '',
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

function share(times: readonly number[], part: number): number {
  const sorted = [...times].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

process.on('message', (job: HonestJob) => {
  const answer = (message: HonestAnswer) => void process.send?.(message)
  perform(job).then(
    (report) => answer({ report }),
    (error: unknown) => answer({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
