import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import express from 'express'
import type { GatewayCode } from '../schemas/codes.js'
import type { AddressList } from './address.js'
import { foldAddress } from './address.js'
import type { Wire } from './dialect.js'
import type { Handle } from './gateway.js'
import type { RefusalDetail } from './refusal.js'
import type { Reply } from './reply.js'

export interface HttpParts {
  readonly handle: Handle
  /** A refusal outside the six steps: natively, but at a dialect's path beside the endpoint in its words. */
  readonly refuse: (code: GatewayCode, detail?: RefusalDetail, path?: string) => Reply
  /** The methods that are served at a path beside the endpoint's; undefined where nothing is. */
  readonly methodsAt: (path: string) => readonly string[] | undefined
  /** Whether the paths of vendors stand for the endpoint's. */
  readonly vendorPaths: boolean
  readonly ready: () => Promise<boolean>
  readonly trustProxy: AddressList
  readonly bodyLimit: number
  /** Told once about an X-Forwarded-For from a peer that is not trusted. */
  readonly onUntrustedProxy: (peer: string) => void
  readonly onUnexpected: (error: unknown) => void
  /** The description that `/openapi.json` shows, as JSON; asked for once. */
  readonly openapi: () => string
}

/** Limits of the listener. Milliseconds. */
export const limits = {
  requestTimeout: 10_000,
  keepAliveTimeout: 65_000,
  maxConnections: 10_000,
  maxHeaderLines: 100,
  /** How long a refused sender may go on talking before its connection is cut. */
  linger: 500,
  /** How long a server that ends waits for senders who have not finished. */
  drain: 5_000,
}

/** A listener that answers everything; `drain` stops it. */
export interface HttpServer {
  readonly server: Server
  /** Takes no new connections, lets what was accepted finish, then resolves. */
  drain(): Promise<void>
}

/** The thin shell: `POST /control` goes straight to the gateway, everything else to an Express app. */
export function httpServer(parts: HttpParts): HttpServer {
  const control = controlListener(parts)
  const app = application(parts)
  const listener: RequestListener = (req, res) => {
    // What follows an answer that closes is not read, so it must not run.
    if (closing.has(req.socket)) return
    newest.set(req.socket, res)
    if (isControl(req.url ?? '') || isServed(req.url ?? '', parts)) control(req, res)
    else app(req, res)
  }
  const server = createServer(
    {
      requireHostHeader: false,
      connectionsCheckingInterval: 1_000,
      requestTimeout: limits.requestTimeout,
      headersTimeout: limits.requestTimeout,
      keepAliveTimeout: limits.keepAliveTimeout,
      noDelay: true,
    },
    listener,
  )
  server.maxConnections = limits.maxConnections
  server.maxHeadersCount = 0
  server.on('checkContinue', listener)
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    refuseAndClose(req, res, parts.refuse('MALFORMED', { message: 'This Expect header is not understood' }))
  })
  server.on('connect', (_req: IncomingMessage, socket: Duplex) => {
    answerByHand(socket, '405 Method Not Allowed', parts.refuse('METHOD_NOT_ALLOWED', { allow: 'POST' }))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => answerBrokenHttp(parts, error, socket))
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return { server, drain: () => drain(server, sockets) }
}

const isControl = (url: string): boolean => {
  if (!url.startsWith('/control')) return false
  const next = url[8]
  return next === undefined || next === '/' || next === '?'
}

/** Whether a vendor's path stands for the endpoint's, or a dialect has the path for its own. */
function isServed(url: string, { methodsAt, vendorPaths }: ControlParts): boolean {
  const path = pathOf(url)
  return (vendorPaths && endpointFor(path) !== path) || methodsAt(path) !== undefined
}

