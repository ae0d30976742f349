import type { Carrier, Wire } from './dialect.js'
import { decodeForm, decodeUtf8, maxFields } from './encoding.js'
import { type Scan, scanJson } from './json.js'
import { isMultipart, readMultipart } from './multipart.js'
import { malformed, Refusal } from './refusal.js'

const brace = 0x7b
const space: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d])
const carriers = 'expected a JSON object, or a form with the one field json, or with the fields msg and sig'

/**
 * The first step: limits on the carrier, then the bytes decide what they are (protocol §1). Throws 1400, 1404, 1413 or
 * 1415. `owned`: a dialect serves this path, and says itself what fields it takes.
 */
export function receive(wire: Wire, bodyLimit: number, owned: boolean): Carrier {
  if (wire.body.length > bodyLimit) throw new Refusal('TOO_LARGE', { message: tooLarge(bodyLimit) })
  refuseEncodings(wire)
  const isJson = firstByte(wire.body) === brace
  if (!isEndpoint(wire.path)) {
    if (isJson) throw malformed('send JSON to /control itself')
    if (!owned) {
      throw new Refusal('UNKNOWN_COMMAND', { message: 'Nothing is served under this path: POST to /control' })
    }
    if (wire.body.length === 0) return { wire, form: new Map(), json: undefined, bodyLimit, inflated: 0 }
  }
  if (isJson) return { wire, form: undefined, json: scanJson(decodeUtf8(wire.body)), bodyLimit, inflated: 0 }
  const form = readForm(wire, owned && !isBelowEndpoint(wire.path))
  const carrier = owned ? ownCarrier : carrierOf
  return carrier(wire, form, bodyLimit)
}

/** The endpoint itself, where every dialect is spoken that has no path of its own. */
export const isEndpoint = (path: string): boolean => path === '/control' || path === '/control/'

/** A path below the endpoint: what the listener refuses there, and how forms are read, is the endpoint's. */
export const isBelowEndpoint = (path: string): boolean => path.startsWith('/control/')

export const tooLarge = (bodyLimit: number): string => `The request body is larger than ${bodyLimit} bytes`

function ownCarrier(wire: Wire, fields: readonly [string, string][], bodyLimit: number): Carrier {
  return { wire, form: fieldsOf(fields), json: undefined, bodyLimit, inflated: 0 }
}

function fieldsOf(fields: readonly [string, string][]): Map<string, string> {
  const form = new Map(fields)
  if (form.size !== fields.length) throw malformed('a form field stands twice')
  return form
}

function carrierOf(wire: Wire, fields: readonly [string, string][], bodyLimit: number): Carrier {
  const form = fieldsOf(fields)
  const known = form.size === 1 ? form.has('json') : form.size === 2 && form.has('msg') && form.has('sig')
  if (!known) throw malformed(carriers)
  return { wire, form, json: scanField(form.get('json')), bodyLimit, inflated: 0 }
}

function scanField(json: string | undefined): Scan | undefined {
  if (json === undefined) return undefined
  if (firstByte(Buffer.from(json)) !== brace) throw malformed('json: expected a JSON object')
  return scanJson(json)
}

function refuseEncodings({ contentEncoding, contentType }: Wire): void {
  if (contentEncoding !== undefined && !/^(identity)?$/i.test(contentEncoding.trim())) {
    throw new Refusal('UNSUPPORTED_MEDIA', { message: 'Send the body without Content-Encoding' })
  }
  if (contentType === undefined || !/charset/i.test(contentType)) return
  for (const [, charset] of contentType.matchAll(/;\s*charset\s*=\s*"?([^";\s]*)/gi)) {
    if (!/^utf-?8$/i.test(charset ?? '')) throw new Refusal('UNSUPPORTED_MEDIA', { message: 'Send UTF-8' })
  }
}

function firstByte(body: Buffer): number | undefined {
  let at = 0
  while (space.has(body[at])) at++
  return body[at]
}

function readForm({ body, contentType = '' }: Wire, typed: boolean): [string, string][] {
  // Valid as a whole, so valid in every part.
  const text = decodeUtf8(body)
  if (isMultipart(contentType)) return readMultipart(body, contentType, maxFields)
  if (text === '') throw malformed(`the body is empty: ${carriers}`)
  return decodeForm(text.replace(/\r?\n$/, ''), typed)
}
