import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Mark, markOf } from './http-marks.js'
import { limits, type Refuses } from './http-parts.js'
import type { Reply } from './reply.js'

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

export function send(res: ServerResponse, reply: Reply): void {
  if (res.headersSent || res.destroyed) return
  const { body } = reply
  const length = Buffer.byteLength(body)
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
    String(length),
  ]
  for (const [name, value] of reply.headers) headers.push(name, value)
  const mark = keepAlive(res, headers)
  res.writeHead(reply.status, headers)
  if (res.req.method === 'HEAD') res.end()
  else endWhole(res, body, length === body.length ? 'latin1' : 'utf8')
  mark.backlog?.answered(res, length)
}

/** Sends bytes that are the same for everybody: they take no memory of their own while they wait. */
export function sendBytes(
  res: ServerResponse,
  status: number,
  headers: readonly (readonly [name: string, value: string])[],
  body: Buffer | undefined,
): void {
  if (res.headersSent || res.destroyed) return
  const all = headers.flat()
  if (body) all.push('Content-Length', String(body.length))
  const { backlog } = keepAlive(res, all)
  res.writeHead(status, all)
  if (body && res.req.method !== 'HEAD') res.write(body)
  res.end()
  backlog?.answered(res, 0)
}

/** Adds how long the connection may say nothing, where it goes on; what is known of the connection. */
function keepAlive(res: ServerResponse, headers: string[]): Mark {
  const mark = markOf(res.req.socket)
  if (res.shouldKeepAlive && mark.silence !== undefined) headers.push('Keep-Alive', `timeout=${mark.silence}`)
  return mark
}

/** Ends with one piece for the socket to write: with the body given to it, `end` makes two, and they take a twentieth of a request's time. */
function endWhole(res: ServerResponse, body: string, encoding: 'latin1' | 'utf8'): void {
  const { socket } = res
  // An answer before this one is not sent yet.
  if (!socket) return void res.end(body, encoding)
  socket.cork()
  res.write(body, encoding)
  socket.uncork()
  res.end()
}

/** Answers and, unless the whole request has arrived, closes: the rest of its body is not read. */
export function refuseAndClose(req: IncomingMessage, res: ServerResponse, reply: Reply, always = true): void {
  if (always || !isWhole(req)) closeUnread(req, res)
  send(res, reply)
}

/** Answers and closes where that can still be done, and else cuts the connection: nobody waits for an answer that does not come. */
export function answerOrCut(req: IncomingMessage, res: ServerResponse, reply: () => Reply): void {
  if (res.writableEnded) return
  try {
    if (res.headersSent) res.destroy()
    else refuseAndClose(req, res, reply())
  } catch {
    res.destroy()
  }
}

/** Whether there is nothing of a request that has not arrived. */
export const isWhole = ({ complete, headers }: IncomingMessage): boolean =>
  complete || ((headers['content-length'] ?? '0') === '0' && headers['transfer-encoding'] === undefined)

/** Closes with the answer of this request, which is given next; the rest of its body is not read. */
export function closeUnread(req: IncomingMessage, res: ServerResponse): void {
  if (res.headersSent) return
  closeAfter(res)
  req.resume()
}

/** Ends the connection with this response, as {@link linger} does. */
export function closeAfter(res: ServerResponse): void {
  const { socket } = res.req
  markOf(socket).closing = true
  res.shouldKeepAlive = false
  // Node would destroy it at once.
  socket.destroySoon = () => undefined
  res.once('finish', () => linger(socket))
}

/** Closing on a sender who is still talking resets the connection, and the answer can be lost with it (RFC 9112 §9.6). */
function linger(socket: Duplex): void {
  markOf(socket).closing = true
  socket.end()
  socket.resume()
  setTimeout(() => socket.destroy(), limits.linger).unref()
}

/** HTTP that Node could not read. */
export function answerBrokenHttp(parts: Refuses, error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  if (markOf(socket).closing || !socket.writable) return
  const slow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const large = error.code === 'HPE_HEADER_OVERFLOW'
  const reply = slow
    ? parts.refuse('SLOW')
    : parts.refuse('MALFORMED', { message: large ? 'The headers are too large' : 'This is not valid HTTP' })
  const status = slow ? '408 Request Timeout' : large ? '431 Request Header Fields Too Large' : '400 Bad Request'
  answerByHand(socket, status, reply)
}

/** Answers without a response of Node's, and closes. Answers go in the order of their requests: one still due goes first, and is the last. */
export function answerByHand(socket: Duplex, status: string, reply: Reply): void {
  const due = markOf(socket).newest
  if (due && !due.writableFinished) {
    if (due.req.complete) closeAfter(due)
    else refuseAndClose(due.req, due, reply)
    return
  }
  const head = [...headersOf(reply), ['Connection', 'close']].map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.write(`HTTP/1.1 ${status}\r\n${head}\r\n${reply.body}`)
  linger(socket)
}
