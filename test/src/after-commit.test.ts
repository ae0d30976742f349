import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { dialects } from '../../dialects/index.js'
import { native } from '../../dialects/native.js'
import type { Dialect, Outcome } from '../../src/dialect.js'
import type { MeterOf } from '../../src/meter.js'
import type { Reply } from '../../src/reply.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { mac } from '../support/instance.js'
import { listen } from '../support/listener.js'

/** A dialect that takes what native takes and cannot encode what `fails` says. */
const broken = (fails: (outcome: Outcome) => boolean): Dialect => ({
  ...native,
  name: 'broken',
  encode(outcome, exchange) {
    if (fails(outcome)) throw new RangeError('Invalid string length')
    return native.encode(outcome, exchange)
  },
})

const done = ({ refused }: Outcome): boolean => !refused
const anything = (): boolean => true

/** Asserts that a reply carries the MAC of a client that can check it. */
function assertSigned(gateway: CommandInstance, body: string, reply: Reply): void {
  const { signature } = JSON.parse(body)
  const hex = Buffer.from(signature, 'base64').toString('hex')
  const expected = mac(gateway.owner.secret, `countersign-reply\n${hex}\n${reply.status}\n${reply.body}`)
  assert.equal(new Map(reply.headers).get('Countersign-Reply'), expected)
}

test('an outcome that its dialect cannot encode is 1504, signed, and its effect and claim stay; a resend under the key finds it', async (t) => {
  for (const fails of [done, anything]) {
    let failing = true
    const gateway = await instanceFor(t, { dialects: [broken((outcome) => failing && fails(outcome))] })
    const send = async (cmd: string, params: object, idempotencyKey?: string) => {
      const { body } = signMessage(cmd, params, gateway.owner, { timestamp: gateway.seconds(), idempotencyKey })
      const reply = await gateway.post(body)
      assertSigned(gateway, body, reply)
      return [reply.status, JSON.parse(reply.body)]
    }
    const user = { id: 'alice', user: { type: 3 } }
    const [status, first] = await send('set-user', user, 'a-key-of-mine')
    assert.deepEqual([status, first.code, first.status, first.result], [504, 1504, 'failure', undefined])
    assert.equal((await send('get-user', { id: 'alice' }))[1].code, 1504, 'a read')
    assert.equal((await send('set-user', user, 'a-key-of-mine'))[1].code, 1504, 'a replay')
    assert.equal((await send('batch', { commands: [{ cmd: 'ping' }] }))[1].code, 1504, 'a batch')
    assert.equal((await send('nothing-of-this', {}))[1].code, 1404, 'a refusal stays what it was')
    failing = false
    const [, again] = await send('set-user', user, 'a-key-of-mine')
    assert.deepEqual([again.code, again.replayed, again.result], [3011, true, { id: 'alice', created: true }])
  }
})

test('what counts and logs may fail: the answer is the same, and so is the effect', async (t) => {
  const fails = () => assert.fail('the log is full')
  const meter: MeterOf = () => ({
    answered: fails,
    refused: fails,
    committed: fails,
    forgotten: fails,
    trouble: fails,
  })
  const gateway = await instanceFor(t, { meter, dialects })
  for (const code of [3021, 3021]) {
    await gateway.call('set-user', { id: 'alice', user: { type: 3 } })
    assert.equal((await gateway.call('toggle-user', { id: 'alice' })).code, code)
    assert.equal((await gateway.call('get-user', { id: 'alice' })).code, 3001)
    assert.equal((await gateway.call('no-such-command')).code, 1404)
    gateway.clock.offset++
  }
})

test('a gateway whose clock, chance or names fail answers all the same: 1500 before a command ran', async (t) => {
  for (const what of ['now', 'randomName'] as const) {
    let failing = false
    const real = { now: () => Date.now(), randomName: (length: number) => 'x'.repeat(length) }
    const gateway = await instanceFor(t, {
      ...real,
      [what]: (length: number) => (failing ? assert.fail('no chance') : real[what](length)),
    })
    failing = true
    const reply = await gateway.post('{}')
    failing = false
    assert.deepEqual([reply.status, reply.code, JSON.parse(reply.body).code], [500, 1500, 1500], what)
  }
})

test('over HTTP what cannot be answered as it was meant is 1504, and no connection hangs', async (t) => {
  const gateway = await instanceFor(t)
  const faults: unknown[] = []
  const onUnexpected = (error: unknown) => void faults.push(error)
  const odd: Reply = { status: 200, headers: [['Odd', 'a\nb']], body: '{}', requestId: 'r', code: 9001 }
  const rejects = async (): Promise<Reply> => {
    throw new Error('handle rejects')
  }
  const throws = (): Promise<Reply> => {
    throw new Error('handle throws')
  }
  for (const handle of [rejects, throws, async () => odd]) {
    const port = await listen(t, gateway, { handle, onUnexpected })
    const before = faults.length
    const response = await fetch(`http://127.0.0.1:${port}/control`, { method: 'POST', body: '{}' })
    const { code } = JSON.parse(await response.text())
    assert.deepEqual([response.status, code, faults.length], [504, 1504, before + 1])
  }
  assert.equal(gateway.load.room(1, 0, performance.now()), 1_024, 'none of them counts as under way')
})

test('over HTTP a page beside the endpoint that fails is 1500, and one that began is cut off', async (t) => {
  const gateway = await instanceFor(t)
  const fails = () => assert.fail('no page')
  const port = await listen(t, gateway, {
    ready: async () => fails(),
    openapi: fails,
    onUnexpected: () => undefined,
  })
  for (const path of ['/readyz', '/openapi.json']) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    assert.deepEqual([response.status, JSON.parse(await response.text()).code], [500, 1500], path)
  }
})
