import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { signMessage } from '../../clients/typescript/index.js'
import { Load } from '../../src/load.js'
import { instanceFor } from '../support/commands.js'
import { listen } from '../support/listener.js'
import { assertReply, exchange, openSocket, post } from '../support/raw.js'
import { until } from '../support/until.js'

const most = 20

test('a crowd of idle connections from one address makes room for another, oldest first, and who waits for an answer stays', {
  timeout: 30_000,
}, async (t) => {
  const gateway = await instanceFor(t)
  let answer: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    answer = resolve
  })
  const port = await listen(t, gateway, {
    maxConnections: most,
    async handle(wire) {
      await gate
      return gateway.handle(wire)
    },
  })
  const message = post(signMessage('ping', {}, gateway.owner, { timestamp: gateway.seconds() }).body)
  const waiting = await openSocket(port, '127.0.0.2')
  waiting.write(message)
  const slow = await openSocket(port, '127.0.0.2')
  slow.write(message.subarray(0, -1))
  const idle = []
  for (let i = 0; i < most - 2; i++) idle.push(await openSocket(port, '127.0.0.2'))
  const honest = []
  for (let i = 0; i < 3; i++) honest.push(await openSocket(port, '127.0.0.1'))
  await Promise.all([slow.closed(), idle[0]?.closed(), idle[1]?.closed()])
  assert.equal(idle.slice(2).filter(({ socket }) => socket.destroyed).length, 0)
  for (const raw of honest) raw.write(message)
  answer()
  for (const raw of [waiting, ...honest]) assertReply(await raw.reply(), 200, 9001)
  for (const raw of [waiting, slow, ...idle, ...honest]) raw.close()
})

/** In a thread of its own: makes so many connections, each with a message, and says so. */
const crowding = `
  const { connect } = require('node:net')
  const { workerData: { port, count, message, made } } = require('node:worker_threads')
  for (let i = 0; i < count; i++) {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(Buffer.from(message), () => {
        Atomics.add(made, 0, 1)
        Atomics.notify(made, 0)
      })
    })
    socket.on('error', () => undefined).on('data', () => socket.destroy())
  }`

/** A {@link Load} that knows in how many turns what has arrived was handled. */
class CountingLoad extends Load {
  turns = 0

  override room(arriving: number, refused: number, now: number): number {
    this.turns++
    return super.room(arriving, refused, now)
  }
}

test('new connections that come in numbers do not wait for one another: 400 are answered in some few turns', {
  timeout: 30_000,
}, async (t) => {
  const gateway = await instanceFor(t)
  const load = new CountingLoad()
  const count = 400
  let answered = 0
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const port = await listen(t, gateway, {
    load,
    async handle(wire) {
      const reply = await gateway.handle(wire)
      if (++answered === count) end()
      return reply
    },
  })
  const made = new Int32Array(new SharedArrayBuffer(4))
  const message = new Uint8Array(post('{"cmd":"ping"}'))
  const crowd = new Worker(crowding, { eval: true, workerData: { port, count, message, made } })
  t.after(() => crowd.terminate())
  // This thread takes no connection before all of them are there.
  for (let now = 0; now < count; now = Atomics.load(made, 0)) Atomics.wait(made, 0, now)
  await ended
  assert.ok(load.turns <= 40, `${load.turns} turns`)
})

test('a request waits for new connections no longer than some milliseconds, however long each turn takes and however many come', {
  timeout: 30_000,
}, async (t) => {
  const gateway = await instanceFor(t)
  const load = new Load()
  let asked = 0
  Object.defineProperty(load, 'connections', {
    set: () => undefined,
    get() {
      for (const end = performance.now() + 5; performance.now() < end; );
      return ++asked
    },
  })
  const port = await listen(t, gateway, { load })
  assertReply(await exchange(port, post('{"cmd":"ping"}')), 400, 1400)
  assert.ok(asked <= 10, `another connection was seen ${asked} times`)
})

test('who asks and does not take in the answer is cut off once nothing moves any more', {
  timeout: 30_000,
}, async (t) => {
  const gateway = await instanceFor(t)
  const port = await listen(t, gateway, { silence: 300, openapi: () => `"${'x'.repeat(16_000_000)}"` })
  const raw = await openSocket(port)
  raw.socket.pause()
  const ends = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  assert.equal(ends(), 2)
  raw.write('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('the end of the gateway is gone, that of its peer is there', () => ends() === 1)
  raw.close()
})

test('a connection on which nothing is asked any more ends after the time that its answers name', {
  timeout: 30_000,
}, async (t) => {
  const gateway = await instanceFor(t)
  const port = await listen(t, gateway, { silence: 1_000 })
  const raw = await openSocket(port)
  const message = () => post(signMessage('ping', {}, gateway.owner, { timestamp: gateway.seconds() }).body)
  for (let asked = 0; asked < 2; asked++) {
    raw.write(message())
    const reply = await raw.reply()
    assertReply(reply, 200, 9001)
    assert.equal(reply.headers.get('keep-alive'), 'timeout=1')
  }
  const answered = performance.now()
  assert.equal(await raw.closed(), '')
  const waited = performance.now() - answered
  assert.ok(waited > 800 && waited < 10_000, `${waited} ms`)
  raw.close()
})
