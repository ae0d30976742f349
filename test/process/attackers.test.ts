import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Credentials, signMessage } from '../../clients/typescript/index.js'
import { mac } from '../support/instance.js'
import { assertReply, exchange, openSocket, post, type RawReply } from '../support/raw.js'
import { runCli, serverFor } from '../support/server.js'

/** What moves a terminal's cursor, and what some terminals take for it. Line feeds stand between the lines. */
const escapes = /[^\n\x20-\x7e\u0080-\u{10ffff}]/u
const eightBitEscapes = /[\u0080-\u009f\u2028\u2029]/

const now = () => Math.floor(Date.now() / 1000)
const ping = (by: Credentials) => signMessage('ping', {}, by, { timestamp: now() }).body

async function from(address: string, port: number, bytes: Buffer): Promise<RawReply> {
  const raw = await openSocket(port, address)
  try {
    raw.write(bytes)
    return await raw.reply()
  } finally {
    raw.close()
  }
}

test('an attacker who guesses is stopped under its own address, whatever it claims to be, and locks nobody out', {
  timeout: 30_000,
}, async (t) => {
  const { port, owner } = await serverFor(t, { env: { COUNTERSIGN_LIMIT_FAILURES: '20' } })
  const wrong = ping({ ...owner, secret: 'x' })
  const claims = (i: number) => [
    `X-Forwarded-For: 127.0.0.1, 192.0.2.${i}`,
    `X-Real-IP: 192.0.2.${i}`,
    'Forwarded: for=127.0.0.1',
  ]
  for (let i = 0; i < 20; i++) assertReply(await from('127.0.0.2', port, post(wrong, claims(i))), 401, 1401)
  const stopped = await from('127.0.0.2', port, post(wrong, claims(21)))
  assertReply(stopped, 429, 1429)
  const wait = Number(stopped.headers.get('retry-after'))
  assert.ok(wait > 0 && wait <= 60)
  assertReply(await from('127.0.0.2', port, post(ping(owner))), 429, 1429)
  assertReply(await from('127.0.0.1', port, post(ping(owner))), 200, 9001)
  assertReply(await from('127.0.0.3', port, post(wrong)), 401, 1401)
})

test('whoever sends garbage is stopped under its own address behind a trusted proxy, whole bodies or not, and nobody else', {
  timeout: 30_000,
}, async (t) => {
  const { port, owner } = await serverFor(t, {
    env: { COUNTERSIGN_LIMIT_WASTE: '1', COUNTERSIGN_TRUST_PROXY: '127.0.0.1' },
  })
  const by = (address: string) => [`X-Forwarded-For: 10.0.0.1, ${address}`]
  const whole = (lines: string[]) => post('x'.repeat(250_000), lines)
  // A command takes 1 MiB, so that is how much is taken in.
  const endless = (lines: string[]) =>
    `POST /control HTTP/1.1\r\nHost: localhost\r\n${lines.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n110000\r\n${'x'.repeat(0x110000)}`
  for (let i = 0; i < 5; i++) assertReply(await exchange(port, whole(by('192.0.2.1'))), 400, 1400)
  assertReply(await exchange(port, endless(by('192.0.2.2'))), 413, 1413)
  for (const address of ['192.0.2.1', '192.0.2.2']) {
    const stopped = await exchange(port, post(ping(owner), by(address)))
    assertReply(stopped, 429, 1429)
    const wait = Number(stopped.headers.get('retry-after'))
    assert.ok(wait > 0 && wait <= 60)
  }
  assertReply(await exchange(port, post(ping(owner), by('192.0.2.3'))), 200, 9001)
  assertReply(await exchange(port, whole(by('192.0.2.3'))), 400, 1400)
})

test('a body that is slower than the window is stale when it has arrived', { timeout: 30_000 }, async (t) => {
  const { port, owner } = await serverFor(t, { env: { COUNTERSIGN_WINDOW: '1' } })
  const raw = await openSocket(port)
  const bytes = post(ping(owner))
  raw.write(bytes.subarray(0, -20))
  const late = setTimeout(() => raw.write(bytes.subarray(-20)), 2_500)
  const reply = await raw.reply()
  clearTimeout(late)
  assertReply(reply, 401, 1402)
  assert.ok(JSON.parse(reply.body).skew <= -2)
  raw.close()
})

