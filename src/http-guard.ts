import type { IncomingMessage } from 'node:http'
import { limits } from './http-parts.js'

const [host, contentLength] = [1, 2]
/** Headers that may stand once, each as a bit. */
const once: ReadonlyMap<string, number> = new Map([
  ['host', host],
  ['content-length', contentLength],
  ['transfer-encoding', 4],
  ['content-type', 8],
  ['content-encoding', 16],
  ['authorization', 32],
  ['countersign-signature', 64],
])
/** The same as they are mostly spelled, so that most need no other spelling. */
const spelled = new Map(once)
for (const [name, bit] of once)
  spelled.set(
    name.replace(/(^|-)[a-z]/g, (letters) => letters.toUpperCase()),
    bit,
  )

/** Node's parser lets through what two servers in a row may read differently; undefined when there is nothing of the kind. */
export function headerFault({ rawHeaders, headers, httpVersion }: IncomingMessage): string | undefined {
  if (rawHeaders.length > 2 * limits.maxHeaderLines) return 'too many header lines'
  let seen = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const bit = spelled.get(name) ?? once.get(name.toLowerCase()) ?? 0
    if ((seen & bit) !== 0) return `the header ${name.toLowerCase()} stands twice`
    seen |= bit
  }
  if ((seen & host) === 0 && httpVersion !== '1.0') return 'the Host header is missing'
  const coding = headers['transfer-encoding']
  if (coding === undefined) return undefined
  if ((seen & contentLength) !== 0) return 'Content-Length and Transfer-Encoding together'
  return /^\s*chunked\s*$/i.test(coding) ? undefined : 'this Transfer-Encoding is not understood'
}
