import { createHmac, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/** What main.ts asks this process for. */
export interface Job {
  readonly port: number
  readonly apiKey: string
  readonly secret: string
  readonly command: 'set-user' | 'toggle-user' | 'get-user'
  /** Logins `u0` to `u(users - 1)`, taken in turn. */
  readonly users: number
  readonly connections: number
  /** How long to send; the job ends earlier when a write's requests are used up. */
  readonly seconds: number
  /** Requests signed ahead of time: writes use each once, reads begin again. */
  readonly requests: number
}

/** What came of a job. */
export interface Report {
  /** Replies that said success within the time measured. */
  readonly done: number
  /** Every reply that said success, those that came after the time included. */
  readonly succeeded: number
  readonly failed: number
  readonly firstFailure: string
  /** Seconds measured. */
  readonly seconds: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** How busy this process was, 0 to 1: near 1 it was the bottleneck. */
  readonly busy: number
}

/** The answer to one job. */
export type Answer = { readonly report: Report } | { readonly error: string }

const run = randomBytes(6).toString('hex')
const patience = 20_000
let signed = 0

/** Whole HTTP requests, signed now: their timestamps are good for the time of one round. */
function sign({ apiKey, secret, command, users, requests }: Job): Buffer[] {
  const timestamp = Math.floor(Date.now() / 1000)
  return Array.from({ length: requests }, (_, i) => {
    const message = {
      cmd: command,
      id: `u${i % users}`,
      user: command === 'set-user' ? { type: 3, comment: 'bench' } : undefined,
      api_key: apiKey,
      timestamp,
      idempotency_key: command === 'get-user' ? undefined : `bench-${run}-${signed++}`,
    }
    const text = JSON.stringify(message)
    const mac = createHmac('sha256', secret).update(text).digest('base64')
    const body = `${text.slice(0, -1)},"signature":"${mac}"}`
    const head = `POST /control HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
    return Buffer.from(`${head}\r\n\r\n${body}`, 'latin1')
  })
}

async function perform(job: Job): Promise<Report> {
  const requests = sign(job)
  const sockets = await Promise.all(Array.from({ length: job.connections }, () => open(job.port)))
  const cpu = process.cpuUsage()
  const start = performance.now()
  let deadline = start + job.seconds * 1000
  let next = 0
  let succeeded = 0
  let failed = 0
  let firstFailure = ''
  const latencies: number[] = []

  function take(now: number): Buffer | undefined {
    if (next >= requests.length && job.command !== 'get-user') deadline = Math.min(deadline, now)
    return now < deadline ? requests[next++ % requests.length] : undefined
  }
  function count(reply: string, now: number, sentAt: number): void {
    if (!reply.startsWith('HTTP/1.1 200') || !reply.includes('"status":"success"')) {
      failed++
      firstFailure ||= reply
      return
    }
    succeeded++
    if (now <= deadline) latencies.push(now - sentAt)
  }

  await bounded(
    sockets.map((socket) => converse(socket, take, count)),
    job.seconds * 1000 + patience,
  )
  const { user, system } = process.cpuUsage(cpu)
  const busy = (user + system) / 1000 / (performance.now() - start)
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  const seconds = (deadline - start) / 1000
  return { done: latencies.length, succeeded, failed, firstFailure, seconds, p50: at(0.5), p99: at(0.99), busy }
}

/** One request at a time over one connection, until `take` has no more. */
function converse(
  socket: Socket,
  take: (now: number) => Buffer | undefined,
  count: (reply: string, now: number, sentAt: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = ''
    let sentAt = performance.now()
    const send = () => {
      sentAt = performance.now()
      const request = take(sentAt)
      if (request) socket.write(request)
      else {
        socket.destroy()
        resolve()
      }
    }
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed a connection')))
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      const size = replySize(received)
      if (size === undefined || received.length < size) return
      count(received, performance.now(), sentAt)
      received = ''
      send()
    })
    send()
  })
}

/** Bytes of the reply that the text begins with; undefined until its head is there. */
function replySize(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const length = /\r\ncontent-length: *([0-9]+)/i.exec(text.slice(0, head))?.[1]
  if (length === undefined) throw new Error('a reply without Content-Length')
  return head + 4 + Number(length)
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

async function bounded(work: readonly Promise<void>[], milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('replies are missing')), milliseconds)
  })
  try {
    await Promise.race([Promise.all(work), late])
  } finally {
    clearTimeout(timer)
  }
}

process.on('message', (job: Job) => {
  const answer = (message: Answer) => void process.send?.(message)
  perform(job).then(
    (report) => answer({ report }),
    (error: unknown) => answer({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
