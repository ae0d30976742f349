import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { assertReply, exchange, openSocket, post } from '../support/raw.js'
import { serverFor } from '../support/server.js'

const globs = Array(64).fill('g'.repeat(256))
const match = { servers: globs, apps: globs, streams: globs }
const slice = (id: string) => ({ cmd: 'slices/set', id, name: 'x', match })

/** Heap of the gateway: twice what 128 replies of the largest size take. */
const heap = '--max-old-space-size=640'

test('two connections that ask 64 times each for the largest lists, and read nothing, end no process', {
  timeout: 120_000,
}, async (t) => {
  const server = await serverFor(t, { env: { NODE_OPTIONS: heap } })
  for (let first = 0; first < 200; first += 5) {
    const commands = Array.from({ length: 5 }, (_, index) => slice(`s${first + index}`))
    assert.equal((await server.call('batch', { commands })).json?.code, 9031)
  }
  const timestamp = Math.floor(Date.now() / 1000)
  const asked = ['slices/list', 'batch'].map((cmd) => {
    const list = { pagesize: 40 }
    const params = cmd === 'batch' ? { commands: Array(99).fill({ cmd: 'slices/list', ...list }) } : list
    return signMessage(cmd, params, server.owner, { timestamp }).body
  })
  const sockets = [await openSocket(server.port), await openSocket(server.port)]
  for (const socket of sockets) {
    socket.socket.pause()
    socket.write(Buffer.concat(Array.from({ length: 64 }, (_, index) => post(asked[index % 2] ?? ''))))
  }
  const ping = () => post(signMessage('ping', {}, server.owner, { timestamp: Math.floor(Date.now() / 1000) }).body)
  assertReply(await exchange(server.port, ping()), 200, 9001)
  for (const socket of sockets) socket.close()
  const list = signMessage('slices/list', { pagesize: 40 }, server.owner, { timestamp: timestamp + 1 }).body
  const { status, body } = await exchange(server.port, post(list))
  assert.ok(status === 200 && body.length > 1_900_000 && body.length < 2_100_000, String(status))
  assertReply(await exchange(server.port, ping()), 200, 9001)
})
