import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { addressList } from '../../src/address.js'
import { controlMiddleware } from '../../src/http-endpoint.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { assertReply, exchange, openSocket, post } from '../support/raw.js'

/** The middleware in a server of somebody else's, which answers everything but the gateway's paths. */
async function mounted(t: TestContext): Promise<{ port: number; gateway: CommandInstance; ping: () => string }> {
  const gateway = await instanceFor(t)
  const { handle, charge, refuse, methodsAt, load } = gateway
  const middleware = controlMiddleware({
    handle,
    charge,
    refuse,
    methodsAt,
    load,
    vendorPaths: false,
    trustProxy: addressList([]),
    bodyLimit: 262_144,
    onUntrustedProxy: () => undefined,
    onUnexpected: (error) => assert.fail(String(error)),
  })
  const server = createServer((req, res) => middleware(req, res, () => res.end('their page')))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  assert.ok(address && typeof address === 'object')
  const ping = () => signMessage('ping', {}, gateway.owner, { timestamp: gateway.seconds() }).body
  return { port: address.port, gateway, ping }
}

test('mounted in a server of somebody else’s, the gateway’s paths have the same rules, and theirs are left alone', async (t) => {
  const { port, ping } = await mounted(t)
  assertReply(await exchange(port, post(ping())), 200, 9001)
  assertReply(await exchange(port, post(ping(), [], 'http://localhost/control')), 200, 9001)
  assertReply(await exchange(port, post(ping(), ['Host: other'])), 400, 1400)
  assertReply(await exchange(port, post(ping(), Array(101).fill('a:'))), 400, 1400)
  const page = await exchange(port, 'GET /other HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n', true)
  assert.equal(page.status, 200)
})

test('mounted in a server of somebody else’s, one who waits for 100 Continue is told so once', async (t) => {
  const { port, ping } = await mounted(t)
  const raw = await openSocket(port)
  const body = ping()
  raw.write(`POST /control HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`)
  assert.equal((await raw.reply()).status, 100)
  raw.write(body)
  assertReply(await raw.reply(), 200, 9001)
  raw.close()
})

test('mounted in a server of somebody else’s, a connection with more requests than are answered is cut', async (t) => {
  const { port, ping } = await mounted(t)
  const raw = await openSocket(port)
  raw.write('GET /control HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_700))
  await raw.closed()
  assertReply(await exchange(port, post(ping())), 200, 9001)
  // Errors of the application have their stacks all the same.
  assert.match(new Error('later').stack ?? '', /\n +at /)
})
