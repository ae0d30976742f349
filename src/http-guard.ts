import type { IncomingMessage } from 'node:http'
import { limits } from './http-parts.js'

const once: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'content-type',
  'content-encoding',
  'authorization',
  'countersign-signature',
])

/** Node's parser lets through what two servers in a row may read differently; undefined when there is nothing of the kind. */
export function headerFault({ rawHeaders, headers, httpVersion }: IncomingMessage): string | undefined {
  if (rawHeaders.length > 2 * limits.maxHeaderLines) return 'too many header lines'
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    if (!once.has(name)) continue
    if (seen.has(name)) return `the header ${name} stands twice`
    seen.add(name)
  }
  if (!seen.has('host') && httpVersion !== '1.0') return 'the Host header is missing'
  const coding = headers['transfer-encoding']
  if (coding === undefined) return undefined
  if (seen.has('content-length')) return 'Content-Length and Transfer-Encoding together'
  return /^\s*chunked\s*$/i.test(coding) ? undefined : 'this Transfer-Encoding is not understood'
}
