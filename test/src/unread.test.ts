import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Handle } from '../../src/gateway.js'
import { instanceFor } from '../support/commands.js'
import { listen } from '../support/listener.js'
import { openSocket, post } from '../support/raw.js'
import { until } from '../support/until.js'

const size = 1_000_000
const message = post('{"cmd":"large"}')

/** A gateway that answers each message with so many bytes of its own, or with few. */
async function answering(t: TestContext): Promise<{ port: number; answered: () => number }> {
  let answered = 0
  const handle: Handle = async ({ body }) => {
    answered++
    const large = body.includes('large')
    return {
      status: 200,
      headers: [],
      body: Buffer.alloc(large ? size : 10, 0x30 + (answered % 10)).toString('latin1'),
      requestId: 'r',
      code: 9001,
    }
  }
  return { port: await listen(t, await instanceFor(t), { handle }), answered: () => answered }
}

/** Asks for so many large answers and reads none of them. */
function deaf(t: TestContext, port: number, count: number, localAddress = '127.0.0.2'): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => undefined)
  t.after(() => socket.destroy())
  socket.pause().write(Buffer.concat(Array.from({ length: count }, () => message)))
  return socket
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

/** Bytes that are in use: what the process has beside is garbage. */
function alive(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** How many of the connections the gateway has cut: one that reads nothing learns of it when it writes. */
async function cutOf(sockets: readonly Socket[]): Promise<number> {
  for (const socket of sockets) socket.write('\r\n')
  await new Promise((resolve) => setTimeout(resolve, 50))
  return sockets.filter(({ destroyed }) => destroyed).length
}

test('answers that nobody reads take 64 MiB over all connections, and who reads a little late, or much, is not cut', {
  timeout: 120_000,
}, async (t) => {
  const { port, answered } = await answering(t)
  const late = await openSocket(port)
  late.socket.pause()
  late.write(post('{"cmd":"small"}'))
  const moderate = deaf(t, port, 12, '127.0.0.1')
  await until('all are answered', () => answered() === 13)
  const before = alive()
  const sockets: Socket[] = []
  for (let i = 0; i < 30; i++) {
    const done = answered()
    sockets.push(deaf(t, port, 25))
    await until('these are answered', () => answered() === done + 25)
  }
  const grown = alive() - before
  t.diagnostic(`${Math.round(grown / 1_048_576)} MiB more`)
  assert.ok(grown < 100 * 1_048_576, `grew by ${grown} bytes`)
  await until('most are cut', async () => (await cutOf(sockets)) >= 20)
  assert.equal(await cutOf([moderate]), 0, 'one of another address, which holds less')
  late.socket.resume()
  assert.equal((await late.reply()).status, 200)
  late.close()
})

test('answers that one connection does not read take 32 MiB', { timeout: 60_000 }, async (t) => {
  const { port } = await answering(t)
  const [few, many] = [deaf(t, port, 20), deaf(t, port, 64)]
  await until('the one that asks for 64 MB is cut', async () => (await cutOf([many])) === 1)
  assert.equal(await cutOf([few]), 0)
})

test('one who reads slowly gets all of what it asked for', { timeout: 60_000 }, async (t) => {
  const { port } = await answering(t)
  const raw = await openSocket(port)
  raw.write(Buffer.concat(Array.from({ length: 25 }, () => message)))
  for (let i = 0; i < 25; i++) {
    raw.socket.pause()
    await new Promise((resolve) => setTimeout(resolve, 20))
    raw.socket.resume()
    assert.equal((await raw.reply()).body.length, size)
  }
  raw.close()
})
