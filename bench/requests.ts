import { createHmac, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'

export interface Signer {
  readonly apiKey: string
  readonly secret: string
}

/** What a contender is to be sent in one turn. */
export interface Job {
  readonly port: number
  /** They sign in turn. */
  readonly signers: readonly Signer[]
  /** The members of the nth message, without those of its signature. */
  readonly message: (n: number) => object
  /** Each request once, with an idempotency key of its own; otherwise again from the beginning. */
  readonly once: boolean
  readonly connections: number
  /** How long to send; the turn ends earlier when requests that are sent once are used up. */
  readonly seconds: number
  /** Signed ahead of time: their timestamps are good for one turn. */
  readonly requests: number
}

const run = randomBytes(6).toString('hex')
let signed = 0

/** Writes the signed requests of a turn as wrk.lua reads them: eight digits of length, then the bytes of the whole HTTP request. */
export function writeRequests(file: string, { signers, message, once, requests }: Job): void {
  const timestamp = Math.floor(Date.now() / 1000)
  const parts: string[] = []
  for (let n = 0; n < requests; n++) {
    const signer = signers[n % signers.length]
    if (!signer) throw new Error('nobody signs')
    const identity = once && { idempotency_key: `bench-${run}-${signed++}` }
    const body = sign({ ...message(n), api_key: signer.apiKey, timestamp, ...identity }, signer.secret)
    const head = `POST /control HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
    const request = `${head}\r\n\r\n${body}`
    parts.push(String(request.length).padStart(8, '0'), request)
  }
  writeFileSync(file, parts.join(''), 'latin1')
}

/** The text of a message, which must be ASCII, with the signature as its last member. */
function sign(message: object, secret: string): string {
  const text = JSON.stringify(message)
  const mac = createHmac('sha256', secret).update(text).digest('base64')
  return `${text.slice(0, -1)},"signature":"${mac}"}`
}
