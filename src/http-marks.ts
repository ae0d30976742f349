import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** What is known of a connection. */
export interface Mark {
  /** Its newest response: an answer to broken HTTP must not overtake it. */
  newest: ServerResponse | undefined
  /** Whether it ends with an answer given already. */
  closing: boolean
  /** Requests of it that came in the turn that is looked at. */
  arrived: number
  /** Seconds for which it may say nothing, where the gateway itself ends it then. */
  silence: number | undefined
}

const mark: unique symbol = Symbol('mark')

/** Hangs on the socket: what is held weakly is looked through at every collection, which took a twentieth of a read's time. */
export function markOf(socket: Duplex & { [mark]?: Mark }): Mark {
  socket[mark] ??= { newest: undefined, closing: false, arrived: 0, silence: undefined }
  return socket[mark]
}
