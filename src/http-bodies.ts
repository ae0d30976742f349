import type { IncomingMessage, ServerResponse } from 'node:http'
import { type HttpParts, limits, refuseAt, tooLarge } from './http-parts.js'
import { refuseAndClose } from './http-replies.js'

/** Collects the body; refuses one that grows past the limit (413) without reading the rest. */
export function readBody(req: IncomingMessage, res: ServerResponse, parts: HttpParts, bodies: Bodies): void {
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
export class Bodies {
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
