import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { signMessage } from '../../clients/typescript/index.js'
import { mutations } from '../support/mutations.js'
import { post } from '../support/raw.js'
import { removeFolder, startServer } from '../support/server.js'

/** More of them with `npm run test:long`. */
const rounds = Number(process.env.FUZZ_RUNS ?? 600) / 20
const together = 20

const server = await startServer({
  env: {
    COUNTERSIGN_DIALECTS: 'native,scaleengine,uplynk,astra,ibm',
    COUNTERSIGN_PUBLIC_URL: 'http://127.0.0.1',
    COUNTERSIGN_LIMIT_FAILURES: '1000000000',
    COUNTERSIGN_LIMIT_WASTE: '1000000000',
  },
})
test.after(async () => {
  await server.stop('SIGKILL')
  removeFolder(server.folder)
})

const ping = signMessage('ping', {}, server.owner, { timestamp: Math.floor(Date.now() / 1000) }).body
const form = 'Content-Type: application/x-www-form-urlencoded'
const multipart = 'Content-Type: multipart/form-data; boundary=part'
const chunked = `5\r\n${ping.slice(0, 5)}\r\n${(ping.length - 5).toString(16)};a="b"\r\n${ping.slice(5)}\r\n0\r\nX-T: a\r\n\r\n`

const starts: readonly Buffer[] = [
  post(ping),
  post(ping, ['Connection: close', 'X-Forwarded-For: 192.0.2.1, [::1]']),
  post(ping, ['Expect: 100-continue']),
  Buffer.concat([post(ping), post('[]'), post(ping)]),
  post(`json=${encodeURIComponent(ping)}`, [form]),
  post(`--part\r\nContent-Disposition: form-data; name="json"\r\n\r\n${ping}\r\n--part--\r\n`, [multipart]),
  post('msg=eJyrVkrOyU9VslIyVKoFACFEBDg%3D&sig=00', [form], '/control/api2/subowners/list'),
  Buffer.from(`POST /control HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`),
  Buffer.from('GET /users/self/device-passwords.json?page=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n'),
  Buffer.from('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'),
  Buffer.from('POST /control HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}'),
]

/** Header lines that proxies and servers have read differently, put somewhere among the others. */
const lines = [
  ...['Host: other', 'Content-Length: 0', 'Content-Length: 1', 'Content-Length: +1', 'Content-Length: 0x10'],
  ...['Transfer-Encoding: chunked', 'Transfer-Encoding:\tchunked', 'Transfer-Encoding: xchunked', 'TE: trailers'],
  ...['Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', 'Content-Length : 5', ' folded: line', ': nameless'],
  ...['Content-Length: 5\n', 'X: a\rY: b', 'Upgrade: websocket\r\nConnection: upgrade', 'Expect: 200-ok', 'X: \0'],
  ...['Connection: content-length', 'Content-Encoding: gzip', 'Authorization: Basic =', 'Countersign-Signature: x'],
]

const smuggled = fc
  .tuple(fc.constantFrom(...starts), fc.constantFrom(...lines), fc.nat(3), fc.integer({ min: 1, max: 3_000 }))
  .map(([bytes, line, after, times]) => {
    const text = bytes.toString('latin1').split('\r\n')
    const repeated = times > 2_900 ? Array<string>(times).fill(line) : [line]
    return Buffer.from([...text.slice(0, 1 + after), ...repeated, ...text.slice(1 + after)].join('\r\n'), 'latin1')
  })
const damaged = fc.tuple(fc.constantFrom(...starts), mutations).map(([bytes, change]) => change(bytes))
const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes))
const hostile = fc.oneof({ weight: 4, arbitrary: smuggled }, { weight: 4, arbitrary: damaged }, noise)

/** Sends bytes and says that they were all; what came back when the server has closed. */
function converse(bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1')
    const late = setTimeout(() => {
      socket.destroy()
      reject(new Error(`the connection hangs; so far: ${received}`))
    }, 15_000)
    let received = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(late)
      resolve(received)
    })
    socket.end(bytes)
  })
}

/** Fails unless the text is nothing, or whole replies with a status that is no fault of the server, in JSON with a number. */
function assertReplies(text: string): void {
  let rest = text
  while (rest !== '') {
    const head = rest.slice(0, rest.indexOf('\r\n\r\n') + 4)
    const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(head)?.[1])
    assert.ok(status >= 100 && status < 500, rest.slice(0, 500))
    const length = status === 100 ? 0 : Number(/^content-length: ([0-9]+)\r$/im.exec(head)?.[1])
    assert.ok(length >= 0, head)
    const body = rest.slice(head.length, head.length + length)
    assert.equal(body.length, length, 'a whole body')
    if (body !== '') {
      const { code, error, status: state } = JSON.parse(body)
      assert.ok(code !== undefined || error !== undefined || state !== undefined, body)
    }
    rest = rest.slice(head.length + length)
  }
}

const memory = () => Number(readFileSync(`/proc/${server.process.pid}/statm`, 'utf8').split(' ')[1]) * 4096

test('raw bytes of every kind get numbered refusals or a closed connection: no 5xx, no hang, no growth, nothing unhandled', async () => {
  let settled = 0
  let round = 0
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { minLength: together, maxLength: together }), async (all) => {
      for (const text of await Promise.all(all.map(converse))) assertReplies(text)
      if (++round === Math.ceil(rounds / 3)) settled = memory()
    }),
    { numRuns: rounds, endOnFailure: true },
  )
  const grown = memory() - settled
  assert.ok(grown < 64 * 1024 * 1024, `the process grew by ${grown} bytes`)
  assert.equal((await server.call('ping')).json?.code, 9001)
  const faults = server
    .log()
    .split('\n')
    .filter((line) => /"level":[56]0|unexpected|unhandled/i.test(line))
  assert.deepEqual(faults, [])
  assert.equal(await server.stop(), 0)
})
