import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { type Credentials, signMessage } from '../../clients/typescript/index.js'
import type { Handle } from '../../src/gateway.js'
import { Shedding } from '../../src/http-shed.js'
import { Load, sourceOf } from '../../src/load.js'
import { Refusal } from '../../src/refusal.js'
import { instanceFor } from '../support/commands.js'
import { makeAccount } from '../support/keys.js'
import { listen } from '../support/listener.js'
import { assertReply, exchange, openSocket, post, type RawSocket } from '../support/raw.js'

const source = 'one that floods'

/** So much under way, of one source. */
function loaded(count: number): Load {
  const load = new Load()
  for (let i = 0; i < count; i++) load.begin(source)
  return load
}

/** So much under way, each of a source of its own. */
function crowded(count: number): Load {
  const load = new Load()
  for (let i = 0; i < count; i++) load.begin(`one of many: ${i}`)
  return load
}

const from = (...addresses: string[]) =>
  addresses.map((address) => ({ source: sourceOf(undefined, address), connection: {} }))

test('a thousand at once are no overload, nor 640 for long, but more than those for long are', () => {
  const load = loaded(639)
  assert.equal(load.room(1, 0, 0), 385)
  load.begin(source)
  assert.equal(load.room(1, 0, 250), 384)
  assert.equal(load.room(1, 0, 251), 0)
  for (let i = 0; i < 540; i++) load.end(source, () => 251)
  assert.equal(load.room(1, 0, 251), 60, 'calm, but whoever was refused comes again')
  assert.equal(load.room(1, 0, 1_251), 924, 'calm again')
  assert.equal(load.room(600, 0, 1_502), 60, 'many who are answered at once, turn after turn, are as much')
})

test('many who come together when nobody has come for a while are no overload either', () => {
  const load = new Load()
  for (const now of [0, 60_000]) {
    assert.equal(load.room(1_000, 0, now), 1_024)
    for (let i = 0; i < 1_000; i++) load.begin(source)
    for (let i = 0; i < 1_000; i++) load.end(source, () => now + 300)
  }
  assert.equal(load.room(1_000, 0, 60_400), 160, 'who is answered and asks again at once has not been away')
})

test('of those who are told no, one who sends ahead keeps nobody else waiting, and one who has gone is no longer there', async () => {
  const shedding = new Shedding()
  const [ahead, neighbour] = [new EventEmitter(), new EventEmitter()]
  let before = 0
  for (let i = 0; i < 5_000; i++) shedding.refuse(ahead, () => before++)
  await new Promise<void>((resolve) => shedding.refuse(neighbour, resolve))
  assert.ok(before <= 150, `${before} were told before`)
  assert.equal(shedding.waiting, 1)
  ahead.emit('close')
  assert.equal(shedding.waiting, 0)
})

test('who waits to be told no is still there: an overload is over when few enough ask, not when few enough are served', () => {
  const load = loaded(160)
  assert.equal(load.room(1, 0, 0), 864)
  assert.equal(load.room(1, 1_000, 251), 0)
  assert.equal(load.room(1, 1_000, 2_000), 0, 'as many as before')
  assert.equal(load.room(1, 340, 2_999), 0, 'fewer, a moment ago')
  assert.equal(load.room(1, 340, 3_000), 864, 'those who are left are served')
})

test('who waits for a hash, a twin or an errand of a module is not counted, and there are at most 1,024 of these', async () => {
  const load = loaded(1_000)
  let finish: () => void = () => undefined
  const end = new Promise<void>((resolve) => {
    finish = resolve
  })
  const waiting = Array.from({ length: 1_000 }, () => load.aside(undefined, () => end))
  assert.equal(load.room(1, 0, 0), 1_024)
  const further = Array.from({ length: 24 }, () => load.aside(undefined, () => end))
  await assert.rejects(
    load.aside(undefined, () => end),
    (error) => error instanceof Refusal && error.code === 'OVERLOADED',
  )
  finish()
  await Promise.all([...waiting, ...further])
  assert.equal(load.room(1, 0, 0), 24)
})

test('when not all can be taken, the first of each address goes before the second of any, in the order of arrival', () => {
  const flood = Array<string>(50).fill('192.0.2.1')
  const arrived = from(...flood, '192.0.2.2', ...flood, '2001:db8::1', '2001:db8::2', '192.0.2.2')
  const { taken, refused } = crowded(672).choose(arrived, 4)
  assert.deepEqual(
    taken.map((request) => request.source),
    ['192.0.2.1', '192.0.2.2', sourceOf(undefined, '2001:db8::1'), '192.0.2.1'],
  )
  assert.equal(taken.length + refused.length, arrived.length)
})

test('of one address, the first of each connection goes before the second of any: one who sends ahead crowds no neighbour out', () => {
  const ahead = { source: '192.0.2.1', connection: {} }
  const neighbour = { source: '192.0.2.1', connection: {} }
  const { taken } = crowded(672).choose([ahead, ahead, ahead, neighbour, ahead], 3)
  assert.deepEqual(taken, [ahead, neighbour, ahead])
})

