import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { faultsOf, readFolder } from '../support/folder.js'
import { assertReply, openSocket, post } from '../support/raw.js'
import { removeFolder, serverFor, type TestServer, temporaryFolder } from '../support/server.js'

const now = () => Math.floor(Date.now() / 1000)
const graceful = 10_000

async function ended(server: TestServer, signal: NodeJS.Signals): Promise<void> {
  const begun = performance.now()
  assert.equal(await server.stop(signal), 0, server.log())
  assert.ok(performance.now() - begun < graceful)
}

/** Creates users one after the other until the gateway is gone; those that were answered. */
async function load(server: TestServer, name: string): Promise<string[]> {
  const done: string[] = []
  for (let n = 0; ; n++) {
    const id = `${name}-${n}`
    try {
      const { json } = await server.call('set-user', { id, user: { type: 3 } })
      assert.equal(json?.code, 3011)
      done.push(id)
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      return done
    }
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} under load: five restarts on one folder end with 0 within 10 s, and keep what was answered, once`, async (t) => {
    const folder = temporaryFolder()
    const done: string[] = []
    for (let restart = 0; restart < 5; restart++) {
      const server = await serverFor(t, { folder })
      const loads = Array.from({ length: 16 }, (_, worker) => load(server, `u-${restart}-${worker}`))
      // The load is on once one more write than there are workers was answered.
      for (let n = 0; n < 17; n++) await server.call('set-user', { id: `own-${restart}-${n}`, user: { type: 3 } })
      await ended(server, signal)
      done.push(...(await Promise.all(loads)).flat())
    }
    const file = readFolder(folder)
    const kept = new Set(file.rows<{ id: string }>('select id from users').map(({ id }) => id))
    const audited = file.rows<{ target: string }>('select target from audit').map(({ target }) => target)
    file.close()
    assert.deepEqual(
      done.filter((id) => !kept.has(id)),
      [],
    )
    assert.equal(audited.length, new Set(audited).size)
    assert.equal(audited.length, kept.size)
    assert.ok(done.length > 100)
    assert.deepEqual(faultsOf(folder), [])
    removeFolder(folder)
  })
}

test('what was under way at SIGTERM is answered, its connection ends; idle connections end at once, new ones are not taken', async (t) => {
  const server = await serverFor(t)
  const { port, owner } = server
  const message = (id: string) =>
    post(signMessage('set-user', { id, user: { type: 3, password: 'to be hashed' } }, owner, { timestamp: now() }).body)
  const hashing = await Promise.all(Array.from({ length: 6 }, () => openSocket(port)))
  for (const [index, raw] of hashing.entries()) raw.write(message(`hashing-${index}`))
  const idle = await openSocket(port)
  idle.write(post('{}'))
  assertReply(await idle.reply(), 400, 1400)
  const silent = await openSocket(port)
  const half = await openSocket(port)
  const late = message('half-sent')
  half.write(late.subarray(0, -10))
  const asking = await openSocket(port)
  asking.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n')
  // All of it has arrived when a later request was answered.
  assert.equal((await server.call('ping')).json?.code, 9001)

  const end = ended(server, 'SIGTERM')
  assert.equal(await idle.closed(), '')
  assert.equal(await silent.closed(), '')
  await assert.rejects(openSocket(port), /nothing listens/)
  asking.write('\r\n')
  const ready = await asking.reply()
  assert.deepEqual([ready.status, JSON.parse(ready.body).status], [503, 'not ready'])
  half.write(late.subarray(-10))
  for (const raw of [half, ...hashing]) {
    const reply = await raw.reply()
    assertReply(reply, 200, 3011)
    assert.equal(reply.headers.get('connection'), 'close')
    assert.equal(await raw.closed(), '')
  }
  await end
  assert.deepEqual(faultsOf(server.folder), [])
})

test('senders who never finish do not keep the gateway from ending with 0 within 10 s', async (t) => {
  const server = await serverFor(t)
  const half = await openSocket(server.port)
  half.write('POST /control HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"cmd":')
  const headers = await openSocket(server.port)
  headers.write('POST /control HTTP/1.1\r\nHo')
  const trickle = setInterval(() => half.write(' '), 100)
  t.after(() => clearInterval(trickle))
  assert.equal((await server.call('ping')).json?.code, 9001)
  await ended(server, 'SIGTERM')
})

test('GET /healthz and /readyz tell a working gateway, without a signature and without being kept by anybody', async (t) => {
  const { url } = await serverFor(t)
  for (const [path, status] of [
    ['/healthz', 'ok'],
    ['/readyz', 'ready'],
  ]) {
    const response = await fetch(`${url}${path}`)
    assert.deepEqual([response.status, await response.json()], [200, { status }])
    assert.equal(response.headers.get('cache-control'), 'no-store')
  }
})
