import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { besideListener } from './http-beside.js'
import { bodiesOf, controlListener, isControl, isServed } from './http-endpoint.js'
import { forwardedAddress } from './http-forwarded.js'
import { Front } from './http-front.js'
import { markOf } from './http-marks.js'
import { type HttpParts, limits } from './http-parts.js'
import { guardedServer } from './http-server.js'

/** A listener that answers everything; `drain` stops it. */
export interface HttpServer {
  readonly server: Server
  /** Takes no new connections, lets what was accepted finish, then resolves. */
  drain(): Promise<void>
}

/** The thin shell: `POST /control` goes straight to the gateway; what is served beside it is some few pages. */
export function httpServer(parts: HttpParts): HttpServer {
  const front = new Front(parts)
  const bodies = bodiesOf(parts, front)
  const addressOf = forwardedAddress(parts)
  const control = controlListener(parts, bodies, addressOf, sayContinue)
  const beside = besideListener(parts, bodies, addressOf)
  const listener: RequestListener = (req, res) => {
    const { url = '' } = req
    if (isControl(url) || isServed(url, parts)) control(req, res)
    else beside(req, res)
  }
  const { server, sockets } = guardedServer(parts, front, listener, parts)
  server.on('connection', () => parts.load.connections++)
  return { server, drain: () => drain(server, sockets) }
}

/** Tells whoever waits for it to send the body. HTTP/1.0 knows no such answer (RFC 9110 §10.1.1). */
function sayContinue({ headers, httpVersion }: IncomingMessage, res: ServerResponse): void {
  if (headers.expect !== undefined && httpVersion !== '1.0') res.writeContinue()
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
