import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Wire } from './dialect.js'
import { Bodies, readBody } from './http-bodies.js'
import { forwardedAddress } from './http-forwarded.js'
import { Front } from './http-front.js'
import { markOf, payerOn } from './http-marks.js'
import { type EndpointParts, pathOf, refuseAt, tooLarge } from './http-parts.js'
import { answerOrCut, refuseAndClose, send } from './http-replies.js'
import { absoluteTarget } from './http-target.js'
import type { Reply } from './reply.js'

export const isControl = (url: string): boolean => {
  if (!url.startsWith('/control')) return false
  const next = url[8]
  return next === undefined || next === '/' || next === '?'
}

/** Whether a vendor's path stands for the endpoint's, or a dialect has the path for its own. */
export function isServed(url: string, { methodsAt, vendorPaths }: EndpointParts): boolean {
  const path = pathOf(url)
  return (vendorPaths && endpointFor(path) !== path) || methodsAt(path) !== undefined
}

/** The endpoint's path that a vendor's path stands for (protocol §1); any other path stays as it is. */
function endpointFor(path: string): string {
  if (path === '/stable/' || path === '/stable' || path === '/dev/' || path === '/dev') return '/control'
  return path.startsWith('/api2/') ? `/control${path}` : path
}

const post = ['POST']
const milliseconds = () => performance.now()

/** The endpoint as a middleware, for whoever mounts the gateway in an application of their own; what is not its own goes on. */
export function controlMiddleware(
  parts: EndpointParts,
): (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void {
  const front = new Front(parts)
  const control = controlListener(parts, bodiesOf(parts, front), forwardedAddress(parts))
  return (req, res, next) => {
    const { url = '' } = req
    const path = absoluteTarget(url)?.url ?? url
    if (!isControl(path) && !isServed(path, parts)) return next()
    if (req.readableEnded)
      return next(new Error('Countersign checks the bytes of the body: mount it before body parsers'))
    if (front.passes(req, res)) control(req, res)
  }
}

/** What collects requests until they are chosen from, and hands those that are taken on to the gateway. */
export function bodiesOf(parts: EndpointParts, front: Front): Bodies {
  const { load } = parts
  return new Bodies(parts, front, ({ req, res, body, address, source, answer }) => {
    if (answer) {
      load.end(source, milliseconds)
      return answer()
    }
    const fail = (error: unknown) => {
      parts.onUnexpected(error)
      // Whether its command ran is not known here.
      answerOrCut(req, res, () => refuseAt(req, parts, 'TIMED_OUT'))
    }
    let answering: Promise<Reply>
    try {
      answering = parts.handle(toWire(req, body, address, parts.vendorPaths))
    } catch (error) {
      answering = Promise.reject(error)
    }
    answering
      .finally(() => load.end(source, milliseconds))
      .then((reply) => {
        if (reply.account !== undefined) prove(req.socket, reply.account, address)
        send(res, reply)
      })
      .catch(fail)
  })
}

/** The handler of `/control`; reads the body itself. `onReading` is called before it does. */
export function controlListener(
  parts: EndpointParts,
  bodies: Bodies,
  addressOf: (req: IncomingMessage) => string,
  onReading?: (req: IncomingMessage, res: ServerResponse) => void,
): RequestListener {
  return (req, res) => {
    if (req.method !== 'POST' || !isControl(req.url ?? '')) {
      const methods = parts.methodsAt(pathOf(req.url ?? '')) ?? post
      if (!methods.includes(req.method ?? '')) {
        const allow = { allow: methods.join(', ') }
        return refuseAndClose(req, res, refuseAt(req, parts, 'METHOD_NOT_ALLOWED', allow), false)
      }
    }
    const length = Number(req.headers['content-length'] ?? 0)
    if (length > parts.bodyLimit) return refuseAndClose(req, res, tooLarge(req, parts))
    onReading?.(req, res)
    readBody(req, res, addressOf(req), bodies)
  }
}

/** Later requests on the connection from this address count as the account's. */
function prove(socket: Socket, account: number, address: string): void {
  const mark = markOf(socket)
  if (mark.proved?.account !== account || mark.proved.address !== address)
    mark.proved = { account, address, payer: `account ${account}` }
}

function toWire(req: IncomingMessage, body: Buffer, address: string, vendorPaths: boolean): Wire {
  const { headers, method = '' } = req
  const url = req.url ?? ''
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  const signature = headers['countersign-signature']
  const secFetchSite = headers['sec-fetch-site']
  return {
    method,
    path: vendorPaths ? endpointFor(path) : path,
    query: query < 0 ? '' : url.slice(query + 1),
    host: headers.host,
    origin: headers.origin,
    secFetchSite: Array.isArray(secFetchSite) ? secFetchSite.join(',') : secFetchSite,
    contentType: headers['content-type'],
    contentEncoding: headers['content-encoding'],
    authorization: headers.authorization,
    signature: Array.isArray(signature) ? signature.join(',') : signature,
    body,
    address,
    payer: payerOn(req.socket, address),
    isGone: () => req.socket.destroyed,
  }
}
