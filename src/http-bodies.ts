import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Front } from './http-front.js'
import { markOf, payerOn } from './http-marks.js'
import { type EndpointParts, limits, refuseAt, tooLarge } from './http-parts.js'
import { refuseAndClose } from './http-replies.js'
import { type Arrived, sourceOf } from './load.js'
import type { Reply } from './reply.js'
import { type Lot, Turns } from './turns.js'

/** A request that is here as a whole. */
export interface Whole extends Arrived {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly body: Buffer
  /** The caller's. */
  readonly address: string
  readonly connection: Socket
  /** Answers it, where that is not for the gateway to do. */
  readonly answer?: () => void
}

/** Collects the body; refuses one that grows past the limit (413) without reading the rest. */
export function readBody(req: IncomingMessage, res: ServerResponse, address: string, bodies: Bodies): void {
  const { parts } = bodies
  let chunks: Buffer[] = []
  let size = 0
  let over = false
  const refuse = (reply: Reply) => {
    over = true
    bodies.end(waiting)
    chunks = []
    refuseAndClose(req, res, reply)
  }
  const refuseWasted = (reply: Reply) => {
    parts.charge(payerOn(req.socket, address) ?? address, size)
    refuse(reply)
  }
  const waiting = bodies.begin(() => refuseWasted(refuseAt(req, parts, 'SLOW')))
  req.on('data', (chunk: Buffer) => {
    if (over) return
    size += chunk.length
    chunks.push(chunk)
    if (size > parts.bodyLimit) refuseWasted(tooLarge(req, parts))
    else if (!bodies.grew(waiting, size + perPiece * chunks.length)) refuse(refuseAt(req, parts, 'OVERLOADED'))
  })
  req.on('end', () => {
    if (over) return
    bodies.end(waiting)
    const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size)
    const source = sourceOf(markOf(req.socket).proved, address)
    bodies.arrived({ req, res, body, address, source, connection: req.socket })
  })
  req.on('close', () => bodies.end(waiting))
}

/** Bytes that a piece of a body takes beside its own, at most: a body may come in pieces of one byte. */
const perPiece = 256

interface Waiting {
  /** Where it stands among those that wait; negative once it does no longer. */
  place: number
  /** How often they had been looked through when it came. */
  readonly since: number
  /** Bytes of memory that it takes. */
  size: number
  late(): void
}

const sweepEvery = 500
/** How long a request waits for new connections at most: turns of the event loop, and milliseconds, for a turn can be long. */
const mostTurns = 64
const mostWait = 10

/**
 * Bytes of bodies that are handled before the event loop turns: some 130 single commands, which share a commit. Of what comes together
 * beyond that, the requests wait as they came: what is made of hundreds at once, the collector moves before it is garbage.
 */
const handledAtOnce = 32_768
/** Of requests that take longer than `from` milliseconds no more are handled before the event loop turns than take `most`. */
const slow = { from: 0.5, most: 2 }
/** Of one source no more are handled before the event loop turns than take so many milliseconds, while others send as well. */
const share = 2
/** A page beside the endpoint is prepared, and takes no time worth counting. */
const sizeOf = ({ body, answer }: Whole): number => (answer ? 0 : body.length)

/** True where the gateway has cut the connection of a request. A request that has not begun then never does. */
const isCut = ({ connection }: Whole): boolean => connection.destroyed && markOf(connection).closing

/** Bodies on their way: those that take too long are given up, and those that end in one turn are chosen from together. */
export class Bodies {
  private readonly waiting: Waiting[] = []
  private ready: Whole[] = []
  /** Taken on, and not handled yet: accounts take turns. */
  private readonly taken = new Turns<Whole>({ sizeOf, slow, share })
  /** What was handled last, and since when. */
  private handled: { readonly lot: Lot<Whole>; readonly since: number } | undefined
  private handling = false
  private bytes = 0
  private connections = 0
  private sweeps = 0

  constructor(
    readonly parts: EndpointParts,
    private readonly front: Front,
    /** Is given what counts as under way already. */
    private readonly handle: (request: Whole) => void,
  ) {
    setInterval(() => this.sweep(), sweepEvery).unref()
  }

  begin(late: () => void): Waiting {
    const waiting = { place: this.waiting.length, since: this.sweeps, size: 0, late }
    this.waiting.push(waiting)
    return waiting
  }

  /** False when there is no room for it: large bodies share what there is, so that many of them do not add up. */
  grew(waiting: Waiting, size: number): boolean {
    this.bytes += size - waiting.size
    waiting.size = size
    return size <= limits.smallBody || this.bytes <= limits.largeBodies
  }

  end(waiting: Waiting): void {
    const { place } = waiting
    if (place < 0) return
    waiting.place = -1
    this.bytes -= waiting.size
    const last = this.waiting.pop()
    if (!last || last === waiting) return
    this.waiting[place] = last
    last.place = place
  }

  /** Reading first what all connections sent, then handling it, costs half of handling each in between. */
  arrived(request: Whole): void {
    markOf(request.connection).address = request.address
    if (this.ready.push(request) === 1) this.later(() => this.turn(0, performance.now()))
  }

  /**
   * Node takes one new connection in a turn of the event loop: those that come in numbers are taken first, or each of them would
   * wait for a commit.
   */
  private turn(waited: number, since: number): void {
    const { load } = this.parts
    const now = performance.now()
    if (load.connections !== this.connections && waited < mostTurns && now - since < mostWait) {
      this.connections = load.connections
      this.later(() => this.turn(waited + 1, since))
      return
    }
    const { ready } = this
    this.ready = []
    const room = load.room(ready.length, this.front.shedding.waiting, now)
    const { taken, refused } = ready.length <= room ? { taken: ready, refused: [] } : load.choose(ready, room)
    for (const request of taken) {
      load.begin(request.source)
      this.taken.add(request.source, request)
    }
    if (!this.handling) this.handleSome()
    for (const { req, res } of refused) this.front.refuse(req, res)
  }

  private handleSome(): void {
    const since = performance.now()
    const lot = this.taken.take(handledAtOnce)
    for (const request of lot.items) {
      if (isCut(request)) this.parts.load.end(request.source, () => since)
      else this.handle(request)
    }
    this.handled = { lot, since }
    this.handling = this.taken.length > 0
    if (this.handling) this.later(() => this.handleSome())
  }

  /** Does something when the event loop turns, and charges for what it handled once that has done all that it does at once. */
  private later(work: () => void): void {
    setImmediate(work)
    // Behind the other in the same turn: between the two there are its promises, and nothing is read.
    setImmediate(() => {
      if (!this.handled) return
      this.taken.charge(this.handled.lot, performance.now() - this.handled.since)
      this.handled = undefined
    })
  }

  private sweep(): void {
    this.sweeps++
    const oldest = this.sweeps - limits.requestTimeout / sweepEvery
    for (const waiting of this.waiting.filter(({ since }) => since < oldest)) waiting.late()
  }
}
