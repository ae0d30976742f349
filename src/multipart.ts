import { malformed, type Refusal } from './refusal.js'

/** Bytes of the headers of one part. */
const maxHead = 16_384
const maxName = 64
/** RFC 2046 §5.1.1. */
const maxBoundary = 70
const lineEnd = Buffer.from('\r\n')
const headEnd = Buffer.from('\r\n\r\n')
const dash = 0x2d

/** Whether the Content-Type says that the body is such a form. */
export const isMultipart = (contentType: string): boolean => /^\s*multipart\/form-data\s*;/i.test(contentType)

/**
 * Reads multipart/form-data (RFC 7578) whose bytes are valid UTF-8. A value is the bytes of its part, as sent. Everything
 * but plain fields is 1400: a file, a part without a name, a transfer encoding, a charset that would read other
 * characters, more than `maxFields` parts. Every byte is compared with a delimiter at most twice.
 */
export function readMultipart(body: Buffer, contentType: string, maxFields: number): [name: string, value: string][] {
  const boundary = parametersOf(contentType)?.get('boundary') ?? ''
  if (boundary === '' || boundary.length > maxBoundary) throw unreadable('no boundary of at most 70 characters')
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  const fields: [string, string][] = []
  let at = firstPart(body, delimiter)
  while (!isLast(body, at)) {
    if (fields.length === maxFields) throw unreadable(`more than ${maxFields} fields`)
    if (!isAt(body, lineEnd, at)) throw unreadable('no line end behind a boundary')
    // The headers may be none: then the line end behind the boundary begins what ends them.
    const head = find(body, headEnd, at, at + maxHead)
    const end = head < 0 ? -1 : find(body, delimiter, head + lineEnd.length)
    if (end < 0) throw unreadable('a part does not end')
    const value = body.toString('utf8', head + headEnd.length, Math.max(end, head + headEnd.length))
    fields.push([nameOf(body.toString('utf8', at + lineEnd.length, head), value), value])
    at = end + delimiter.length
  }
  return fields
}

/** Where the first delimiter ends: at the start, or behind a preamble. */
function firstPart(body: Buffer, delimiter: Buffer): number {
  const first = delimiter.subarray(lineEnd.length)
  if (isAt(body, first, 0)) return first.length
  const at = find(body, delimiter, 0)
  if (at < 0) throw unreadable('the boundary of the Content-Type is not in the body')
  return at + delimiter.length
}

const isLast = (body: Buffer, at: number): boolean => body[at] === dash && body[at + 1] === dash

/** The name of a field. Throws 1400 for a part that is none, or whose value is not to be read as it is. */
function nameOf(head: string, value: string): string {
  const headers = headersOf(head)
  const disposition = parametersOf(headers.get('content-disposition') ?? '')
  const name = disposition?.get('name')
  if (disposition?.get('') !== 'form-data' || name === undefined) throw unreadable('a part is no field with a name')
  if (Buffer.byteLength(name) > maxName) throw unreadable(`a name is longer than ${maxName} bytes`)
  const type = parametersOf(headers.get('content-type') ?? 'text/plain')
  const isFile = disposition.has('filename') || disposition.has('filename*')
  if (isFile || type?.get('') === 'application/octet-stream') throw unreadable('a part is a file')
  if (!/^(7bit|8bit|binary)$/i.test(headers.get('content-transfer-encoding') ?? '7bit')) {
    throw unreadable('a part has a transfer encoding')
  }
  if (!isReadAsSent(type?.get('charset') ?? 'utf-8', value)) throw unreadable('a part is not in UTF-8')
  return name
}

/** Whether a charset reads the same characters as UTF-8: old clients name the one of their system, and send ASCII. */
const isReadAsSent = (charset: string, value: string): boolean =>
  /^utf-?8$/i.test(charset) ||
  (/^(us-ascii|ascii|latin1|iso-8859-[0-9]{1,2}|windows-125[0-9])$/i.test(charset) && /^\p{ASCII}*$/u.test(value))

function headersOf(head: string): Map<string, string> {
  const headers = new Map<string, string>()
  if (head === '') return headers
  for (const line of head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\p{Cc}]*)$/u.exec(line.replaceAll('\t', ' ')) ?? []
    if (name === undefined || value === undefined) throw unreadable('a part has a broken header')
    const key = name.toLowerCase()
    if (headers.has(key)) throw unreadable('a header of a part stands twice')
    headers.set(key, value.trim())
  }
  return headers
}

/** `value; name=text; name="text"`: the value under the empty name, in lower case, as names are. Undefined when it is broken. */
function parametersOf(header: string): Map<string, string> | undefined {
  const semicolon = header.indexOf(';')
  const value = semicolon < 0 ? header : header.slice(0, semicolon)
  const parameters = new Map([['', value.trim().toLowerCase()]])
  const parameter = /;[ \t]*([^\s=;"]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))[ \t]*/uy
  parameter.lastIndex = value.length
  while (parameter.lastIndex < header.length) {
    const found = parameter.exec(header)
    if (!found) return undefined
    const [, name = '', quoted, plain = ''] = found
    const key = name.toLowerCase()
    if (parameters.has(key)) return undefined
    parameters.set(key, quoted?.replaceAll(/\\(["\\])/g, '$1') ?? plain)
  }
  return parameters
}

/** Where `wanted` begins at or after `from`, and ends before `until`; -1 when it does not. The first byte of each one that is looked for is in it once or twice. */
function find(body: Buffer, wanted: Buffer, from: number, until = body.length): number {
  const last = Math.min(until, body.length) - wanted.length
  for (let at = from; at <= last; at++) if (isAt(body, wanted, at)) return at
  return -1
}

function isAt(body: Buffer, wanted: Buffer, at: number): boolean {
  let same = 0
  while (same < wanted.length && body[at + same] === wanted[same]) same++
  return same === wanted.length
}

const unreadable = (why: string): Refusal => malformed(`the multipart form could not be read: ${why}`)
