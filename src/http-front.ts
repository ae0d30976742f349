import type { IncomingMessage, ServerResponse } from 'node:http'
import { Backlog } from './http-backlog.js'
import { headerFault } from './http-guard.js'
import { markOf } from './http-marks.js'
import { type Refuses, refuseAt } from './http-parts.js'
import { closeAfter, refuseAndClose } from './http-replies.js'
import { Shedding } from './http-shed.js'
import { targetFault } from './http-target.js'

/** What every request passes, whatever its path: the bounds of its connection, and the rules of headers and request target. */
export class Front {
  readonly shedding = new Shedding()
  private readonly backlog = new Backlog()

  constructor(private readonly parts: Refuses) {}

  /** False for a request that is answered already, or that must not be. */
  passes(req: IncomingMessage, res: ServerResponse): boolean {
    const mark = markOf(req.socket)
    // What follows an answer that closes is not read, so it must not run.
    if (mark.closing) return false
    mark.newest = res
    const begun = this.backlog.begin(req.socket, mark)
    if (begun === 'cut') return false
    const fault = headerFault(req) ?? targetFault(req)
    if (fault !== undefined) {
      refuseAndClose(req, res, refuseAt(req, this.parts, 'MALFORMED', { message: fault }))
      return false
    }
    // Node drops what came behind such a request: answered as the last one, it leaves none without an answer that others follow.
    if (req.headers.upgrade !== undefined) closeAfter(res)
    // Its body has arrived by then if it came with it: the connection can go on.
    if (begun === 'refused') setImmediate(() => this.refuse(req, res))
    return begun === 'served'
  }

  /** 1503, now or a little later. */
  refuse(req: IncomingMessage, res: ServerResponse): void {
    this.shedding.refuse(req.socket, () => refuseAndClose(req, res, refuseAt(req, this.parts, 'OVERLOADED'), false))
  }
}
