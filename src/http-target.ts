import type { IncomingMessage } from 'node:http'

const absolute = /^https?:\/\/([^/?#]*)([/?].*)?$/i
const authority = /^(?:[\w.~!$&'()*+,;=%-]+|\[[0-9a-f:.]+\])(?::[0-9]*)?$/i

interface Target {
  /** Path and query, as they stand in the origin form. */
  readonly url: string
  /** The host that an absolute form names: it counts in place of the Host header. */
  readonly host: string
}

/** What an absolute form names (RFC 9112 §3.2.2); undefined for what is none. */
export function absoluteTarget(url: string): Target | undefined {
  const [, host = '', rest = '/'] = absolute.exec(url) ?? []
  if (!authority.test(host)) return undefined
  return { host, url: rest.startsWith('?') ? `/${rest}` : rest }
}

/** Brings the request's target into the origin form. What is wrong with it, where it is neither that form nor an absolute one. */
export function targetFault(req: IncomingMessage): string | undefined {
  const { url = '' } = req
  if (url.startsWith('/')) return undefined
  if (url === '*') return req.method === 'OPTIONS' ? undefined : 'the request target * is for OPTIONS alone'
  const target = absoluteTarget(url)
  if (!target) return 'the request target is neither a path nor an http URL'
  req.url = target.url
  req.headers.host = target.host
  return undefined
}
