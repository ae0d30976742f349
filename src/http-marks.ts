import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Backlog } from './http-backlog.js'

/** What is known of a connection. */
export interface Mark {
  /** Its newest response: an answer to broken HTTP must not overtake it. */
  newest: ServerResponse | undefined
  /** Whether it ends with an answer given already. */
  closing: boolean
  /** Seconds for which it may say nothing, where the gateway itself ends it then. */
  silence: number | undefined
  /** Where its requests are counted; undefined before the first. */
  backlog: Backlog | undefined
  /** Its requests whose answers its peer has not taken. */
  pending: number
  /** Bytes of answers that its peer has not taken. */
  unread: number
  /** Whether nothing is read from it until it has fewer requests. */
  paused: boolean
  /** The address that its newest request came from. */
  address: string
}

const mark: unique symbol = Symbol('mark')

/** Hangs on the socket: what is held weakly is looked through at every collection, which took a twentieth of a read's time. */
export function markOf(socket: Duplex & { [mark]?: Mark }): Mark {
  socket[mark] ??= {
    newest: undefined,
    closing: false,
    silence: undefined,
    backlog: undefined,
    pending: 0,
    unread: 0,
    paused: false,
    address: '',
  }
  return socket[mark]
}
