import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { limitedBy } from './address.js'
import { type Mark, markOf } from './http-marks.js'

/** Limits of what peers ask for and do not take. */
export interface BacklogLimits {
  /** Requests of one connection that are served at a time, and beyond those, that are refused before the connection is cut. */
  readonly served: number
  readonly refused: number
  /** Requests of all connections, beyond which a connection is cut that has more than `few`. */
  readonly requests: number
  readonly few: number
  /** Bytes of answers that are not taken, of one connection and of all. */
  readonly unreadOfOne: number
  readonly unread: number
}

export const backlogLimits: BacklogLimits = {
  served: 64,
  refused: 64,
  requests: 16_384,
  few: 8,
  unreadOfOne: 33_554_432,
  unread: 67_108_864,
}

/** Bytes that an answer takes beside its body while it waits. */
const perAnswer = 1_024

/**
 * The requests of all connections whose answers are not taken yet, and the bytes of these answers. Both have a maximum: an
 * answer that the kernel does not take, because the peer does not read, stays in the memory of the process.
 */
export class Backlog {
  private requests = 0
  private bytes = 0
  /** Connections with answers that are not taken. */
  private readonly slow = new Set<Socket>()

  constructor(private readonly limits: BacklogLimits = backlogLimits) {}

  /** Counts a request. Whether it is served; one that is `cut` gets no answer, and neither does anything before it. */
  begin(socket: Socket, mark: Mark): 'served' | 'refused' | 'cut' {
    const { served, refused, requests, few } = this.limits
    if (mark.backlog === undefined) this.watch(socket, mark)
    this.requests++
    mark.pending++
    if (mark.pending > served + refused || (this.requests > requests && mark.pending > few)) {
      this.cut(socket, mark)
      return 'cut'
    }
    if (mark.pending >= served) {
      mark.paused = true
      socket.pause()
    }
    return mark.pending > served ? 'refused' : 'served'
  }

  /** To be called once a response has been ended with a body of so many bytes of its own. */
  answered(res: ServerResponse, size: number): void {
    const { socket } = res.req
    const mark = markOf(socket)
    if (socket.destroyed) return
    // Nothing before it waits, and the kernel has taken it.
    if (res.socket !== null && socket.writableLength === 0) this.taken(socket, mark)
    else this.keep(res, socket, mark, size + perAnswer)
  }

  private keep(res: ServerResponse, socket: Socket, mark: Mark, bytes: number): void {
    this.count(socket, mark, bytes)
    res.once('close', () => {
      if (socket.destroyed) return
      this.count(socket, mark, -bytes)
      this.taken(socket, mark)
    })
    if (mark.unread > this.limits.unreadOfOne) this.cut(socket, mark)
    else if (this.bytes > this.limits.unread) this.makeRoom()
  }

  private watch(socket: Socket, mark: Mark): void {
    mark.backlog = this
    const { stackTraceLimit } = Error
    // Between the two node makes an error for each request that was not answered, and a stack for each took longer than the request.
    socket.prependOnceListener('close', () => {
      Error.stackTraceLimit = 0
    })
    socket.once('close', () => {
      Error.stackTraceLimit = stackTraceLimit
      this.forget(socket, mark)
    })
  }

  private cut(socket: Socket, mark: Mark): void {
    // Whatever the parser still gives of what it has read is not looked at.
    mark.closing = true
    stopParsing(socket)
    reset(socket)
    this.forget(socket, mark)
  }

  private forget(socket: Socket, mark: Mark): void {
    this.requests -= mark.pending
    mark.pending = 0
    this.count(socket, mark, -mark.unread)
  }

  private taken(socket: Socket, mark: Mark): void {
    this.requests--
    mark.pending--
    if (!mark.paused || mark.pending >= this.limits.served) return
    mark.paused = false
    socket.resume()
  }

  private count(socket: Socket, mark: Mark, bytes: number): void {
    this.bytes += bytes
    mark.unread += bytes
    if (mark.unread > 0) this.slow.add(socket)
    else this.slow.delete(socket)
  }

  /** Cuts connections of the address whose connections hold most, the largest first, until an eighth is free. */
  private makeRoom(): void {
    const byAddress = new Map<string, number>()
    const held = [...this.slow].map((socket) => {
      const { address, unread } = markOf(socket)
      const source = limitedBy(address)
      byAddress.set(source, (byAddress.get(source) ?? 0) + unread)
      return { socket, source, unread }
    })
    const most = ({ source }: { source: string }) => byAddress.get(source) ?? 0
    held.sort((one, other) => most(other) - most(one) || other.unread - one.unread)
    let excess = this.bytes - (this.limits.unread / 8) * 7
    for (const { socket, unread } of held) {
      if (excess <= 0) return
      excess -= unread
      this.cut(socket, markOf(socket))
    }
  }
}

/**
 * Ends what node's parser makes of a piece that holds hundreds of requests. The parser is no public part of node: where it has no such
 * method, they are made and dropped.
 */
function stopParsing(socket: Socket & { readonly parser?: { pause?(): void } | null }): void {
  socket.parser?.pause?.()
}

/** Closes at once: what the kernel has taken for a peer that does not read would stay there for minutes otherwise. */
function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy()
  } catch {
    // Only TCP can be reset, TLS cannot.
    socket.destroy()
  }
}