test('what is sent to be read in a log or on a terminal adds no line to it and no escape', {
  timeout: 30_000,
}, async (t) => {
  const server = await serverFor(t, {
    env: { COUNTERSIGN_LOG_LEVEL: 'trace', COUNTERSIGN_TRUST_PROXY: '127.0.0.1', COUNTERSIGN_LIMIT_FAILURES: '1000' },
  })
  const { port, owner } = server
  const nasty = '\u001b[2J\u001b]0;owned\u0007\r\n{"level":60,"msg":"forged"}\u2028\u0085\u009b31m'
  const escaped = JSON.stringify(nasty)
  const signed = (members: string) => {
    const text = `{${members},"api_key":"${owner.apiKey}","timestamp":${now()}}`
    return post(text, [`Countersign-Signature: ${mac(owner.secret, text)}`])
  }
  const rows = [
    signed(`"cmd":${escaped}`),
    signed(`"cmd":"set-user","id":${escaped},"user":{"type":3}`),
    signed(`"cmd":"set-user","id":"a","user":{"type":3,"comment":${escaped}}`),
    signed(`"cmd":"ping",${escaped}:1`),
    signed(`"cmd":"ping","audience":${escaped}`),
    post(`{"cmd":"ping","api_key":${escaped},"timestamp":1,"signature":"x"}`),
    post(ping(owner), ['X-Forwarded-For: \u001b[31m192.0.2.1']),
    post(ping(owner), ['X-Forwarded-For: 192.0.2.1\u009b31m']),
    post(ping(owner), [`X-Request-Id: \u001b[31m`, 'User-Agent: \u001b]0;owned\u0007']),
    Buffer.from(`POST /control/\u001b[31m HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`, 'latin1'),
  ]
  for (const bytes of rows) {
    const { lines, body } = await from('127.0.0.1', port, bytes)
    assert.doesNotMatch(lines.join('\n') + body, escapes)
  }
  const exported = await runCli(['audit', 'export', '--data', server.folder])
  assert.equal(await server.stop(), 0)
  for (const text of [server.log(), exported.stdout, exported.stderr]) {
    assert.doesNotMatch(text, escapes)
    assert.doesNotMatch(text, eightBitEscapes)
    for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('countersign: '))) {
      assert.notEqual(JSON.parse(line).msg, 'forged')
    }
  }
})

test('one who asks for thousands of answers on one connection and reads none makes nothing grow, and is cut off', {
  timeout: 60_000,
}, async (t) => {
  const server = await serverFor(t)
  const raw = await openSocket(server.port)
  raw.socket.pause()
  const request = post(signMessage('commands', {}, server.owner, { timestamp: now() }).body)
  const many = Buffer.concat(Array.from({ length: 500 }, () => request))
  for (let i = 0; i < 40; i++) raw.write(many)
  for (let i = 0; i < 50; i++) assert.equal((await server.call('ping')).json?.code, 9001)
  const memory = Number(readFileSync(`/proc/${server.process.pid}/statm`, 'utf8').split(' ')[1]) * 4096
  assert.ok(memory < 300 * 1024 * 1024, `${memory} bytes`)
  raw.close()
  // It may have been cut off before.
  if (!raw.socket.closed) await once(raw.socket, 'close')
  assert.equal(await server.stop(), 0)
})

test('a thousand who connect while the gateway is busy are all let in, none left to try again after a second', {
  timeout: 30_000,
}, async (t) => {
  const server = await serverFor(t)
  server.process.kill('SIGSTOP')
  const crowd = await Promise.race([
    Promise.all(Array.from({ length: 1_000 }, () => openSocket(server.port))),
    new Promise<void>((resolve) => setTimeout(resolve, 900).unref()),
  ])
  server.process.kill('SIGCONT')
  assert.ok(crowd, 'somebody is still waiting for a connection')
  const bytes = post(ping(server.owner))
  for (const raw of crowd) raw.write(bytes)
  for (const raw of crowd) assertReply(await raw.reply(), 200, 9001)
  for (const raw of crowd) raw.close()
})
