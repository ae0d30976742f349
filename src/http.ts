import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connectionsOf } from './http-connections.js'
import { controlListener, isControl, isServed } from './http-endpoint.js'
import { type HttpParts, limits } from './http-parts.js'
import { answerBrokenHttp, answerByHand, closing, newest, refuseAndClose } from './http-replies.js'
import { keepTicksFast } from './http-ticks.js'

/** A listener that answers everything; `drain` stops it. */
export interface HttpServer {
  readonly server: Server
  /** Takes no new connections, lets what was accepted finish, then resolves. */
  drain(): Promise<void>
}

/**
 * The thin shell: `POST /control` goes straight to the gateway, everything else to an Express app. To load Express takes a
 * tenth of a second, which no command has to wait for: it is loaded once the server listens.
 */
export function httpServer(parts: HttpParts): HttpServer {
  keepTicksFast()
  const control = controlListener(parts)
  let app: RequestListener | undefined
  const loadApp = async () => {
    const { application } = await import('./http-application.js')
    app ??= application(parts)
    return app
  }
  const listener: RequestListener = (req, res) => {
    // What follows an answer that closes is not read, so it must not run.
    if (closing.has(req.socket)) return
    newest.set(req.socket, res)
    if (isControl(req.url ?? '') || isServed(req.url ?? '', parts)) control(req, res)
    else if (app) app(req, res)
    else loadApp().then((loaded) => loaded(req, res), parts.onUnexpected)
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
  server.once('listening', () => void loadApp().catch(parts.onUnexpected))
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