const pathOf = (url: string): string => {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

/** The endpoint's path that a vendor's path stands for (protocol §1); any other path stays as it is. */
function endpointFor(path: string): string {
  if (path === '/stable/' || path === '/stable' || path === '/dev/' || path === '/dev') return '/control'
  return path.startsWith('/api2/') ? `/control${path}` : path
}

const post = ['POST']

/** What the endpoint itself needs. */
export type ControlParts = Omit<HttpParts, 'ready' | 'openapi'>

/** The endpoint as a middleware, for whoever mounts the gateway in an application of their own; what is not its own goes on. */
export function controlMiddleware(
  parts: ControlParts,
): (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void {
  const control = controlListener(parts)
  return (req, res, next) => {
    if (closing.has(req.socket)) return
    const url = req.url ?? ''
    if (!isControl(url) && !isServed(url, parts)) return next()
    if (req.readableEnded)
      return next(new Error('Countersign checks the bytes of the body: mount it before body parsers'))
    control(req, res)
  }
}

/** The handler of `/control`; reads the body itself. */
function controlListener(parts: ControlParts): RequestListener {
  const forwarded = forwardedAddress(parts)
  const bodies = new Bodies((req, res, body) => {
    parts
      .handle(toWire(req, body, forwarded(req), parts.vendorPaths))
      .then((reply) => send(res, reply), parts.onUnexpected)
  })
  return (req, res) => {
    if (req.method !== 'POST' || !isControl(req.url ?? '')) {
      const methods = parts.methodsAt(pathOf(req.url ?? '')) ?? post
      if (!methods.includes(req.method ?? '')) {
        const allow = { allow: methods.join(', ') }
        return refuseAndClose(req, res, refuseAt(req, parts, 'METHOD_NOT_ALLOWED', allow), false)
      }
    }
    const fault = headerFault(req)
    if (fault !== undefined) return refuseAndClose(req, res, refuseAt(req, parts, 'MALFORMED', { message: fault }))
    const length = Number(req.headers['content-length'] ?? 0)
    if (length > parts.bodyLimit) return refuseAndClose(req, res, tooLarge(req, parts))
    if (req.headers.expect !== undefined) res.writeContinue()
    readBody(req, res, parts, bodies)
  }
}

function toWire(req: IncomingMessage, body: Buffer, address: string, vendorPaths: boolean): Wire {
  const { headers, method = '' } = req
  const url = req.url ?? ''
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  const signature = headers['countersign-signature']
  const secFetchSite = headers['sec-fetch-site']
  return {
    method,
    path: vendorPaths ? endpointFor(path) : path,
    query: query < 0 ? '' : url.slice(query + 1),
    host: headers.host,
    origin: headers.origin,
    secFetchSite: Array.isArray(secFetchSite) ? secFetchSite.join(',') : secFetchSite,
    contentType: headers['content-type'],
    contentEncoding: headers['content-encoding'],
    authorization: headers.authorization,
    signature: Array.isArray(signature) ? signature.join(',') : signature,
    body,
    address,
  }
}

const once: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'content-type',
  'content-encoding',
  'authorization',
  'countersign-signature',
])

/** Node's parser lets through what two servers in a row may read differently; undefined when there is nothing of the kind. */
function headerFault({ rawHeaders, headers, httpVersion }: IncomingMessage): string | undefined {
  if (rawHeaders.length > 2 * limits.maxHeaderLines) return 'too many header lines'
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    if (!once.has(name)) continue
    if (seen.has(name)) return `the header ${name} stands twice`
    seen.add(name)
  }
  if (!seen.has('host') && httpVersion !== '1.0') return 'the Host header is missing'
  const coding = headers['transfer-encoding']
  if (coding === undefined) return undefined
  if (seen.has('content-length')) return 'Content-Length and Transfer-Encoding together'
  return /^\s*chunked\s*$/i.test(coding) ? undefined : 'this Transfer-Encoding is not understood'
}

/** Collects the body; refuses one that grows past the limit (413) without reading the rest. */
function readBody(req: IncomingMessage, res: ServerResponse, parts: ControlParts, bodies: Bodies): void {
  const chunks: Buffer[] = []
  let size = 0
  let over = false
  const waiting = bodies.begin(() => {
    over = true
    refuseAndClose(req, res, refuseAt(req, parts, 'SLOW'))
  })
  req.on('data', (chunk: Buffer) => {
    if (over) return
    size += chunk.length
    chunks.push(chunk)
    if (size <= parts.bodyLimit) return
    over = true
    bodies.end(waiting)
    refuseAndClose(req, res, tooLarge(req, parts))
  })
  req.on('end', () => {
    if (over) return
    bodies.end(waiting)
    bodies.arrived(() =>
      bodies.handle(req, res, chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size)),
    )
  })
  req.on('close', () => bodies.end(waiting))
}

