import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Backlog } from './http-backlog.js'

/** An account that proved itself. */
export interface Proved {
  readonly account: number
  readonly address: string
  /** Its name where refused messages are charged. */
  readonly payer: string
}

/** What is known of a connection. */
export interface Mark {
  /** Its newest response: an answer to broken HTTP must not overtake it. */
  newest: ServerResponse | undefined
  /** Whether it ends with an answer given already. */
  closing: boolean
  /** What last proved itself on it, and from which address: a proxy may carry several callers over one connection. */
  proved: Proved | undefined
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
    proved: undefined,
    silence: undefined,
    backlog: undefined,
    pending: 0,
    unread: 0,
    paused: false,
    address: '',
  }
  return socket[mark]
}

/** The name of the account that proved itself on a connection from this address, where refused messages are charged; undefined without one. */
export function payerOn(socket: Duplex, address: string): string | undefined {
  const { proved } = markOf(socket)
  return proved?.address === address ? proved.payer : undefined
}
