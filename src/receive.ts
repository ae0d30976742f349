import busboy from 'busboy'
import type { Carrier, Wire } from './dialect.js'
import { decodeForm, decodeUtf8 } from './encoding.js'
import { type Scan, scanJson } from './json.js'
import { malformed, Refusal } from './refusal.js'

const brace = 0x7b
const space: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d])
const carriers = 'expected a JSON object, or a form with the one field json, or with the fields msg and sig'

/**
 * The first step: limits on the carrier, then the bytes decide what they are (protocol §1). Throws 1400, 1404, 1413 or
 * 1415. A promise only for multipart forms. `owned`: a dialect serves this path, and says itself what fields it takes.
 */
export function receive(wire: Wire, bodyLimit: number, owned: boolean): Carrier | Promise<Carrier> {
  if (wire.body.length > bodyLimit) throw new Refusal('TOO_LARGE', { message: tooLarge(bodyLimit) })
  refuseEncodings(wire)
  const isJson = firstByte(wire.body) === brace
  if (!isEndpoint(wire.path)) {
    if (isJson) throw malformed('send JSON to /control itself')
    if (!owned) {
      throw new Refusal('UNKNOWN_COMMAND', { message: 'Nothing is served under this path: POST to /control' })
    }
    if (wire.body.length === 0) return { wire, form: new Map(), json: undefined, bodyLimit }
  }
  if (isJson) return { wire, form: undefined, json: scanJson(decodeUtf8(wire.body)), bodyLimit }
  const form = readForm(wire, owned && !isBelowEndpoint(wire.path))
  const carrier = owned ? ownCarrier : carrierOf
  return form instanceof Promise
    ? form.then((fields) => carrier(wire, fields, bodyLimit))
    : carrier(wire, form, bodyLimit)
}

/** The endpoint itself, where every dialect is spoken that has no path of its own. */
export const isEndpoint = (path: string): boolean => path === '/control' || path === '/control/'

/** A path below the endpoint: what the listener refuses there, and how forms are read, is the endpoint's. */
export const isBelowEndpoint = (path: string): boolean => path.startsWith('/control/')

export const tooLarge = (bodyLimit: number): string => `The request body is larger than ${bodyLimit} bytes`

function ownCarrier(wire: Wire, fields: readonly [string, string][], bodyLimit: number): Carrier {
  return { wire, form: fieldsOf(fields), json: undefined, bodyLimit }
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
  return { wire, form, json: scanField(form.get('json')), bodyLimit }
}

function scanField(json: string | undefined): Scan | undefined {
  if (json === undefined) return undefined
  if (firstByte(Buffer.from(json)) !== brace) throw malformed('json: expected a JSON object')
  return scanJson(json)
}

function refuseEncodings({ contentEncoding, contentType }: Wire): void {
  if (contentEncoding !== undefined && !/^\s*(identity)?\s*$/i.test(contentEncoding)) {
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

function readForm({ body, contentType = '' }: Wire, typed: boolean): [string, string][] | Promise<[string, string][]> {
  if (/^\s*multipart\/form-data\s*;/i.test(contentType)) {
    // Valid as a whole, so valid in every part: decoding a part as UTF-8 then loses nothing, and the HMAC covers its bytes.
    decodeUtf8(body)
    return readMultipart(body, contentType)
  }
  const text = decodeUtf8(body)
  if (text === '') throw malformed(`the body is empty: ${carriers}`)
  return decodeForm(text.replace(/\r?\n$/, ''), typed)
}

function readMultipart(body: Buffer, contentType: string): Promise<[string, string][]> {
  return new Promise((resolve, reject) => {
    const fields: [string, string][] = []
    const refuse = () => reject(malformed(`the multipart form could not be read: ${carriers}`))
    try {
      const parser = busboy({
        headers: { 'content-type': contentType },
        defCharset: 'utf8',
        limits: { fieldNameSize: 64, fieldSize: body.length, fields: 3, files: 1, parts: 4 },
      })
      parser.on('file', refuse)
      parser.on('field', (name, value, info) => {
        const whole = !info.nameTruncated && !info.valueTruncated
        // A part may name a charset: what it was read as must still be the bytes that were sent, for they are signed.
        const asSent = typeof value === 'string' && body.includes(value)
        if (!whole || !asSent || !/^(7bit|8bit|binary)$/i.test(info.encoding)) refuse()
        fields.push([name, value])
      })
      parser.on('error', refuse)
      parser.on('close', () => resolve(fields))
      parser.end(body)
    } catch {
      refuse()
    }
  })
}