interface Waiting {
  readonly since: number
  late(): void
}

const sweepEvery = 500

/** Bodies on their way: those that take too long are given up, and those that end in one turn are handled together. */
class Bodies {
  private readonly waiting = new Set<Waiting>()
  private ready: (() => void)[] = []

  constructor(readonly handle: (req: IncomingMessage, res: ServerResponse, body: Buffer) => void) {
    setInterval(() => this.sweep(), sweepEvery).unref()
  }

  begin(late: () => void): Waiting {
    const waiting = { since: performance.now(), late }
    this.waiting.add(waiting)
    return waiting
  }

  end(waiting: Waiting): void {
    this.waiting.delete(waiting)
  }

  /** Reading first what all connections sent, then handling it, costs half of handling each in between. */
  arrived(work: () => void): void {
    if (this.ready.push(work) > 1) return
    setImmediate(() => {
      const ready = this.ready
      this.ready = []
      for (const next of ready) next()
    })
  }

  /** The oldest stand first. */
  private sweep(): void {
    const limit = performance.now() - limits.requestTimeout
    for (const waiting of this.waiting) {
      if (waiting.since > limit) return
      this.waiting.delete(waiting)
      waiting.late()
    }
  }
}

/** A refusal in the words of whoever has the path. */
const refuseAt = (req: IncomingMessage, parts: ControlParts, code: GatewayCode, detail?: RefusalDetail): Reply =>
  parts.refuse(code, detail, pathOf(req.url ?? ''))

const tooLarge = (req: IncomingMessage, parts: ControlParts): Reply =>
  refuseAt(req, parts, 'TOO_LARGE', { message: `The request body is larger than ${parts.bodyLimit} bytes` })

const jsonHeaders = [
  ['Content-Type', 'application/json; charset=utf-8'],
  ['Cache-Control', 'no-store'],
  ['X-Content-Type-Options', 'nosniff'],
] as const

const headersOf = (reply: Reply): [string, string][] => [
  ...jsonHeaders.map(([name, value]): [string, string] => [name, value]),
  ['X-Request-Id', reply.requestId],
  ...reply.headers.map(([name, value]): [string, string] => [name, value]),
  ['Content-Length', String(Buffer.byteLength(reply.body))],
]

function send(res: ServerResponse, reply: Reply): void {
  if (res.headersSent || res.destroyed) return
  const headers = [
    'Content-Type',
    'application/json; charset=utf-8',
    'Cache-Control',
    'no-store',
    'X-Content-Type-Options',
    'nosniff',
    'X-Request-Id',
    reply.requestId,
    'Content-Length',
    String(Buffer.byteLength(reply.body)),
  ]
  for (const [name, value] of reply.headers) headers.push(name, value)
  res.writeHead(reply.status, headers)
  res.end(res.req.method === 'HEAD' ? undefined : reply.body)
}

/** Answers and, unless the whole request has arrived, closes: the rest of its body is not read. */
function refuseAndClose(req: IncomingMessage, res: ServerResponse, reply: Reply, always = true): void {
  const whole =
    req.complete || (req.headers['content-length'] === undefined && req.headers['transfer-encoding'] === undefined)
  if (!whole || always) {
    closeAfter(res)
    req.resume()
  }
  send(res, reply)
}

/** The newest response of each connection: an answer to broken HTTP must not overtake it. */
const newest = new WeakMap<Duplex, ServerResponse>()
/** Connections that end with an answer given already. */
const closing = new WeakSet<Duplex>()