test('with no room at all the first 32 of each source are taken on a reserve, which is small', () => {
  const many = from(...Array.from({ length: 600 }, (_, i) => `10.0.${i >> 8}.${i & 255}`))
  assert.equal(crowded(160).choose(many, 0).taken.length, 512)
  assert.equal(crowded(666).choose(many, 0).taken.length, 6)
  assert.equal(crowded(672).choose(many, 0).taken.length, 0)
  assert.equal(crowded(160).choose(from(...Array<string>(50).fill('192.0.2.1')), 0).taken.length, 32)
})

test('what an account has under way takes no places of the others, however much it is', () => {
  const load = new Load()
  for (let i = 0; i < 1_024; i++) load.begin(1)
  const flood = Array.from({ length: 50 }, () => ({ source: 1, connection: {} }))
  const honest = [2, 3, 4].map((account) => ({ source: account, connection: {} }))
  const { taken, refused } = load.choose([...flood, ...honest], 0)
  assert.deepEqual(taken, honest)
  assert.equal(refused.length, 50)
  for (let i = 0; i < 1_024; i++) load.end(1, () => 0)
  for (let i = 0; i < 672; i++) load.begin(`192.0.2.${i}`)
  assert.equal(load.choose(honest, 0).taken.length, 0, 'nothing of it is left')
})

test('an address that has a crowd under way has no places of the reserve, however few come at a time', () => {
  const load = new Load()
  for (let i = 0; i < 161; i++) load.begin('192.0.2.1')
  const { taken } = load.choose(from(...Array<string>(20).fill('192.0.2.1'), '192.0.2.2'), 0)
  assert.deepEqual(
    taken.map(({ source }) => source),
    ['192.0.2.2'],
  )
})

test('a connection counts by the account that proved itself on it, and by its address before', async (t) => {
  const gateway = await instanceFor(t)
  const load = new Load()
  const sources: unknown[] = []
  const begin = load.begin.bind(load)
  load.begin = (from) => {
    sources.push(from)
    begin(from)
  }
  const port = await listen(t, gateway, { load })
  const raw = await openSocket(port)
  const ping = () => post(signMessage('ping', {}, gateway.owner, { timestamp: gateway.seconds() }).body)
  for (const message of [post('{"cmd":"ping"}'), ping(), ping(), post('{"cmd":"ping"}')]) {
    raw.write(message)
    await raw.reply()
  }
  raw.close()
  assert.deepEqual(sources, ['127.0.0.1', '127.0.0.1', 1, 1])
})

test('what is refused on a connection on which an account proved itself is charged to that account, in place of the address', async (t) => {
  const gateway = await instanceFor(t, { limitFailures: 3 })
  const port = await listen(t, gateway)
  const second = await makeAccount(gateway, 2)
  const ping = (by: Credentials) => post(signMessage('ping', {}, by, { timestamp: gateway.seconds() }).body)
  const [hostile, honest] = [await openSocket(port), await openSocket(port)]
  async function status(raw: RawSocket, by: Credentials): Promise<number> {
    raw.write(ping(by))
    return (await raw.reply()).status
  }
  assert.deepEqual([await status(hostile, second), await status(honest, gateway.owner)], [200, 200])
  const wrong = { ...second, secret: 'another' }
  const statuses: number[] = []
  for (let n = 0; n < 5; n++) statuses.push(await status(hostile, wrong))
  assert.deepEqual(statuses, [401, 401, 401, 429, 429])
  assert.equal(await status(honest, gateway.owner), 200)
  assertReply(await exchange(port, ping(gateway.owner)), 200, 9001)
  for (const raw of [hostile, honest]) raw.close()
})

test('of the places for requests that wait aside an account has a quarter', async () => {
  const load = new Load()
  const never = new Promise<void>(() => undefined)
  for (let i = 0; i < 256; i++) void load.aside(1, () => never)
  const refused = (error: unknown) => error instanceof Refusal && error.code === 'OVERLOADED'
  await assert.rejects(
    load.aside(1, () => never),
    refused,
  )
  assert.equal(await load.aside(2, async () => 'another'), 'another')
})

/** A gateway that answers nobody before it is told to. */
function held(handle: Handle): { handle: Handle; asked: () => number; answer: () => void } {
  let asked = 0
  let answer: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    answer = resolve
  })
  return {
    asked: () => asked,
    answer,
    async handle(wire) {
      asked++
      await gate
      return handle(wire)
    },
  }
}

test('of what comes together so much is handled before the event loop turns that it shares a commit, and all of it in turn', async (t) => {
  const gateway = await instanceFor(t)
  const load = new Load()
  const empty = load.room(0, 0, 0)
  const handled: number[] = []
  let inTurn = 0
  let underWay = 0
  const handle: Handle = (wire) => {
    underWay = Math.max(underWay, empty - load.room(0, 0, performance.now()))
    if (inTurn++ === 0) {
      setImmediate(() => {
        handled.push(inTurn)
        inTurn = 0
      })
    }
    return gateway.handle(wire)
  }
  const port = await listen(t, gateway, { handle, load })
  const raw = await openSocket(port)
  const messages = Array.from({ length: 50 }, () => post(`{"cmd":"ping"}`.padEnd(1_024)))
  raw.write(Buffer.concat(messages))
  for (const _ of messages) assertReply(await raw.reply(), 400, 1400)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(Math.max(...handled), 32, `${handled}`)
  assert.equal(
    handled.reduce((sum, count) => sum + count, 0),
    messages.length,
  )
  assert.ok(underWay > 32, 'who waits to be handled counts as well')
  raw.close()
})

