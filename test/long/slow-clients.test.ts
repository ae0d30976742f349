import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { hasPrograms, run, serverFor } from '../support/server.js'

/** slowhttptest's four modes: slow headers, slow bodies, overlapping ranges, slow reading of replies. */
const modes = {
  headers: ['-H'],
  bodies: ['-B'],
  ranges: ['-R'],
  reading: ['-X', '-k', '3', '-w', '1', '-y', '2', '-z', '1', '-n', '1'],
} as const
const seconds = 15
const connections = '1000'
const most = 250

test('while a thousand slow clients do their worst, in each of four ways, an honest one is answered within 250 ms', {
  timeout: 180_000,
}, async (t) => {
  if (!hasPrograms(t, 'slowhttptest')) return
  for (const [name, flags] of Object.entries(modes)) {
    const { port, owner, stop } = await serverFor(t)
    const agent = new Agent({ keepAlive: true })
    const ping = (): Promise<number> => {
      const { body } = signMessage('ping', {}, owner, { timestamp: Math.floor(Date.now() / 1000) })
      const started = performance.now()
      return new Promise((resolve, reject) => {
        const asked = request({ port, method: 'POST', path: '/control', agent }, (reply) => {
          reply.resume()
          assert.equal(reply.statusCode, 200)
          reply.on('end', () => resolve(performance.now() - started))
        })
        asked.on('error', reject)
        asked.end(body)
      })
    }
    let attacking = true
    const attack = run('slowhttptest', [
      ...flags,
      ...[
        '-u',
        `http://127.0.0.1:${port}/control`,
        '-c',
        connections,
        '-r',
        '500',
        '-i',
        '1',
        '-l',
        String(seconds),
        '-p',
        '3',
      ],
    ]).finally(() => {
      attacking = false
    })
    const times: number[] = []
    while (attacking) times.push(await ping())
    const { status, stdout, stderr } = await attack
    assert.equal(status, 0, `${name}: ${stdout.slice(-2_000)}${stderr}`)
    times.sort((a, b) => a - b)
    const p99 = times[Math.floor(times.length * 0.99)] ?? Number.POSITIVE_INFINITY
    t.diagnostic(`slow ${name}: p99 of ${times.length} honest requests ${p99.toFixed(1)} ms`)
    assert.ok(times.length > 500 && p99 < most, `slow ${name}: ${times.length} requests, p99 ${p99} ms`)
    agent.destroy()
    assert.equal(await stop(), 0)
  }
})
