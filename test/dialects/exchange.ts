import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import type { Credentials } from '../../clients/typescript/index.js'
import type { Wire } from '../../src/dialect.js'
import type { Reply } from '../../src/reply.js'

/** One request as a golden file writes it, and the reply that it must get. README.md tells how they are written. */
export interface Exchange {
  readonly request: string
  readonly reply: string
}

/** What placeholders stand for; `now` in Unix seconds. */
export interface Values {
  readonly now: number
  readonly owner: Credentials
  /** Texts of the replies so far, by the member that they stood in. */
  readonly got: Map<string, string>
}

/** A request ready to be sent, and how its reply is signed when it is. */
export interface Sent {
  readonly body: Buffer
  readonly wire: Partial<Wire>
  readonly proof: { readonly mac: string; readonly secret: string } | undefined
}

/** Reads a golden file: the guarantee in its first line, and its exchanges. */
export function readGolden(text: string): { guarantee: string; exchanges: Exchange[] } {
  const [, guarantee = '', rest = ''] =
    /^# (.+)\n((?:.|\n)*)$/.exec(text) ?? assert.fail('the first line must be "# a guarantee"')
  const exchanges = rest.split(/^={4,}\n/m).map((exchange) => {
    const [request, reply, ...more] = exchange.replaceAll(/^#.*\n/gm, '').split(/^-{4,}\n/m)
    if (request === undefined || reply === undefined || more.length > 0)
      assert.fail('expected a request, a line of dashes, a reply')
    return { request: request.replace(/\n$/, ''), reply }
  })
  return { guarantee, exchanges }
}

const signatureMember = '"[^"]*"\\s*:\\s*"\\{\\{mac[^}]*\\}\\}"'

/** The text without the member whose value is `{{mac}}` (protocol §3), cut while it still can be seen. */
function withoutMac(text: string): string {
  const first = new RegExp(`(?<=\\{\\s*)${signatureMember}(\\s*,\\s*)?`)
  return first.test(text) ? text.replace(first, '') : text.replace(new RegExp(`\\s*,\\s*${signatureMember}`), '')
}

/** The JSON among the body's text: what is to be encoded, the object in a multipart form, or all of it. */
function jsonOf(body: string, multipart: boolean): string {
  const encoded = /\{\{encode\}\}((?:.|\n)*)\{\{\/encode\}\}/.exec(body)?.[1]
  return encoded ?? (multipart ? body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1) : body)
}

function fill(text: string, { now, owner, got }: Values): string {
  return text
    .replaceAll('{{key}}', owner.apiKey)
    .replaceAll('{{secret}}', owner.secret)
    .replaceAll(/\{\{got (\w+)\}\}/g, (_, name) => got.get(name) ?? assert.fail(`no reply had ${name}`))
    .replaceAll(/\{\{basic ([^}]*)\}\}/g, (_, login) => Buffer.from(login).toString('base64'))
    .replaceAll(/\{\{now([+-]\d+)?\}\}/g, (_, offset = '0') => String(now + Number(offset)))
    .replaceAll(/\{\{(.)\*(\d+)\}\}/g, (_, letter, times) => letter.repeat(Number(times)))
}

/** `{{zlib}}…{{/zlib}}` as base64 of zlib, and with a number in lines of so many characters. */
const compress = (text: string): string =>
  text.replaceAll(/\{\{zlib( \d+)?\}\}((?:.|\n)*?)\{\{\/zlib\}\}/g, (_, width, plain) => {
    const base64 = deflateSync(plain).toString('base64')
    return width === undefined ? base64 : base64.replaceAll(new RegExp(`.{1,${Number(width)}}`, 'g'), '$&\n')
  })

