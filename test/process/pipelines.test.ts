import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { assertReply, exchange, openSocket, post } from '../support/raw.js'
import { serverFor, type TestServer } from '../support/server.js'

/** Seconds of processor that a process has used. */
function processorTime({ process: { pid } }: TestServer): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** The most bytes of memory that a process has ever held. */
function peakMemory({ process: { pid } }: TestServer): number {
  const [, kilobytes] = /VmHWM:\s+([0-9]+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/** Sends bytes on a connection of their own, reads what is answered, and resolves when the connection has ended. */
function flood(port: number, bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
    socket.resume().end(bytes)
  })
}

const paths = {
  '/readyz': 'GET',
  '/healthz': 'GET',
  '/docs': 'GET',
  '/openapi.json': 'HEAD',
  '/nothing': 'GET',
  '/control': 'GET',
  '/stable/': 'GET',
  '/users/self/device-passwords.json': 'GET',
}

for (const [path, method] of Object.entries(paths)) {
  test(`1.15 MB of pipelined requests for ${path} on 20 connections cost some two seconds at most and 150 MiB`, {
    timeout: 120_000,
  }, async (t) => {
    const server = await serverFor(t, {
      env: {
        COUNTERSIGN_VENDOR_PATHS: 'on',
        COUNTERSIGN_LIMIT_FAILURES: '1000000',
        COUNTERSIGN_DIALECTS: 'native,ibm',
        COUNTERSIGN_PUBLIC_URL: 'http://127.0.0.1',
      },
    })
    const request = `${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
    await exchange(server.port, request, method === 'HEAD')
    const before = { time: processorTime(server), memory: peakMemory(server) }
    const many = request.repeat(Math.floor(57_500 / request.length))
    await Promise.all(Array.from({ length: 20 }, () => flood(server.port, many)))
    assertReply(await exchange(server.port, post('{"cmd":"ping"}')), 400, 1400)
    const time = processorTime(server) - before.time
    const grown = peakMemory(server) - before.memory
    t.diagnostic(`${time.toFixed(2)} s, ${Math.round(grown / 1024 / 1024)} MiB`)
    assert.ok(time < 2.5, `${time} s of processor`)
    assert.ok(grown < 150 * 1024 * 1024, `grew by ${grown} bytes`)
  })
}

test('a request that asks for another protocol is the last one of its connection: no later answer is taken for one that is lost', async (t) => {
  const { port } = await serverFor(t)
  const upgrade = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n'
  const asked = ['GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n', upgrade, 'GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n']
  const connection = await openSocket(port)
  connection.write(asked.join(''))
  assert.equal((await connection.reply()).status, 404)
  const last = await connection.reply()
  assert.deepEqual([last.status, last.headers.get('connection')], [200, 'close'])
  assert.equal(await connection.closed(), '')
})
