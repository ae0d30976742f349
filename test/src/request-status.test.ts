import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import type { TestInstance } from '../support/instance.js'
import { makeAccount, makeKey, makeUser } from '../support/keys.js'
import { counted, counter, gate, instanceFor, sent, signed } from './probes.js'

const key = 'job-81-step-3'
const ask = async (instance: TestInstance, params: object, by?: Credentials) => {
  const { code, result, replayed } = await instance.call('request-status', params, by ? { by } : {})
  assert.deepEqual([code, replayed], [9041, undefined])
  return result
}
const byKey = (instance: TestInstance, by?: Credentials) => ask(instance, { of_idempotency_key: key }, by)
const voided = (instance: TestInstance, by?: Credentials) => ask(instance, { of_idempotency_key: key, void: true }, by)

test('a key is unseen, then running, then done with its outcome', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  assert.deepEqual(await byKey(instance), { state: 'unseen' })
  const { passed, open } = gate()
  probe.beforePrepared = () => passed
  const running = instance.call('count', { id: 'n' }, { idempotencyKey: key })
  // The clock of the test instance does not stand still; asking is what lets the other run on to its preparation.
  assert.deepEqual(await byKey(instance), { state: 'running' })
  open()
  const { request_id } = await running
  const outcome = { cmd: 'count', code: 10001, status: 'success', message: 'Counted', request_id, result: { sum: 1 } }
  assert.deepEqual(await byKey(instance), { state: 'done', outcome })
  assert.deepEqual(await ask(instance, { of_request_id: request_id }), { state: 'done', outcome })
})

test('an even outcome is done too, and says failure', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  await instance.call('count', { id: 'n', refuse: true }, { idempotencyKey: key })
  const { state, outcome } = await byKey(instance)
  assert.deepEqual([state, outcome.code, outcome.status], ['done', 10000, 'failure'])
})

test('a request refused by the gateway is unseen: it may be sent again', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const { request_id } = await instance.call('count', { id: 7 }, { idempotencyKey: key })
  assert.deepEqual(await byKey(instance), { state: 'unseen' })
  assert.deepEqual(await ask(instance, { of_request_id: request_id }), { state: 'unknown' })
})

test('a request without a key is found by its request id, without its result', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const { request_id } = await instance.call('count', { id: 'n' })
  const { state, outcome } = await ask(instance, { of_request_id: request_id })
  assert.deepEqual([state, outcome.code, outcome.result], ['done', 10001, undefined])
})

test('a replayed outcome belongs to the request that ran: the replay’s own id is unknown', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const body = signed(instance, 'count', { id: 'n' }, { idempotencyKey: key })
  await sent(instance, body)
  const { request_id, replayed } = await sent(instance, body)
  assert.deepEqual([replayed, await ask(instance, { of_request_id: request_id })], [true, { state: 'unknown' }])
})

test('of_request_id tells of the caller’s own requests only: others’ are as unknown as made-up ones', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const { request_id } = await instance.call('count', { id: 'n' }, { idempotencyKey: key })
  const own = await makeKey(instance)
  const others = [await makeUser(instance, 'bert', { type: 1 }), await makeAccount(instance, 2)]
  assert.equal((await ask(instance, { of_request_id: request_id }, own)).state, 'done')
  for (const by of others)
    assert.deepEqual(await ask(instance, { of_request_id: request_id }, by), { state: 'unknown' })
  assert.deepEqual(await ask(instance, { of_request_id: 'made up' }), { state: 'unknown' })
})

test('of_idempotency_key is asked within the account and the key’s lineage', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  await instance.call('count', { id: 'n' }, { idempotencyKey: key })
  for (const by of [await makeKey(instance), await makeAccount(instance, 2)]) {
    assert.deepEqual(await byKey(instance, by), { state: 'unseen' })
  }
})

test('void marks an unseen key for good: later messages under it are 1410 and change nothing, after a restart too', async (t) => {
  const { command } = counter()
  const first = await instanceFor(t, { extra: [command] })
  const body = signed(first, 'count', { id: 'n' }, { idempotencyKey: key })
  assert.deepEqual([await voided(first), await byKey(first)], [{ state: 'void' }, { state: 'void' }])
  const second = await instanceFor(t, { extra: [command], folder: first.folder })
  for (const instance of [first, second]) {
    const resent = await sent(instance, body)
    const anew = await instance.call('count', { id: 'm' }, { idempotencyKey: key, by: first.owner })
    assert.deepEqual([resent.code, anew.code], [1410, 1410])
  }
  assert.deepEqual(await voided(second, first.owner), { state: 'void' })
  assert.deepEqual([await counted(first.db, 'n'), await counted(first.db, 'm')], [0, 0])
})

test('a key that is seen is not voided', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const body = signed(instance, 'count', { id: 'n' }, { idempotencyKey: key })
  await sent(instance, body)
  assert.equal((await voided(instance)).state, 'done')
  assert.equal((await sent(instance, body)).code, 10001)
})

test('a key that is running is not voided, and the running one is done', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  const { passed, open } = gate()
  probe.beforePrepared = () => passed
  const running = instance.call('count', { id: 'n' }, { idempotencyKey: key })
  assert.deepEqual(await voided(instance), { state: 'running' })
  open()
  assert.deepEqual([(await running).code, await counted(instance.db, 'n')], [10001, 1])
})

test('void and a message under the key at once: one of them wins, and both are told which', async (t) => {
  for (const voidFirst of [true, false]) {
    const instance = await instanceFor(t, { extra: [counter().command] })
    const both = [() => voided(instance), () => instance.call('count', { id: 'n' }, { idempotencyKey: key })]
    const [one, two] = await Promise.all((voidFirst ? both : both.reverse()).map((send) => send()))
    const [state, reply] = voidFirst ? [one, two] : [two, one]
    const won = await counted(instance.db, 'n')
    assert.deepEqual([state.state === 'void', reply.code], won ? [false, 10001] : [true, 1410])
  }
})

test('void in another process while this one prepares: the message is 1410 and has no effect', async (t) => {
  const probe = counter()
  const instance = await instanceFor(t, { extra: [probe.command] })
  const other = await instanceFor(t, { extra: [probe.command], folder: instance.folder })
  const { passed, open } = gate()
  const preparing = gate()
  probe.beforePrepared = () => {
    preparing.open()
    return passed
  }
  const running = instance.call('count', { id: 'n' }, { idempotencyKey: key })
  await preparing.passed
  assert.deepEqual(await voided(other, instance.owner), { state: 'void' })
  open()
  assert.deepEqual([(await running).code, await counted(instance.db, 'n')], [1410, 0])
})

test('a dry run of void voids nothing, and asking claims nothing', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const dry = await instance.call('request-status', { of_idempotency_key: key, void: true }, { dryRun: true })
  assert.deepEqual([dry.result, dry.dry_run], [{ state: 'unseen' }, true])
  const body = signed(instance, 'request-status', { of_idempotency_key: key }, { idempotencyKey: key })
  assert.deepEqual([(await sent(instance, body)).code, (await sent(instance, body)).code], [9041, 9041])
  assert.deepEqual(await instance.db.all('select identity_digest from claims'), [])
  assert.equal((await instance.call('count', { id: 'n' }, { idempotencyKey: key })).code, 10001)
})