/** Puts values in place of a request's placeholders and signs it. */
export function prepare(request: string, values: Values): Sent {
  const [, method = '', target = '', written = '', rest = ''] =
    /^([A-Z]+) (.+)\n((?:\S+: .*\n)*)\n?((?:.|\n)*)$/.exec(`${request}\n`) ??
    assert.fail('expected a method, a path, headers, an empty line, the body')
  const [path = '', query = ''] = fill(target, values).split('?')
  const head = fill(written, values)
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]
  const contentType = header('Content-Type')
  const multipart = contentType?.startsWith('multipart/') ?? false
  const filled = compress(fill(rest.replace(/\n$/, ''), values))
  const body = multipart ? filled.replaceAll('\n', '\r\n') : filled
  const [placeholder, hex, other] = /\{\{mac( hex| HEX)?(?: with ([^}]+))?\}\}/.exec(head + body) ?? []
  const secret = other ?? values.owner.secret
  const inHeader = head.includes('{{mac')
  const signed = inHeader ? body : withoutMac(jsonOf(body, multipart))
  const mac = createHmac('sha256', secret).update(signed).digest()
  const sign = (text: string) => (placeholder ? text.replaceAll(placeholder, spelled(mac, hex)) : text)
  const encoded = sign(body).replaceAll(/\{\{encode\}\}((?:.|\n)*)\{\{\/encode\}\}/g, (_, json) =>
    encodeURIComponent(json),
  )
  const signature = header('Countersign-Signature')
  return {
    body: Buffer.from(encoded),
    wire: {
      method,
      path,
      query,
      host: header('Host') ?? 'localhost',
      origin: header('Origin'),
      secFetchSite: header('Sec-Fetch-Site'),
      authorization: header('Authorization'),
      contentType,
      contentEncoding: header('Content-Encoding'),
      signature: signature === undefined ? undefined : sign(signature),
    },
    proof: placeholder === undefined ? undefined : { mac: mac.toString('hex'), secret },
  }
}

function spelled(mac: Buffer, how: string | undefined): string {
  if (how === undefined) return mac.toString('base64')
  return how === ' HEX' ? mac.toString('hex').toUpperCase() : mac.toString('hex')
}

/** Fails unless the reply is the one expected: status, proof, the headers named, and every member of the JSON. */
export function compare(actual: Reply, expected: string, { proof }: Sent, values: Values): void {
  const [, status, proven, head = '', json = ''] =
    /^(\d{3}) (signed|unsigned)\n((?:[\w-]+: .*\n)*)((?:.|\n)*)$/.exec(fill(expected, values)) ??
    assert.fail('expected a status with "signed" or "unsigned", headers, JSON')
  const headers = new Map(actual.headers)
  if (json.trim() === '') assert.equal(actual.body, '')
  else assert.deepEqual(mask(JSON.parse(actual.body), JSON.parse(json)), JSON.parse(json))
  assert.equal(actual.status, Number(status))
  const text = `countersign-reply\n${proof?.mac}\n${actual.status}\n${actual.body}`
  const mac = proof && createHmac('sha256', proof.secret).update(text).digest('base64')
  if (proven === 'signed') assert.ok(mac, 'a signed reply needs {{mac}} in its request')
  assert.equal(headers.get('Countersign-Reply'), proven === 'signed' ? mac : undefined)
  for (const [, name = '', value] of head.matchAll(/^([\w-]+): (.*)$/gm)) assert.equal(headers.get(name), value)
}

/** The actual value, with `{{any}}` wherever the expected one says so and something is there. */
function mask(actual: unknown, expected: unknown): unknown {
  if (expected === '{{any}}') return actual === undefined || actual === null ? actual : expected
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) return actual
  if (Array.isArray(actual)) return actual.map((element, index) => mask(element, Reflect.get(expected, index)))
  return Object.fromEntries(
    Object.entries(actual).map(([name, value]) => [name, mask(value, Reflect.get(expected, name))]),
  )
}

/** Keeps the texts of a reply and of its result, for requests that follow. */
export function remember({ body }: Reply, { got }: Values): void {
  const reply = body === '' ? {} : JSON.parse(body)
  for (const [name, value] of Object.entries({ ...reply, ...reply.result })) {
    if (typeof value === 'string') got.set(name, value)
  }
}
