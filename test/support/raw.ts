import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'

/** One HTTP reply as it came. */
export interface RawReply {
  readonly status: number
  /** The header lines as sent. */
  readonly lines: readonly string[]
  /** Names in lower case; of a repeated one the last. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** A connection on which a test writes whatever it likes. */
export interface RawSocket {
  readonly socket: Socket
  write(bytes: string | Buffer): void
  /** The next reply; `withoutBody` for the answer to HEAD. Rejects when the connection ends before it. */
  reply(withoutBody?: boolean): Promise<RawReply>
  /** Waits until the server has closed; what was left unread. */
  closed(): Promise<string>
  close(): void
}

/** Connects to a port of this machine. */
export async function openSocket(port: number, localAddress = '127.0.0.1'): Promise<RawSocket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  let unread = ''
  let ended = false
  let wake: () => void = () => undefined
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      ended = true
      wake()
      resolve()
    })
  })
  socket.setEncoding('latin1')
  socket.on('data', (chunk) => {
    unread += chunk
    wake()
  })
  socket.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('close', () => reject(new Error(`nothing listens on port ${port}`)))
  })
  return {
    socket,
    closed: () => closed.then(() => unread),
    write: (bytes) => void socket.write(bytes),
    close: () => void socket.destroy(),
    async reply(withoutBody = false) {
      for (;;) {
        const read = readReply(unread, withoutBody)
        if (read) {
          unread = unread.slice(read.length)
          return read.reply
        }
        if (ended) throw new Error(`the connection ended before a whole reply; there was: ${JSON.stringify(unread)}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

/** Sends bytes on a connection of their own and returns the reply. */
export async function exchange(port: number, bytes: string | Buffer, withoutBody = false): Promise<RawReply> {
  const raw = await openSocket(port)
  try {
    raw.write(bytes)
    return await raw.reply(withoutBody)
  } finally {
    raw.close()
  }
}

/** A POST of a whole body to `/control`; further header lines without their line ends. */
export const post = (body: string | Buffer, lines: readonly string[] = [], path = '/control'): Buffer => {
  const head = [`POST ${path} HTTP/1.1`, 'Host: localhost', ...lines, `Content-Length: ${Buffer.byteLength(body)}`]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(body)])
}

function readReply(text: string, withoutBody: boolean): { reply: RawReply; length: number } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(first)?.[1])
  if (!status) throw new Error(`not an HTTP reply: ${JSON.stringify(text)}`)
  const headers = new Map(
    lines.map((line): [string, string] => [nameOf(line), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const bare = withoutBody || status < 200
  const length = end + 4 + (bare ? 0 : Number(headers.get('content-length')))
  if (!(text.length >= length)) return undefined
  const body = Buffer.from(text.slice(end + 4, length), 'latin1').toString('utf8')
  return { reply: { status, lines, headers, body }, length }
}

const nameOf = (line: string) => line.slice(0, line.indexOf(':')).toLowerCase()

const always: readonly (readonly [name: string, value: RegExp])[] = [
  ['Content-Type', /^application\/json; charset=utf-8$/],
  ['Cache-Control', /^no-store$/],
  ['X-Content-Type-Options', /^nosniff$/],
  ['X-Request-Id', /^[0-9a-z]{9}[\w-]{13}$/],
]

/** The endpoint's own reply: its status and code, JSON, every required header once, and none of CORS. */
export function assertReply({ status, lines, headers, body }: RawReply, expected: number, code: number): void {
  assert.equal(status, expected, body)
  const json = JSON.parse(body)
  assert.equal(json.code, code, body)
  for (const [name, value] of always) {
    const given = lines.filter((line) => nameOf(line) === name.toLowerCase())
    assert.equal(given.length, 1, `${name} stands once`)
    assert.match(headers.get(name.toLowerCase()) ?? '', value)
  }
  assert.equal(headers.get('x-request-id'), json.request_id)
  assert.deepEqual(
    lines.filter((line) => /^(access-control-|x-powered-by|server:)/i.test(line)),
    [],
  )
}

/** Sends every message on a socket of its own, all at once: each has all but its last byte before any has the last. */
export async function volley(messages: readonly (readonly [port: number, bytes: Buffer])[]): Promise<RawReply[]> {
  const sockets = await Promise.all(messages.map(([port]) => openSocket(port)))
  const each = (work: (raw: RawSocket, bytes: Buffer) => void) => {
    for (const [index, raw] of sockets.entries()) work(raw, messages[index]?.[1] ?? Buffer.alloc(0))
  }
  each((raw, bytes) => raw.write(bytes.subarray(0, -1)))
  each((raw, bytes) => raw.write(bytes.subarray(-1)))
  const replies = await Promise.all(sockets.map((raw) => raw.reply()))
  each((raw) => raw.close())
  return replies
}
