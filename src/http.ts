import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import express from 'express'
import { connectionsOf } from './http-connections.js'
import { controlListener, isControl, isServed } from './http-endpoint.js'
import { type HttpParts, limits } from './http-parts.js'
import { answerBrokenHttp, answerByHand, closing, newest, refuseAndClose } from './http-replies.js'

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
  server.maxHeadersCount = 0
  server.setTimeout(parts.silence ?? limits.silence)
  server.on('checkContinue', listener)
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    refuseAndClose(req, res, parts.refuse('MALFORMED', { message: 'This Expect header is not understood' }))
  })
  server.on('connect', (_req: IncomingMessage, socket: Duplex) => {
    answerByHand(socket, '405 Method Not Allowed', parts.refuse('METHOD_NOT_ALLOWED', { allow: 'POST' }))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => answerBrokenHttp(parts, error, socket))
  server.on('connection', () => {
    parts.load.connections++
  })
  const { sockets } = connectionsOf(server, parts.maxConnections ?? limits.maxConnections)
  return { server, drain: () => drain(server, sockets) }
}

function application(parts: HttpParts): express.Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.get('/healthz', (_req, res) => void res.set('Cache-Control', 'no-store').json({ status: 'ok' }))
  app.get('/readyz', async (_req, res) => {
    const ready = await parts.ready()
    // Broken HTTP behind the request has been answered meanwhile, and that answer was the last.
    if (res.headersSent) return
    res
      .status(ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ status: ready ? 'ready' : 'not ready' })
  })
  let description: Buffer | undefined
  app.get('/openapi.json', (_req, res) => {
    // One buffer for all: whoever asks and does not read holds no copy.
    description ??= Buffer.from(parts.openapi())
    res.set({ 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' }).type('json').send(description)
  })
  const { docs } = parts
  let shown: { readonly html: Buffer; readonly policy: string } | undefined
  if (docs) {
    app.get('/docs', (_req, res) => {
      if (!shown) {
        const { html, policy } = docs()
        shown = { html: Buffer.from(html), policy }
      }
      const headers = { 'Content-Security-Policy': shown.policy, 'Referrer-Policy': 'no-referrer' }
      res.set({ ...headers, 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' })
      res.type('html').send(shown.html)
    })
  }
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
