import { createHmac } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A request as it arrived. */
export interface Arrived {
  readonly at: number
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

/** One answer of a played gateway. */
export type Step = (request: Arrived, res: ServerResponse) => void

export interface PlayedGateway {
  readonly url: string
  /** Forgets what arrived, and answers with these from now on; the last one for ever. */
  play(steps: readonly Step[]): void
  arrived(): readonly Arrived[]
}

export const playedSecret = 'the secret of a played gateway'

/** Something in a gateway's place that answers as told: what no honest gateway ever does. It ends with its test. */
export async function playedGateway(t: Pick<TestContext, 'after'>): Promise<PlayedGateway> {
  let steps: readonly Step[] = []
  let requests: Arrived[] = []
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString('utf8')
    const request = { at: performance.now(), text, json: JSON.parse(text) }
    requests.push(request)
    steps[Math.min(requests.length, steps.length) - 1]?.(request, res)
  })
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    play(next) {
      steps = next
      requests = []
    },
    arrived: () => requests,
  }
}

const macOf = ({ json }: Arrived): string => Buffer.from(String(json.signature), 'base64').toString('hex')

export interface Spelled {
  readonly status?: number
  /** Members beside code, status and message. */
  readonly more?: object
  readonly headers?: Readonly<Record<string, string>>
  /** The secret that signs it; undefined for no signature. */
  readonly by?: string | undefined
  /** The HTTP status that is signed, when it is another one. */
  readonly signedStatus?: number
}

/** A gateway's JSON with a code, signed as the gateway does unless something else is said. */
export function coded(code: number, spelled: Spelled = {}): Step {
  return (request, res) => {
    const { status = code % 2 === 1 && code >= 2000 ? 200 : 409, more, headers, signedStatus = status } = spelled
    const by = 'by' in spelled ? spelled.by : playedSecret
    const success = code % 2 === 1 && code >= 2000
    const body = JSON.stringify({ code, status: success ? 'success' : 'failure', message: 'played', ...more })
    const reply = `countersign-reply\n${macOf(request)}\n${signedStatus}\n${body}`
    const signature =
      by === undefined ? {} : { 'Countersign-Reply': createHmac('sha256', by).update(reply).digest('base64') }
    res.writeHead(status, { 'Content-Type': 'application/json', ...signature, ...headers }).end(body)
  }
}

export const done: Step = coded(3021, { more: { cmd: 'toggle-user', result: { id: 'alice', enable: true } } })
export const page = (status: number, headers: Readonly<Record<string, string>> = {}): Step => {
  return (_request, res) =>
    void res.writeHead(status, { 'Content-Type': 'text/html', ...headers }).end('<h1>a page</h1>')
}
export const cut: Step = (_request, res) => void res.destroy()
export const silence: Step = () => undefined
export const brokenOff: Step = (_request, res) => {
  res.writeHead(200, { 'Content-Length': '1000' })
  res.write('{"code":3021,', () => res.destroy())
}