/** Ends the connection with this response, as {@link linger} does. */
function closeAfter(res: ServerResponse): void {
  const { socket } = res.req
  closing.add(socket)
  res.shouldKeepAlive = false
  // Node would destroy it at once.
  socket.destroySoon = () => undefined
  res.once('finish', () => linger(socket))
}

/** Closing on a sender who is still talking resets the connection, and the answer can be lost with it (RFC 9112 §9.6). */
function linger(socket: Duplex): void {
  closing.add(socket)
  socket.end()
  socket.resume()
  setTimeout(() => socket.destroy(), limits.linger).unref()
}

/** HTTP that Node could not read. */
function answerBrokenHttp(parts: HttpParts, error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  if (closing.has(socket) || !socket.writable) return
  const slow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const large = error.code === 'HPE_HEADER_OVERFLOW'
  const reply = slow
    ? parts.refuse('SLOW')
    : parts.refuse('MALFORMED', { message: large ? 'The headers are too large' : 'This is not valid HTTP' })
  const status = slow ? '408 Request Timeout' : large ? '431 Request Header Fields Too Large' : '400 Bad Request'
  answerByHand(socket, status, reply)
}

/** Answers without a response of Node's, and closes. Answers go in the order of their requests: one still due goes first, and is the last. */
function answerByHand(socket: Duplex, status: string, reply: Reply): void {
  const due = newest.get(socket)
  if (due && !due.writableFinished) {
    if (due.req.complete) closeAfter(due)
    else refuseAndClose(due.req, due, reply)
    return
  }
  const head = [...headersOf(reply), ['Connection', 'close']].map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.write(`HTTP/1.1 ${status}\r\n${head}\r\n${reply.body}`)
  linger(socket)
}

/** The caller's address: the peer, or what the last hop that is not a trusted proxy was seen as. */
function forwardedAddress({ trustProxy, onUntrustedProxy }: ControlParts): (req: IncomingMessage) => string {
  let warned = false
  return (req) => {
    const peer = foldAddress(req.socket.remoteAddress ?? '')
    const header = req.headers['x-forwarded-for']
    if (header === undefined) return peer
    if (!trustProxy.has(peer)) {
      if (!warned) onUntrustedProxy(peer)
      warned = true
      return peer
    }
    const hops = String(header)
      .split(',')
      .map((hop) => foldAddress(hop.trim()))
    const caller = hops.findLast((hop) => !trustProxy.has(hop))
    return caller ?? hops[0] ?? peer
  }
}

function application(parts: HttpParts): express.Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.get('/healthz', (_req, res) => void res.set('Cache-Control', 'no-store').json({ status: 'ok' }))
  app.get('/readyz', async (_req, res) => {
    const ready = await parts.ready()
    res
      .status(ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ status: ready ? 'ready' : 'not ready' })
  })
  let description: string | undefined
  app.get('/openapi.json', (_req, res) => {
    description ??= parts.openapi()
    res.set({ 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' }).type('json').send(description)
  })
  app.use((req, res) => {
    const detail = { message: 'Nothing is served here: POST signed commands to /control' }
    refuseAndClose(req, res, parts.refuse('UNKNOWN_COMMAND', detail), false)
  })
  app.use((error: unknown, req: express.Request, res: express.Response, _next: express.NextFunction) => {
    const client = error instanceof Error && 'status' in error && Number(error.status) < 500
    if (!client) parts.onUnexpected(error)
    refuseAndClose(req, res, parts.refuse(client ? 'MALFORMED' : 'INTERNAL'))
  })
  return app
}

function drain(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
    // A connection that is kept alive ends with the answer that it waits for.
    const last = (res: ServerResponse | undefined) => {
      if (res && !res.headersSent) res.shouldKeepAlive = false
    }
    for (const socket of sockets) last(newest.get(socket))
    server.on('request', (_req, res: ServerResponse) => last(res))
    const idle = setInterval(() => {
      server.closeIdleConnections()
      // Node counts a connection on which nothing was ever sent as busy.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    }, 50)
    const cut = setTimeout(() => server.closeAllConnections(), limits.drain)
    server.on('close', () => {
      clearInterval(idle)
      clearTimeout(cut)
    })
  })
}
