import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connectionsOf } from './http-connections.js'
import type { Front } from './http-front.js'
import { markOf } from './http-marks.js'
import { limits, type Refuses } from './http-parts.js'
import { answerBrokenHttp, answerByHand, refuseAndClose } from './http-replies.js'
import { keepTicksFast } from './http-ticks.js'

export interface GuardedServer {
  readonly server: Server
  readonly sockets: ReadonlySet<Socket>
}

export interface ServerLimits {
  readonly maxConnections?: number | undefined
  /** Milliseconds for which nothing may move on a connection. */
  readonly silence?: number | undefined
}

/** A server whose every request passes the same limits before `listener` sees it. */
export function guardedServer(
  parts: Refuses,
  front: Front,
  listener: RequestListener,
  { maxConnections = limits.maxConnections, silence = limits.silence }: ServerLimits = {},
): GuardedServer {
  keepTicksFast()
  const guarded: RequestListener = (req, res) => {
    if (front.passes(req, res)) listener(req, res)
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
    guarded,
  )
  server.maxHeadersCount = 0
  server.setTimeout(silence)
  server.on('checkContinue', guarded)
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    if (!front.passes(req, res)) return
    refuseAndClose(req, res, parts.refuse('MALFORMED', { message: 'This Expect header is not understood' }))
  })
  server.on('connect', (_req: IncomingMessage, socket: Duplex) => {
    answerByHand(socket, '405 Method Not Allowed', parts.refuse('METHOD_NOT_ALLOWED', { allow: 'POST' }))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => answerBrokenHttp(parts, error, socket))
  server.on('connection', (socket: Socket) => {
    markOf(socket).silence = Math.floor(silence / 1_000)
  })
  const { sockets } = connectionsOf(server, maxConnections)
  return { server, sockets }
}
