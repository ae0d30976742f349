import { isUtf8 } from 'node:buffer'
import { inflateSync } from 'node:zlib'
import { malformed, Refusal } from './refusal.js'

/**
 * The bytes of a MAC in one of its two canonical spellings: padded standard base64 (44 characters) or lower-case hex
 * (64), in `into`. Any other text is undefined: `Buffer.write` forgives, so what was decoded is encoded again and compared.
 */
export function decodeMac(text: string, into = Buffer.allocUnsafe(macLength)): Buffer | undefined {
  const encoding = text.length === 44 ? 'base64' : text.length === 64 ? 'hex' : undefined
  if (encoding === undefined) return undefined
  const length = into.write(text, encoding)
  return length === macLength && into.toString(encoding) === text ? into : undefined
}

export const macLength = 32

/** Decodes UTF-8 fatally; a byte order mark is kept as the character it is. Throws 1400. */
export function decodeUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw malformed('not valid UTF-8')
  return bytes.toString('utf8')
}

/** Fields of a form, however it is sent: nothing that is served takes nearly as many. */
export const maxFields = 100

/**
 * Reads application/x-www-form-urlencoded strictly (WHATWG URL §5.1, but a broken escape or invalid UTF-8 is 1400
 * instead of being repaired). Repeats are kept: the caller refuses them. `typed`: a person may have written it, who leaves
 * spaces and letters that are not ASCII as they are.
 */
export function decodeForm(text: string, typed = false): [name: string, value: string][] {
  const pairs = text.split('&', maxFields + 1)
  if (pairs.length > maxFields) throw malformed(`the form has more than ${maxFields} fields`)
  return pairs.map((pair) => {
    const equals = pair.indexOf('=')
    if (equals < 0) throw malformed('expected a JSON object, or a form')
    return [decodeFormText(pair.slice(0, equals), typed), decodeFormText(pair.slice(equals + 1), typed)]
  })
}

function decodeFormText(text: string, typed: boolean): string {
  const accepted = typed ? /^[^\p{Cc}]*$/u : /^[\x21-\x7e]*$/
  if (!accepted.test(text)) throw malformed('expected a JSON object, or a form')
  return /[+%]/.test(text) ? unescaped(Buffer.from(text)) : text
}

const [plus, percent, space] = [0x2b, 0x25, 0x20]

/** In place and in one pass: to replace each of a million plus signs in a string takes a second. */
function unescaped(bytes: Buffer): string {
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at] ?? 0
    if (byte === plus) byte = space
    else if (byte === percent) {
      const [high, low] = [hexDigit(bytes[at + 1] ?? 0), hexDigit(bytes[at + 2] ?? 0)]
      if (high < 0 || low < 0) throw malformed('the form has a broken percent escape')
      byte = high * 16 + low
      at += 2
    }
    bytes[length++] = byte
  }
  const text = bytes.subarray(0, length)
  if (!isUtf8(text)) throw malformed('the form has a broken percent escape')
  return text.toString('utf8')
}

/** The value of a hex digit in either case; negative for anything else. `code` is that of the character. */
export function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

/** The bytes of base64 as old clients write it: white space anywhere, padding or none. Undefined when anything else is in it. */
export function lenientBase64(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/ \t\r\n]*(?:=[ \t\r\n]*){0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
}

/**
 * The bytes of one whole zlib stream (RFC 1950), with nothing behind it. Throws 1400 when it is anything else, 1413 when
 * more than `limit` bytes come out of it; `name` is what the sender calls it.
 */
export function inflate(bytes: Buffer, limit: number, name: string): Buffer {
  let inflated: unknown
  try {
    inflated = inflateSync(bytes, { info: true, maxOutputLength: limit })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new Refusal('TOO_LARGE', { message: `${name}: more than ${limit} bytes when it is inflated` })
    }
    throw malformed(`${name}: expected base64 of a whole zlib stream`)
  }
  if (!isInflated(inflated)) throw new Error('zlib did not tell what it has read')
  // zlib stops at the end of the first stream, and would say nothing of what follows.
  if (inflated.engine.bytesWritten !== bytes.length) throw malformed(`${name}: bytes after the end of the zlib stream`)
  return inflated.buffer
}

/** With `info` the result is an object, which the types of Node do not tell. */
const isInflated = (value: unknown): value is { buffer: Buffer; engine: { bytesWritten: number } } =>
  typeof value === 'object' && value !== null && 'engine' in value
