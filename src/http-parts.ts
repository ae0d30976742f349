import type { IncomingMessage } from 'node:http'
import type { GatewayCode } from '../schemas/codes.js'
import type { AddressList } from './address.js'
import type { Handle } from './gateway.js'
import type { Load } from './load.js'
import type { RefusalDetail } from './refusal.js'
import type { Reply } from './reply.js'

/** What words the refusals of the listener. */
export interface Refuses {
  /** A refusal outside the six steps: natively, but at a dialect's path beside the endpoint in its words. */
  readonly refuse: (code: GatewayCode, detail?: RefusalDetail, path?: string) => Reply
}

/** What the endpoint is given, wherever it is mounted. */
export interface EndpointParts extends Refuses {
  readonly handle: Handle
  /** Counts for an address what was taken in of a body that is refused before it is there as a whole. */
  readonly charge: (payer: string, bytes: number) => void
  /** The methods that are served at a path beside the endpoint's; undefined where nothing is. */
  readonly methodsAt: (path: string) => readonly string[] | undefined
  /** Whether the paths of vendors stand for the endpoint's. */
  readonly vendorPaths: boolean
  /** How much is under way: what is too much is 1503. */
  readonly load: Load
  readonly trustProxy: AddressList
  readonly bodyLimit: number
  /** Told once about an X-Forwarded-For from a peer that is not trusted. */
  readonly onUntrustedProxy: (peer: string) => void
  readonly onUnexpected: (error: unknown) => void
}

/** What the listener is given. */
export interface HttpParts extends EndpointParts {
  readonly ready: () => Promise<boolean>
  readonly maxConnections?: number
  /** How long nothing may move on a connection, in place of the limit below; for tests. */
  readonly silence?: number
  /** The description that `/openapi.json` shows, as JSON; asked for once. */
  readonly openapi: () => string
  /** The page that `/docs` shows, as HTML, and what it may do in a browser; asked for once. */
  readonly docs?: () => { readonly html: string; readonly policy: string }
}

/** Limits of the listener. Milliseconds. */
export const limits = {
  requestTimeout: 10_000,
  /** How long nothing may move on a connection, between requests and while its peer does not take in an answer. */
  silence: 65_000,
  maxConnections: 10_000,
  /** New connections that may wait to be taken; one for which there is no room tries again after whole seconds. Linux allows 4,096. */
  backlog: 4_096,
  maxHeaderLines: 100,
  /** Bytes up to which a body is always taken in, and which all the larger ones may have together while they arrive. */
  smallBody: 16_384,
  largeBodies: 67_108_864,
  /** How long a refused sender may go on talking before its connection is cut. */
  linger: 500,
  /** How long a server that ends waits for senders who have not finished. */
  drain: 5_000,
}

export const pathOf = (url: string): string => {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

/** A refusal in the words of whoever has the path. */
export const refuseAt = (req: IncomingMessage, parts: Refuses, code: GatewayCode, detail?: RefusalDetail): Reply =>
  parts.refuse(code, detail, pathOf(req.url ?? ''))

export const tooLarge = (req: IncomingMessage, parts: EndpointParts): Reply =>
  refuseAt(req, parts, 'TOO_LARGE', { message: `The request body is larger than ${parts.bodyLimit} bytes` })
