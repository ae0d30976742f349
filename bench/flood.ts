import { createHmac, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/** What soak.ts asks this process for. */
export interface Flood {
  readonly port: number
  readonly apiKey: string
  readonly secret: string
  readonly users: number
  /** Connections that are kept open, also for the next job that wants as many; each has one request under way at a time. */
  readonly connections: number
  /** Requests a second, whatever comes back; 0: each connection sends when it was answered. */
  readonly rate: number
  readonly seconds: number
}

/** What came back in a stretch of time. */
export interface Stretch {
  readonly done: number
  /** Milliseconds; 0 when nothing was done. */
  readonly p99: number
}

export interface Flooded {
  readonly done: number
  readonly shed: number
  readonly failed: number
  readonly firstFailure: string
  /** Requests whose time came while every connection waited for an answer. */
  readonly unsent: number
  readonly p50: number
  readonly p99: number
  readonly stretches: readonly Stretch[]
}

export type FloodAnswer = { readonly flooded: Flooded } | { readonly error: string }

export const stretchSeconds = 0.25
const tick = 5
/** Milliseconds that answers to the job before may take. */
const patience = 10_000
const pools = new Map<number, Socket[]>()
const run = randomBytes(6).toString('hex')
let signed = 0

/** A write that is signed when it is first sent: what was shed is sent again as it was, as a client would. */
function sign({ apiKey, secret, users }: Flood): Buffer {
  const text = JSON.stringify({
    cmd: 'toggle-user',
    id: `u${signed % users}`,
    api_key: apiKey,
    timestamp: Math.floor(Date.now() / 1000),
    idempotency_key: `soak-${run}-${signed++}`,
  })
  const mac = createHmac('sha256', secret).update(text).digest('base64')
  const body = `${text.slice(0, -1)},"signature":"${mac}"}`
  const head = `POST /control HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  return Buffer.from(`${head}\r\n\r\n${body}`, 'latin1')
}

async function flood(job: Flood): Promise<Flooded> {
  const again: Buffer[] = []
  const free: Socket[] = []
  const latencies: number[] = []
  const bins: number[][] = []
  const counts = { shed: 0, failed: 0, unsent: 0 }
  let firstFailure = ''
  const sockets = await poolOf(job)
  const started = performance.now()
  const end = started + job.seconds * 1000

  function send(socket: Socket): void {
    const request = again.pop() ?? sign(job)
    const sentAt = performance.now()
    socket.write(request)
    socket.once('data', (chunk) => answered(socket, request, sentAt, chunk.toString('latin1', 0, 600)))
  }
  function answered(socket: Socket, request: Buffer, sentAt: number, reply: string): void {
    const now = performance.now()
    if (now < end) {
      if (reply.startsWith('HTTP/1.1 200')) {
        const bin = Math.floor((now - started) / (stretchSeconds * 1000))
        bins[bin] ??= []
        bins[bin].push(now - sentAt)
        latencies.push(now - sentAt)
      } else if (reply.startsWith('HTTP/1.1 503')) {
        counts.shed++
        again.push(request)
      } else {
        counts.failed++
        firstFailure ||= reply
      }
    }
    if (job.rate === 0 && now < end) send(socket)
    else free.push(socket)
  }

  const broken = () => counts.failed++
  for (const socket of sockets) {
    socket.on('error', broken)
    if (job.rate === 0) send(socket)
    else free.push(socket)
  }
  let due = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now()
      if (now >= end) {
        clearInterval(timer)
        return resolve()
      }
      if (job.rate === 0) return
      const total = Math.floor(((now - started) / 1000) * job.rate)
      for (; due < total; due++) {
        const socket = free.pop()
        if (socket) send(socket)
        else counts.unsent++
      }
    }, tick)
  })
  for (const socket of sockets) socket.off('error', broken)
  const length = Math.ceil(job.seconds / stretchSeconds)
  const stretches = Array.from({ length }, (_, i) => ({ done: bins[i]?.length ?? 0, p99: share(bins[i] ?? [], 0.99) }))
  const [p50, p99] = [share(latencies, 0.5), share(latencies, 0.99)]
  return { done: latencies.length, ...counts, firstFailure, p50, p99, stretches }
}

/** Whoever comes next must not wait for the answers that are still due on them: jobs of different kinds have different ones. */
async function poolOf({ connections, port }: Flood): Promise<Socket[]> {
  const kept = pools.get(connections)
  const sockets = kept ?? (await Promise.all(Array.from({ length: connections }, () => open(port))))
  const due = () => sockets.some((socket) => socket.listenerCount('data') > 0)
  for (let waited = 0; due() && waited < patience; waited += tick)
    await new Promise((resolve) => setTimeout(resolve, tick))
  if (due()) throw new Error('an answer is still due')
  pools.set(connections, sockets)
  return sockets
}

function share(times: readonly number[], part: number): number {
  const sorted = [...times].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      // Between two jobs nobody else listens.
      socket.off('error', reject).on('error', () => undefined)
      resolve(socket)
    })
  })
}

process.on('message', (job: Flood) => {
  const answer = (message: FloodAnswer) => void process.send?.(message)
  flood(job).then(
    (flooded) => answer({ flooded }),
    (error: unknown) => answer({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
