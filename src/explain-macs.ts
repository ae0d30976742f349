import { createHash, createHmac } from 'node:crypto'
import { type Cause, cause } from './explain-cause.js'

/** A way to work out a MAC, and what is wrong with it. */
export interface Maker {
  readonly causes: readonly Cause[]
  digest(text: string): Buffer
}

/** A secret that a client may have taken for the right one. */
export interface OtherSecret {
  readonly secret: string
  readonly cause: Cause
}

interface Key {
  readonly secret: Buffer
  readonly cause?: Cause
}

interface Way {
  readonly cause?: Cause
  readonly length: number
  mac(secret: Buffer, bytes: Buffer): Buffer
}

const lengths: readonly (readonly [algorithm: string, bytes: number])[] = [
  ['sha1', 20],
  ['sha512', 64],
  ['md5', 16],
  ['sha384', 48],
  ['sha224', 28],
  ['sha3-256', 32],
]

const hmac = (algorithm: string) => (secret: Buffer, bytes: Buffer) =>
  createHmac(algorithm, secret).update(bytes).digest()
const hash = (...parts: readonly Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
const noHmac = 'use HMAC-SHA256 with the secret as its key'
const right: Way = { length: 32, mac: hmac('sha256') }

const algorithms: readonly Way[] = lengths.map(([name, length]) => ({
  cause: cause('algorithm', `HMAC-${name.toUpperCase()} was used`, 'use HMAC-SHA256'),
  length,
  mac: hmac(name),
}))

const modes: readonly Way[] = [
  {
    cause: cause('swapped', 'key and message were swapped', 'the secret is the key, the body is the message'),
    length: 32,
    mac: (secret, bytes) => hmac('sha256')(bytes, secret),
  },
  {
    cause: cause('plain-hash', 'a plain SHA-256 of the body was used, without the secret', noHmac),
    length: 32,
    mac: (_secret, bytes) => hash(bytes),
  },
  {
    cause: cause('hash-with-secret', 'SHA-256 of secret and body one after the other was used', noHmac),
    length: 32,
    mac: (secret, bytes) => hash(secret, bytes),
  },
  {
    cause: cause('hash-with-secret', 'SHA-256 of body and secret one after the other was used', noHmac),
    length: 32,
    mac: (secret, bytes) => hash(bytes, secret),
  },
]

const asText = 'use the text of the secret as it was given, cs_… included, and do not decode it'

/** What a client may have used as the key, beside the secret: each with the secret spoilt in one way. */
function otherKeys(secret: string, apiKey: string | undefined): Key[] {
  const text = (name: string, what: string, instead: string, other: string | Buffer): Key => ({
    secret: Buffer.from(other),
    cause: cause(name, what, instead),
  })
  const newline = 'the secret was read from its file with the newline at its end'
  const hex = /^(?:[0-9a-fA-F]{2})+$/.test(secret)
  return [
    text('secret-newline', newline, 'strip one newline from the end of the file', `${secret}\n`),
    text('secret-newline', newline, 'strip one line end (CR LF) from the end of the file', `${secret}\r\n`),
    text('secret-space', 'the secret was used with a space at its end', 'strip it', `${secret} `),
    text('secret-trimmed', 'the secret was trimmed, but white space belongs to it', asText, secret.trim()),
    text('secret-decoded', 'the secret was base64-decoded', asText, Buffer.from(secret, 'base64')),
    ...(hex ? [text('secret-decoded', 'the secret was hex-decoded', asText, Buffer.from(secret, 'hex'))] : []),
    text('secret-encoded', 'the secret was base64-encoded', asText, Buffer.from(secret).toString('base64')),
    text('secret-prefix', 'the secret was used without its cs_', asText, secret.replace(/^cs_/, '')),
    text('secret-decoded', 'the secret was base64-decoded without its cs_', asText, decodedBody(secret)),
    text('secret-quoted', 'the secret was used with quotes around it', 'take the quotes off', `"${secret}"`),
    text('secret-hashed', 'a hash of the secret was used', asText, hash(Buffer.from(secret))),
    text('secret-hashed', 'a hash of the secret was used', asText, hash(Buffer.from(secret)).toString('hex')),
    text('secret-empty', 'an empty secret was used', 'check where the client reads its secret', ''),
    ...(apiKey === undefined
      ? []
      : [text('id-as-secret', 'the key’s public id was used as the secret', 'sign with the secret (cs_…)', apiKey)]),
  ].filter((key) => key.secret.toString('latin1') !== Buffer.from(secret).toString('latin1'))
}

const decodedBody = (secret: string) => Buffer.from(secret.replace(/^cs_/, '').slice(0, 43), 'base64url')

const encodings: readonly { readonly name: BufferEncoding; readonly cause: Cause }[] = [
  {
    name: 'latin1',
    cause: cause('encoding', 'the body was signed as Latin-1', 'sign the UTF-8 bytes that are sent'),
  },
  {
    name: 'utf16le',
    cause: cause('encoding', 'the body was signed as UTF-16', 'sign the UTF-8 bytes that are sent'),
  },
]

/** The ways to make a MAC by how much is wrong with them: nothing, one thing, two things. */
export function makersOf(
  secret: string,
  others: readonly OtherSecret[],
  apiKey: string | undefined,
  encoding: BufferEncoding,
): readonly (readonly Maker[])[] {
  const own: Key = { secret: Buffer.from(secret) }
  const keys = [
    ...others.map((other) => ({ secret: Buffer.from(other.secret), cause: other.cause })),
    ...otherKeys(secret, apiKey),
  ]
  const ways = [...algorithms, ...modes]
  const maker = (key: Key, way: Way, as = encoding, ...further: Cause[]): Maker => ({
    causes: [key.cause, way.cause, ...further].filter((one) => one !== undefined),
    digest: (text) => way.mac(key.secret, Buffer.from(text, as)),
  })
  return [
    [maker(own, right)],
    [
      ...keys.map((key) => maker(key, right)),
      ...ways.map((way) => maker(own, way)),
      ...encodings.map(({ name, cause }) => maker(own, right, name, cause)),
    ],
    keys.flatMap((key) => ways.map((way) => maker(key, way))),
  ]
}

/** One way to read the text of a MAC as bytes. */
export interface Reading {
  readonly bytes: Buffer
  readonly causes: readonly Cause[]
}

const canonical = 'send 44 characters of standard padded base64, or 64 of lower-case hex'

const unwrapped: readonly (readonly [Cause, (text: string) => string | undefined])[] = [
  [cause('mac-space', 'the MAC has white space around or in it', canonical), (text) => text.replace(/\s+/g, '')],
  [cause('mac-hex-case', 'the MAC is in upper-case hex', canonical), (text) => lowerHex(text)],
  [cause('mac-hex-case', 'the MAC is in hex with colons', canonical), (text) => lowerHex(text.replaceAll(':', ''))],
  [
    cause('mac-base64url', 'the MAC is in the URL-safe alphabet of base64', canonical),
    (text) => (/[-_]/.test(text) ? padded(text.replaceAll('-', '+').replaceAll('_', '/')) : undefined),
  ],
  [cause('mac-unpadded', 'the MAC is base64 without its padding', canonical), (text) => padded(text)],
  [
    cause('mac-plus', 'every + of the MAC became a space', 'URL-encode the MAC in a form'),
    (text) => text.replaceAll(' ', '+'),
  ],
  [
    cause('mac-url-encoded', 'the MAC is URL-encoded', 'do not URL-encode the MAC inside JSON or a header'),
    (text) => text.replace(/%[0-9a-fA-F]{2}/g, (one) => String.fromCharCode(Number.parseInt(one.slice(1), 16))),
  ],
  [
    cause('mac-prefixed', 'something stands before or after the MAC', 'send the MAC alone'),
    (text) =>
      /^(?:[\w-]*\(stdin\)= ?|(?:hmac-?)?sha-?256[=: ]|hmac |0x|["'])?(\S+?)(?:["']| +\*?-)?\s*$/i.exec(text)?.[1],
  ],
  [
    cause('mac-encoded-twice', 'the MAC was encoded twice: base64 of its hex text', 'encode the raw bytes, once'),
    (text) => ascii(Buffer.from(text, 'base64')),
  ],
  [
    cause('mac-encoded-twice', 'the MAC was encoded twice: hex of its base64 text', 'encode the raw bytes, once'),
    (text) => ascii(Buffer.from(text, 'hex')),
  ],
  [
    cause('mac-spelling', 'the base64 of the MAC is not spelled as encoders spell it', canonical),
    (text) => Buffer.from(text, 'base64').toString('base64'),
  ],
]

/** Every way to read a MAC, those without a fault first. */
export function readingsOf(mac: string): Reading[] {
  const plain = strict(mac).map((bytes) => ({ bytes, causes: [] }))
  const others = unwrapped.flatMap(([cause, unwrap]) => {
    const text = unwrap(mac)
    return text === undefined || text === mac ? [] : strict(text).map((bytes) => ({ bytes, causes: [cause] }))
  })
  return [...plain, ...others]
}

function strict(text: string): Buffer[] {
  return (['hex', 'base64'] as const)
    .map((encoding) => ({ encoding, bytes: Buffer.from(text, encoding) }))
    .filter(({ encoding, bytes }) => bytes.length >= shortest && bytes.toString(encoding) === text)
    .map(({ bytes }) => bytes)
}

const shortest = 8
const lowerHex = (text: string) => (/^[0-9A-Fa-f]+$/.test(text) ? text.toLowerCase() : undefined)
const padded = (text: string) => text + '='.repeat((4 - (text.length % 4)) % 4)
const ascii = (bytes: Buffer) => {
  const text = bytes.toString('latin1').trim()
  return /^[!-~]+$/.test(text) ? text : undefined
}

const cut = cause('mac-cut', 'the MAC was cut short', canonical)

/** What is wrong with a MAC beside how it was made; undefined when it is another MAC. */
export function matches(digest: Buffer, { bytes, causes }: Reading): readonly Cause[] | undefined {
  if (digest.equals(bytes)) return causes
  const short = bytes.length < digest.length && digest.subarray(0, bytes.length).equals(bytes)
  return short ? [...causes, cut] : undefined
}
