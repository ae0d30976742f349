import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connectionsOf } from './http-connections.js'
import { controlListener, isControl, isServed } from './http-endpoint.js'
import { markOf } from './http-marks.js'
import { type HttpParts, limits } from './http-parts.js'
import { answerBrokenHttp, answerByHand, answerOrCut, refuseAndClose } from './http-replies.js'
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
    const mark = markOf(req.socket)
    if (mark.closing) return
    mark.newest = res
    if (isControl(req.url ?? '') || isServed(req.url ?? '', parts)) control(req, res)
    else if (app) app(req, res)
    else {
      loadApp()
        .then((loaded) => loaded(req, res))
        .catch((error: unknown) => {
          parts.onUnexpected(error)
          answerOrCut(req, res, () => parts.refuse('INTERNAL'))
        })
    }
  }
  const server = createServer(
    {
      requireHostHeader: false,
      connectionsCheckingInterval: 1_000,
      requestTimeout: limits.requestTimeout,
      headersTimeout: limits.requestTimeout,
      // The limit of silence below holds between requests too: to change to another one and back took 3 % of a read's time.
      keepAliveTimeout: 0,
      noDelay: true,
    },
    listener,
  )
  server.once('listening', () => void loadApp().catch(parts.onUnexpected))
  server.maxHeadersCount = 0
  const silence = parts.silence ?? limits.silence
  server.setTimeout(silence)
  server.on('checkContinue', listener)
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    refuseAndClose(req, res, parts.refuse('MALFORMED', { message: 'This Expect header is not understood' }))
  })
  server.on('connect', (_req: IncomingMessage, socket: Duplex) => {
    answerByHand(socket, '405 Method Not Allowed', parts.refuse('METHOD_NOT_ALLOWED', { allow: 'POST' }))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => answerBrokenHttp(parts, error, socket))
  server.on('connection', (socket: Socket) => {
    parts.load.connections++
    markOf(socket).silence = Math.floor(silence / 1_000)
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
    for (const socket of sockets) last(markOf(socket).newest)
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
