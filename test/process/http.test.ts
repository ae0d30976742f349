import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { assertReply, exchange, openSocket, post, type RawReply } from '../support/raw.js'
import { removeFolder, startServer } from '../support/server.js'

const server = await startServer()
const { port, owner } = server
test.after(async () => {
  await server.stop()
  removeFolder(server.folder)
})

const now = () => Math.floor(Date.now() / 1000)
const signed = (cmd: string, params: object = {}) => signMessage(cmd, params, owner, { timestamp: now() }).body
const ping = signed('ping')
const head = (lines: string, path = '/control') => `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n\r\n`

interface Row {
  readonly bytes: string | Buffer
  readonly status: number
  readonly code: number
  /** Whether the connection ends with the reply. */
  readonly closes: boolean
}
const closes = (status: number, code: number, bytes: string | Buffer): Row => ({ bytes, status, code, closes: true })
const stays = (status: number, code: number, bytes: string | Buffer): Row => ({ bytes, status, code, closes: false })
const method = (name: string, path = '/control') => `${name} ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`

const rows: Readonly<Record<string, Row>> = {
  GET: stays(405, 1405, method('GET')),
  'GET of /control/': stays(405, 1405, method('GET', '/control/')),
  'GET with a query': stays(405, 1405, method('GET', '/control?msg=a&sig=b')),
  'GET below /control': stays(405, 1405, method('GET', '/control/foo')),
  DELETE: stays(405, 1405, method('DELETE')),
  'OPTIONS, as a browser asks': stays(405, 1405, head('Origin: https://example.org').replace('POST', 'OPTIONS')),
  PATCH: stays(405, 1405, method('PATCH')),
  TRACE: stays(405, 1405, method('TRACE')),
  CONNECT: closes(405, 1405, method('CONNECT')),
  'CONNECT to elsewhere': closes(405, 1405, method('CONNECT', 'localhost:80')),
  'an upgrade': closes(405, 1405, head('Connection: Upgrade\r\nUpgrade: websocket').replace('POST', 'GET')),
  'PUT with a body that does not come': closes(405, 1405, head('Content-Length: 9').replace('POST', 'PUT')),
  'a method nobody knows': closes(400, 1400, method('BREW')),
  'a method in lower case': closes(400, 1400, method('post')),
  'a form below /control': stays(404, 1404, post('json=%7B%7D', [], '/control/foo')),
  'a signed command below /control': stays(400, 1400, post(ping, [], '/control/foo')),
  'a path that cannot be decoded': stays(404, 1404, post('a=b', [], '/control/%zz')),
  'a path that only begins alike': closes(404, 1404, post(ping, [], '/controls')),
  'another spelling of the path': closes(404, 1404, post(ping, [], '/%63ontrol')),
  'two slashes': closes(404, 1404, post(ping, [], '//control')),
  'an unknown path': stays(404, 1404, method('GET', '/nothing')),
  'OPTIONS of everything': stays(404, 1404, method('OPTIONS', '*')),
  'another method than OPTIONS of everything': closes(400, 1400, method('POST', '*')),
  'a target of host and port': closes(400, 1400, method('POST', 'localhost:8420')),
  'a target with another scheme': closes(400, 1400, method('POST', 'ftp://localhost/control')),
  'a target without a host': closes(400, 1400, method('POST', 'http:///control')),
  'a target with a user name': closes(400, 1400, method('POST', 'http://alice@localhost/control')),
  'a target that is a URL, of another path': stays(404, 1404, method('GET', 'http://localhost/nothing')),
  'a target that is a URL without a path': stays(404, 1404, method('GET', 'http://localhost')),
  'a target that is a URL, another method': stays(405, 1405, method('GET', 'http://localhost/control')),
  'a vendor path that is off': closes(404, 1404, post(ping, [], '/stable/')),
  'no HTTP at all': closes(400, 1400, 'hello there\r\n\r\n'),
  'the first bytes of TLS': closes(400, 1400, Buffer.from('16030100c8010000c40303', 'hex')),
  'HTTP/2 with prior knowledge': closes(400, 1400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  'a version nobody knows': closes(400, 1400, head('').replace('HTTP/1.1', 'HTTP/1.2')),
  'HTTP/0.9': closes(400, 1400, 'POST /control\r\n\r\n'),
  'bare line feeds': closes(400, 1400, `POST /control HTTP/1.1\nHost: x\nContent-Length: ${ping.length}\n\n${ping}`),
  'a bare line feed in one header': closes(400, 1400, head('X-A: a\nX-B: b\r\nContent-Length: 0')),
  'a folded header': closes(400, 1400, head('X-A: a\r\n b\r\nContent-Length: 0')),
  'white space before the colon': closes(400, 1400, head('Content-Length : 0')),
  'U+0000 in a header': closes(400, 1400, head('X-A: a\0b\r\nContent-Length: 0')),
  'headers past 16 KiB': closes(431, 1400, head(`X-A: ${'a'.repeat(20_000)}`)),
  'a request line past 16 KiB': closes(431, 1400, head('Content-Length: 0', `/control?${'a'.repeat(20_000)}`)),
  '200 header lines': closes(400, 1400, post(ping, Array(200).fill('X-A: a'))),
  '2,500 header lines': closes(400, 1400, post(ping, Array(2_500).fill('a:'))),
  'two Host headers': closes(400, 1400, post(ping, ['Host: other'])),
  'no Host': closes(400, 1400, `POST /control HTTP/1.1\r\nContent-Length: ${ping.length}\r\n\r\n${ping}`),
  'two Content-Type headers': closes(400, 1400, post(ping, ['Content-Type: a/b', 'Content-Type: a/b'])),
  'two signatures in headers': closes(400, 1400, post(ping, ['Countersign-Signature: a', 'Countersign-Signature: b'])),
  'two Content-Length headers': closes(400, 1400, post(ping, [`Content-Length: ${ping.length}`])),
  'two that differ': closes(400, 1400, post(ping, ['Content-Length: 1'])),
  'a list of lengths': closes(400, 1400, `${head('Content-Length: 1, 1')}{`),
  'a length with a sign': closes(400, 1400, `${head('Content-Length: +1')}{`),
  'a length past every number': closes(400, 1400, head('Content-Length: 99999999999999999999999')),
  'length, then chunked': closes(400, 1400, `${head('Content-Length: 5\r\nTransfer-Encoding: chunked')}0\r\n\r\n`),
  'chunked, then length': closes(400, 1400, `${head('Transfer-Encoding: chunked\r\nContent-Length: 5')}0\r\n\r\n`),
  'gzip, chunked': closes(400, 1400, `${head('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`),
  'chunked, gzip': closes(400, 1400, `${head('Transfer-Encoding: chunked, gzip')}0\r\n\r\n`),
  'chunked twice': closes(400, 1400, `${head('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked')}0\r\n\r\n`),
  'chunked behind a vertical tab': closes(400, 1400, `${head('Transfer-Encoding: \x0bchunked')}0\r\n\r\n`),
  'identity as transfer coding': closes(400, 1400, `${head('Transfer-Encoding: identity')}${ping}`),
  'a chunk without a size': closes(400, 1400, `${head('Transfer-Encoding: chunked')}zz\r\n`),
  'a chunk extension without an end': closes(400, 1400, `${head('Transfer-Encoding: chunked')}5;${'a'.repeat(20_000)}`),
  'Expect: foo': closes(400, 1400, post(ping, ['Expect: foo'])),
  'Expect: foo of another path': closes(400, 1400, head('Expect: foo', '/nothing')),
  'Expect: 100-continue with too large a body': closes(
    413,
    1413,
    head('Expect: 100-continue\r\nContent-Length: 1100000'),
  ),
  'too large a body, announced': closes(413, 1413, head('Content-Length: 1048577')),
  'no body': stays(400, 1400, head('')),
  'an empty body': stays(400, 1400, post('')),
  'a list': stays(400, 1400, post('[]')),
  'gzip as content coding': stays(415, 1415, post(ping, ['Content-Encoding: gzip'])),
  'two content codings': stays(415, 1415, post(ping, ['Content-Encoding: identity, gzip'])),
  'another charset': stays(415, 1415, post(ping, ['Content-Type: application/json; charset=utf-16'])),
  'an unsigned command': stays(400, 1400, post('{"cmd":"ping"}')),
  'a wrong signature': stays(401, 1401, post(ping.replace('"ping"', '"pong"'))),
}

const everywhere: Readonly<Record<string, (path: string) => string>> = {
  'two Host headers': (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n`,
  'no Host header': (path) => `GET ${path} HTTP/1.1\r\n\r\n`,
  '101 header lines': (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n${'a:\r\n'.repeat(100)}\r\n`,
  'length and chunked': (path) =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'two Host headers beside a URL as target': (path) => `GET http://x${path} HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n`,
}
for (const path of ['/healthz', '/readyz', '/docs', '/openapi.json', '/nothing', '/control', '/stable/', '/users/x']) {
  for (const [name, bytes] of Object.entries(everywhere)) {
    test(`${name} at ${path}: 400/1400, and the connection ends`, async () => {
      const raw = await openSocket(port)
      raw.write(bytes(path))
      assertReply(await raw.reply(), 400, 1400)
      assert.equal(await raw.closed(), '')
    })
  }
}

for (const [name, row] of Object.entries(rows)) {
  test(`${name}: answered in JSON with ${row.status}/${row.code}, and the connection ${row.closes ? 'ends' : 'stays usable'}`, async () => {
    const raw = await openSocket(port)
    raw.write(row.bytes)
    const reply = await raw.reply()
    assertReply(reply, row.status, row.code)
    assert.equal(reply.headers.get('allow'), row.status === 405 ? 'POST' : undefined)
    assert.equal(reply.headers.get('connection'), row.closes ? 'close' : 'keep-alive')
    assert.equal(reply.headers.get('keep-alive'), row.closes ? undefined : 'timeout=65')
    if (row.closes) assert.equal(await raw.closed(), '', 'one reply, and nothing after it')
    else {
      raw.write(post(ping))
      assertReply(await raw.reply(), 200, 9001)
    }
    raw.close()
  })
}

const accepted: Readonly<Record<string, Buffer | string>> = {
  '/control': post(ping),
  '/control/': post(ping, [], '/control/'),
  'a query, which is not read': post(ping, [], '/control?cmd=whoami&signature=x'),
  'any Content-Type': post(ping, ['Content-Type: application/x-www-form-urlencoded']),
  'no Content-Type': post(ping),
  'identity as content coding': post(ping, ['Content-Encoding: identity']),
  'charset=UTF-8': post(ping, ['Content-Type: application/json; charset="UTF-8"']),
  '100 header lines': post(ping, Array(98).fill('X-A: a')),
  'HTTP/1.0 without Host': `POST /control HTTP/1.0\r\nContent-Length: ${ping.length}\r\n\r\n${ping}`,
  'a URL as target': post(ping, [], 'http://localhost/control'),
  'a URL as target, in other letters, with a port and a query': post(ping, [], 'HTTPS://[::1]:8420/control?a=b'),
  'Expect of HTTP/1.0, which no 100 answers': `POST /control HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: ${ping.length}\r\n\r\n${ping}`,
  'chunks with extensions and a trailer': `${head('Transfer-Encoding: chunked')}5;a=b\r\n${ping.slice(0, 5)}\r\n${(ping.length - 5).toString(16)}\r\n${ping.slice(5)}\r\n0\r\nX-T: a\r\n\r\n`,
  'an offer to upgrade': post(ping, ['Connection: Upgrade', 'Upgrade: h2c']),
}

for (const [name, bytes] of Object.entries(accepted)) {
  test(`${name}: the command runs`, async () => assertReply(await exchange(port, bytes), 200, 9001))
}

test('HEAD is 405 with the headers of a body, and without the body', async () => {
  const raw = await openSocket(port)
  raw.write(`${method('HEAD')}${method('GET')}`)
  const reply = await raw.reply(true)
  assert.deepEqual([reply.status, reply.headers.get('allow'), reply.body], [405, 'POST', ''])
  assert.ok(Number(reply.headers.get('content-length')) > 0)
  assertReply(await raw.reply(), 405, 1405)
  raw.close()
})

test('Expect: 100-continue is answered before the body is sent, and then the command runs', async () => {
  const raw = await openSocket(port)
  raw.write(head(`Expect: 100-continue\r\nContent-Length: ${ping.length}`))
  assert.equal((await raw.reply()).status, 100)
  raw.write(ping)
  assertReply(await raw.reply(), 200, 9001)
  raw.close()
})

test('pipelined requests are answered in their order', async () => {
  const raw = await openSocket(port)
  const logins = Array.from({ length: 20 }, (_, index) => `piped-${index}`)
  raw.write(Buffer.concat(logins.flatMap((id) => [post(signed('set-user', { id, user: { type: 3 } })), post('[]')])))
  const answered: unknown[] = []
  for (const _ of logins) {
    const done: RawReply = await raw.reply()
    answered.push(JSON.parse(done.body).result.id)
    assertReply(await raw.reply(), 400, 1400)
  }
  assert.deepEqual(answered, logins)
  raw.close()
})

test('a command whose connection goes on with broken HTTP gets its own answer, not one of the broken part', async () => {
  for (const rest of ['garbage\r\n\r\n', method('CONNECT')]) {
    const raw = await openSocket(port)
    const id = `before-${rest.length}`
    raw.write(Buffer.concat([post(signed('set-user', { id, user: { type: 3 } })), Buffer.from(rest)]))
    assertReply(await raw.reply(), 200, 3011)
    assert.equal(await raw.closed(), '')
  }
})

test('what follows a refusal that closes does not run', async () => {
  const raw = await openSocket(port)
  const after = post(signed('set-user', { id: 'after-the-end', user: { type: 3 } }))
  raw.write(Buffer.concat([post(ping, ['Host: other']), after]))
  assertReply(await raw.reply(), 400, 1400)
  assert.equal(await raw.closed(), '')
  assert.equal((await server.call('get-user', { id: 'after-the-end' })).json?.code, 3000)
})

const bodyOf = { '/healthz': '{"status":"ok"}', '/readyz': '{"status":"ready"}' }
const pages = ['/healthz', '/readyz', '/docs', '/openapi.json']

for (const path of pages) {
  test(`${path} has a length and is not sniffed; HEAD has the headers of GET, and HTTP/1.0 needs no Host`, async () => {
    const get = await exchange(port, method('GET', path))
    assert.equal(get.status, 200)
    assert.equal(Buffer.byteLength(get.body), Number(get.headers.get('content-length')))
    assert.equal(get.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(get.headers.get('keep-alive'), 'timeout=65')
    const known = new Map(Object.entries(bodyOf)).get(path)
    if (known !== undefined) assert.deepEqual([get.body, get.headers.get('cache-control')], [known, 'no-store'])
    const raw = await openSocket(port)
    raw.write(`${method('HEAD', path)}${method('GET', `http://localhost${path}?a=b`)}`)
    const head = await raw.reply(true)
    assert.deepEqual([head.status, withoutDate(head)], [200, withoutDate(get)])
    assert.equal((await raw.reply()).body, get.body)
    raw.close()
    assert.equal((await exchange(port, `GET ${path} HTTP/1.0\r\n\r\n`)).body, get.body)
  })

  test(`${path} with a body is answered at once; the body is not read, and the connection ends`, async () => {
    for (const line of ['Content-Length: 9000000000', 'Transfer-Encoding: chunked']) {
      const raw = await openSocket(port)
      raw.write(head(line, path).replace('POST', 'GET'))
      const reply = await raw.reply()
      assert.deepEqual([reply.status, reply.headers.get('connection')], [200, 'close'])
      assert.equal(await raw.closed(), '')
    }
  })
}

const withoutDate = ({ lines }: RawReply) => lines.filter((line) => !line.startsWith('Date:'))

test('whoever has a page already is answered 304 without it', async () => {
  for (const path of ['/docs', '/openapi.json']) {
    const first = await exchange(port, method('GET', path))
    const tag = first.headers.get('etag') ?? ''
    assert.match(tag, /^"[\w-]{43}"$/)
    const again = (value: string) => head(`If-None-Match: ${value}`, path).replace('POST', 'GET')
    const same = await exchange(port, again(`"other", W/${tag}`), true)
    assert.deepEqual([same.status, same.headers.get('etag'), same.body], [304, tag, ''])
    assert.equal((await exchange(port, again('"other"'))).status, 200)
  }
})

test('more than 64 requests that are sent ahead: 64 are served, the others are 1503 in their turn', async () => {
  const raw = await openSocket(port)
  raw.write(Buffer.concat(Array.from({ length: 100 }, () => post(ping))))
  const answered: number[] = []
  for (let i = 0; i < 100; i++) answered.push((await raw.reply()).status)
  assert.deepEqual(
    answered.slice(0, 64).filter((status) => status !== 200),
    [],
  )
  assert.ok(answered.slice(64).every((status) => status === 200 || status === 503))
  assert.ok(answered.includes(503))
  raw.write(post(ping))
  assertReply(await raw.reply(), 200, 9001)
  raw.close()
})