test('of a connection that is cut for what it sends ahead, nothing begins', async (t) => {
  const gateway = await instanceFor(t)
  const load = new Load()
  const gate = held(gateway.handle)
  const port = await listen(t, gateway, { handle: gate.handle, load })
  const raw = await openSocket(port)
  raw.write(post('{"cmd":"ping"}').toString().repeat(150))
  await raw.closed()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(gate.asked(), 0)
  // The requests that were taken on from it do not count any more.
  assert.equal(load.room(2_000, 0, 0), new Load().room(2_000, 0, 0))
  gate.answer()
})

test('what is too much is 1503 with Retry-After before anything of it is read, and when it is over everybody is served', {
  timeout: 30_000,
}, async (t) => {
  const gateway = await instanceFor(t)
  const gate = held(gateway.handle)
  const port = await listen(t, gateway, { handle: gate.handle })
  const message = (id: string) => post(`{"cmd":"ping","id":"${id}"}`)
  const crowd = Array.from({ length: 1_150 }, (_, i) => message(`${i}`))
  const half = await openSocket(port)
  half.write(message('half').subarray(0, -1))
  const sockets = await Promise.all(crowd.map(() => openSocket(port)))
  for (const [i, raw] of sockets.entries()) raw.write(crowd[i] ?? '')
  const replies = sockets.map((raw) => raw.reply())
  let refused = 0
  for (const reply of replies) {
    reply.then(({ status }) => {
      if (status === 503) refused++
    })
  }
  while (refused < 1) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(half.socket.bytesRead, 0, 'a body that is not there is waited for')
  gate.answer()
  const statuses = (await Promise.all(replies)).map((reply) => {
    assertReply(reply, reply.status === 503 ? 503 : 400, reply.status === 503 ? 1503 : 1400)
    assert.equal(reply.headers.get('retry-after'), reply.status === 503 ? '1' : undefined)
    return reply.status
  })
  assert.equal(statuses.filter((status) => status === 400).length, gate.asked(), 'who was refused was not looked at')
  const again = sockets[statuses.indexOf(503)]
  again?.write(message('again'))
  assertReply((await again?.reply()) ?? assert.fail(), 400, 1400)
  half.write(message('half').subarray(-1))
  assertReply(await half.reply(), 400, 1400)
  for (const raw of [half, ...sockets]) raw.close()
  assertReply(await exchange(port, message('after')), 400, 1400)
})

/** Sends the same on so many connections, and ends none of it: one of them is refused, a small request is not. */
async function assertShed(port: number, count: number, bytes: Buffer): Promise<void> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => undefined))
  const refused = sockets.map(
    (socket) =>
      new Promise<boolean>((resolve) =>
        socket.once('data', (text) => resolve(/ 503 .*connection: close/is.test(String(text)))),
      ),
  )
  for (const socket of sockets) socket.write(bytes)
  assert.ok(await Promise.race(refused), 'one of them is refused')
  assertReply(await exchange(port, post('{"cmd":"ping"}')), 400, 1400)
  for (const socket of sockets) socket.destroy()
}

test('bodies that arrive together have 64 MiB; one that is larger than 16 KiB finds no room beyond that, a small one does', {
  timeout: 30_000,
}, async (t) => {
  const port = await listen(t, await instanceFor(t))
  const most = 262_144
  const head = `POST /control HTTP/1.1\r\nHost: x\r\nContent-Length: ${most}\r\n\r\n`
  await assertShed(port, 300, Buffer.concat([Buffer.from(head), Buffer.alloc(most - 1, ' ')]))
})

test('a body in pieces of one byte counts for what it takes, not for what it says', { timeout: 20_000 }, async (t) => {
  const port = await listen(t, await instanceFor(t))
  const head = 'POST /control HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
  await assertShed(port, 30, Buffer.from(head + '1\r\n \r\n'.repeat(16_000)))
})

test('a request whose body breaks while the disk is looked at is answered once, and is no fault', {
  timeout: 20_000,
}, async (t) => {
  const gateway = await instanceFor(t)
  let ready: (value: boolean) => void = () => undefined
  const faults: unknown[] = []
  const port = await listen(t, gateway, {
    ready: () => new Promise((resolve) => (ready = resolve)),
    onUnexpected: (error) => void faults.push(error),
  })
  const raw = await openSocket(port)
  raw.write('GET /readyz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nbroken\r\n')
  assertReply(await raw.reply(), 400, 1400)
  ready(true)
  assert.equal(await raw.closed(), '')
  assert.deepEqual(faults, [])
})
