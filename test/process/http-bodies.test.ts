import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { mac } from '../support/instance.js'
import { assertReply, exchange, openSocket, post } from '../support/raw.js'
import { type Ran, removeFolder, run, runCli, serverFor, startServer } from '../support/server.js'

const server = await startServer()
const { port, owner } = server
test.after(async () => {
  await server.stop()
  removeFolder(server.folder)
})

const now = () => Math.floor(Date.now() / 1000)
const signed = (cmd: string, params: object = {}) => signMessage(cmd, params, owner, { timestamp: now() }).body
const head = (lines: string) => `POST /control HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n\r\n`
const limit = 262_144

test('a body of exactly the limit is read, one byte more is 413/1413, announced or in chunks', async () => {
  const whole = (body: string, line: string) => post(body, [line])
  const chunked = (body: string, line: string) =>
    `${head(`${line}\r\nTransfer-Encoding: chunked`)}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  for (const carry of [whole, chunked]) {
    for (const [size, status, code] of [
      [limit, 200, 9001],
      [limit + 1, 413, 1413],
    ] as const) {
      const body = JSON.stringify({ cmd: 'ping', api_key: owner.apiKey, timestamp: now() }).padEnd(size)
      const line = `Countersign-Signature: ${mac(owner.secret, body)}`
      assertReply(await exchange(port, carry(body, line)), status, code)
    }
  }
})

test('a multipart form that ends in the middle of a file is refused, and the gateway goes on', async () => {
  const body = '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx'
  const type = 'Content-Type: multipart/form-data; boundary=b'
  assertReply(await exchange(port, post(body, [type])), 400, 1400)
  assertReply(await exchange(port, post(signed('ping'), [])), 200, 9001)
})

test('a body over the limit that has at most 1 MiB is read and refused, and the connection stays open', async () => {
  for (const size of [limit + 1, 1_048_576]) {
    const raw = await openSocket(port)
    raw.write(post(signed('ping').padEnd(size)))
    const reply = await raw.reply()
    assertReply(reply, 413, 1413)
    assert.equal(reply.headers.get('connection'), 'keep-alive')
    raw.write(post(signed('ping')))
    assertReply(await raw.reply(), 200, 9001)
    raw.close()
  }
})

test('a body of more than 1 MiB is refused before any of it is sent, or once so much has come, and the connection is closed', async () => {
  const most = 1_048_576
  const chunk = `${(most + 1).toString(16)}\r\n${' '.repeat(most + 1)}`
  for (const bytes of [head(`Content-Length: ${most + 1}`), `${head('Transfer-Encoding: chunked')}${chunk}`]) {
    const raw = await openSocket(port)
    raw.write(bytes)
    const reply = await raw.reply()
    assertReply(reply, 413, 1413)
    assert.equal(reply.headers.get('connection'), 'close')
    assert.equal(await raw.closed(), '')
  }
})

test('where the limit is above 1 MiB, a body is read up to it', async (t) => {
  const own = await serverFor(t, { env: { COUNTERSIGN_BODY_LIMIT: '2097152' } })
  const body = signMessage('ping', {}, own.owner, { timestamp: now() }).body
  // White space behind the message was not signed: it was read.
  assertReply(await exchange(own.port, post(body.padEnd(2_097_152))), 401, 1401)
  assertReply(await exchange(own.port, head('Content-Length: 2097153')), 413, 1413)
})

const endless: Readonly<Record<string, readonly [head: string, piece: Buffer, status: number, code: number]>> = {
  announced: [head('Content-Length: 9000000000'), Buffer.alloc(0x4000, 'a'), 413, 1413],
  'in chunks': [head('Transfer-Encoding: chunked'), Buffer.from(`4000\r\n${'a'.repeat(0x4000)}\r\n`), 413, 1413],
  'of another method': [
    head('Content-Length: 9000000000').replace('POST', 'PUT'),
    Buffer.alloc(0x4000, 'a'),
    405,
    1405,
  ],
  'to another path': [
    head('Content-Length: 9000000000').replace('/control', '/x'),
    Buffer.alloc(0x4000, 'a'),
    404,
    1404,
  ],
  'in broken chunks': [`${head('Transfer-Encoding: chunked')}zz\r\n`, Buffer.alloc(0x4000, 'a'), 400, 1400],
  'of headers': ['POST /control HTTP/1.1\r\n', Buffer.from(`X-A: ${'a'.repeat(4_000)}\r\n`), 431, 1400],
}

for (const [name, [start, piece, status, code]] of Object.entries(endless)) {
  test(`a body without end ${name} is refused with ${status}, the sender gets the reply, and is cut off soon`, async () => {
    const raw = await openSocket(port)
    const { socket } = raw
    raw.write(start)
    const pump = () => {
      while (socket.writable) if (!socket.write(piece)) return socket.once('drain', pump)
      return undefined
    }
    pump()
    assertReply(await raw.reply(), status, code)
    const answered = performance.now()
    assert.equal(await raw.closed(), '')
    assert.ok(performance.now() - answered < 2_000, 'the connection is cut')
  })
}

test('a client that sends everything before it reads gets the 413 of a body twice the limit', async () => {
  const program = `
import socket, sys
s = socket.create_connection(('127.0.0.1', ${port}))
s.sendall(b'POST /control HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: ${limit * 2}\\r\\n\\r\\n' + b' ' * ${limit * 2})
sys.stdout.write(s.makefile('rb').readline().decode())`
  const runs: Ran[] = await Promise.all(Array.from({ length: 4 }, () => run('python3', ['-c', program])))
  for (const { stdout, stderr } of runs) assert.equal(stdout, 'HTTP/1.1 413 Payload Too Large\r\n', stderr)
})

test('a sender that is slow with headers or body gets 408/1408 in JSON after 10 s, and honest clients are served meanwhile', async () => {
  const partial = `${head('Content-Length: 100')}{"cmd":`
  const slow = {
    'half of the headers': ['POST /control HTTP/1.1\r\nHost: local', undefined],
    'headers, a byte at a time': ['POST /control HTTP/1.1\r\nX-A: ', 'a'],
    'half of the body': [partial, undefined],
    'a body, a byte at a time': [partial, ' '],
    'chunks, one at a time': [head('Transfer-Encoding: chunked'), '1\r\n \r\n'],
    'headers alone': [head('Content-Length: 100'), undefined],
    nothing: ['', undefined],
  } as const
  let waiting = true
  const ends = Object.entries(slow).map(async ([name, [start, more]]) => {
    const raw = await openSocket(port)
    const begun = performance.now()
    raw.write(start)
    const trickle = more === undefined ? undefined : setInterval(() => raw.write(more), 200)
    const reply = await raw.reply()
    clearInterval(trickle)
    assertReply(reply, 408, 1408)
    assert.equal(reply.headers.get('connection'), 'close')
    assert.equal(await raw.closed(), '', `${name}: one reply`)
    const took = performance.now() - begun
    assert.ok(took > 9_500 && took < 13_500, `${name}: ${took} ms`)
  })
  const honest = (async () => {
    for (let served = 0; ; served++) {
      if (!waiting) return served
      assertReply(await exchange(port, post(signed('ping'))), 200, 9001)
    }
  })()
  await Promise.all(ends).finally(() => {
    waiting = false
  })
  assert.ok((await honest) > 100)
})

const whoami = async (at: number, by: typeof owner, forwarded: readonly string[], from?: string) => {
  const raw = await openSocket(at, from)
  raw.write(
    post(
      signMessage('whoami', {}, by, { timestamp: now() }).body,
      forwarded.map((value) => `X-Forwarded-For: ${value}`),
    ),
  )
  const { body } = await raw.reply()
  raw.close()
  return JSON.parse(body).result.address
}

test('X-Forwarded-For of a peer that is not trusted is not believed, and the operator is told once, and by doctor', async (t) => {
  const own = await serverFor(t)
  for (let i = 0; i < 3; i++) assert.equal(await whoami(own.port, own.owner, ['203.0.113.9']), '127.0.0.1')
  const doctor = await runCli(['doctor', '--data', own.folder])
  assert.match(doctor.stdout + doctor.stderr, /X-Forwarded-For came from 127\.0\.0\.1, which is not trusted/)
  await own.stop()
  assert.equal(own.log().match(/TRUST_PROXY/g)?.length, 1)
})

test('X-Forwarded-For of a trusted proxy counts: its last hop that is no trusted proxy, IPv4-mapped folded', async (t) => {
  const own = await serverFor(t, { env: { COUNTERSIGN_TRUST_PROXY: '127.0.0.1, 10.0.0.0/8' } })
  const rows: readonly (readonly [header: readonly string[], address: string, from?: string])[] = [
    [['203.0.113.9'], '203.0.113.9'],
    [['198.51.100.1, 203.0.113.9'], '203.0.113.9'],
    [['198.51.100.1', '203.0.113.9'], '203.0.113.9'],
    [['203.0.113.9, 10.1.2.3, 10.9.9.9'], '203.0.113.9'],
    [['::ffff:203.0.113.9'], '203.0.113.9'],
    [['203.0.113.9, ::ffff:10.1.2.3'], '203.0.113.9'],
    [['2001:DB8:0::1'], '2001:db8::1'],
    [[], '127.0.0.1'],
    [['203.0.113.9'], '127.0.0.2', '127.0.0.2'],
  ]
  for (const [header, address, from] of rows) {
    assert.equal(await whoami(own.port, own.owner, header, from), address, header.join(' | '))
  }
})
