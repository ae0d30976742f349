import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import { Closed, Secret } from '../../schemas/types.js'
import { command } from '../../src/command.js'
import { faultPaths, instanceFor } from '../support/commands.js'
import { testInstance } from '../support/instance.js'
import { makeKey, makeUser } from '../support/keys.js'

const user = { id: 'alice', user: { type: 3 } }

test('a key that was never seen is unseen, and so is one of a read, a refusal or a dry run', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.call('get-user', { id: 'alice' }, { idempotencyKey: 'of-a-read' })
  await gateway.call('set-user', { id: 'alice' }, { idempotencyKey: 'of-a-refusal' })
  await gateway.call('set-user', user, { idempotencyKey: 'of-a-dry-run', dryRun: true })
  for (const key of ['never-seen', 'of-a-read', 'of-a-refusal', 'of-a-dry-run']) {
    const { code, result } = await gateway.run('request-status', { of_idempotency_key: key })
    assert.deepEqual([code, result], [9041, { state: 'unseen' }])
  }
})

test('a request that was done, whatever came of it, is told with its outcome, by either of its names', async (t) => {
  const gateway = await instanceFor(t)
  const rows = [
    ['set-user', user, 3011, 'User saved', 'success', { id: 'alice', created: true }],
    ['toggle-user', { id: 'nobody' }, 3020, 'There is no such user to toggle', 'failure', undefined],
  ] as const
  for (const [cmd, params, code, message, status, result] of rows) {
    const key = `job-of-${cmd}`
    const { request_id } = await gateway.call(cmd, params, { idempotencyKey: key })
    const outcome = { cmd, code, status, message, request_id, ...(result && { result }) }
    for (const name of [{ of_idempotency_key: key }, { of_request_id: request_id }]) {
      assert.deepEqual((await gateway.run('request-status', name)).result, { state: 'done', outcome })
    }
  }
})

test('a request without an idempotency_key is found by its request id, without its result', async (t) => {
  const gateway = await instanceFor(t)
  const { request_id } = await gateway.call('set-user', user)
  const { result } = await gateway.run('request-status', { of_request_id: request_id })
  assert.deepEqual([result.state, result.outcome.code, 'result' in result.outcome], ['done', 3011, false])
})

test('a request id that nobody has is unknown', async (t) => {
  const gateway = await instanceFor(t)
  const { request_id } = await gateway.run('ping')
  for (const id of ['', 'nobody', request_id]) {
    assert.deepEqual((await gateway.run('request-status', { of_request_id: id })).result, { state: 'unknown' })
  }
})

test('a request that runs is running, and cannot be made void', async (t) => {
  const events = new EventEmitter()
  const slow = command({
    name: 'slow',
    summary: 'Waits before it runs',
    permission: 'users:write',
    params: Closed({}),
    result: Closed({}),
    codes: ['PONG'],
    async prepare() {
      events.emit('begun')
      await once(events, 'go')
    },
    run: async () => ['PONG'],
  })
  const gateway = await instanceFor(t, { extra: [slow] })
  const begun = once(events, 'begun')
  const running = gateway.call('slow', {}, { idempotencyKey: 'slow-one' })
  await begun
  for (const voids of [undefined, true]) {
    const asked = { of_idempotency_key: 'slow-one', void: voids }
    assert.deepEqual((await gateway.run('request-status', asked)).result, { state: 'running' })
  }
  events.emit('go')
  assert.equal((await running).code, 9001)
  assert.equal((await gateway.run('request-status', { of_idempotency_key: 'slow-one' })).result.state, 'done')
})

test('the outcome is told without its secrets', async (t) => {
  const leak = command({
    name: 'leak',
    summary: 'Shows a secret',
    permission: 'users:write',
    params: Closed({}),
    result: Closed({ secret: Secret('something to keep') }),
    codes: ['PONG'],
    run: async () => ['PONG', { secret: 'canary-4711' }],
  })
  const gateway = await instanceFor(t, { extra: [leak] })
  const first = await gateway.call('leak', {}, { idempotencyKey: 'leak-one' })
  assert.equal(first.result.secret, 'canary-4711')
  const { result } = await gateway.run('request-status', { of_idempotency_key: 'leak-one' })
  assert.deepEqual(result.outcome.result, { secret: null })
})

test('an unseen key that was made void never runs, here and in every process on the same database', async (t) => {
  const gateway = await instanceFor(t)
  const asked = { of_idempotency_key: 'void-one', void: true }
  for (let times = 0; times < 2; times++)
    assert.deepEqual((await gateway.run('request-status', asked)).result, { state: 'void' })
  assert.deepEqual((await gateway.run('request-status', { ...asked, void: false })).result, { state: 'void' })
  const second = await testInstance({ folder: gateway.folder })
  t.after(() => second.close())
  for (const instance of [gateway, second]) {
    const late = await instance.call('set-user', user, { by: gateway.owner, idempotencyKey: 'void-one' })
    assert.equal(late.code, 1410)
    assert.equal((await instance.call('get-user', { id: 'alice' }, { by: gateway.owner })).code, 3000)
  }
})

test('a key that was seen is not made void', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.call('set-user', user, { idempotencyKey: 'seen-one' })
  const { result } = await gateway.run('request-status', { of_idempotency_key: 'seen-one', void: true })
  assert.equal(result.state, 'done')
  const again = await gateway.call('set-user', user, {
    idempotencyKey: 'seen-one',
    timestamp: gateway.seconds() + 1,
  })
  assert.deepEqual([again.code, again.replayed], [3011, true])
})

test('a dry run makes nothing void', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.call('request-status', { of_idempotency_key: 'dry-void', void: true }, { dryRun: true })
  assert.equal((await gateway.call('set-user', user, { idempotencyKey: 'dry-void' })).code, 3011)
})

test('a request is told to whoever made it alone', async (t) => {
  const gateway = await instanceFor(t)
  const { request_id } = await gateway.call('set-user', user, { idempotencyKey: 'mine-alone' })
  const sameOwner = await makeKey(gateway)
  const panelUser = await makeUser(gateway, 'root', { type: 1 })
  const state = async (by: typeof sameOwner, params: object) =>
    (await gateway.run('request-status', params, by)).result.state
  assert.equal(await state(sameOwner, { of_idempotency_key: 'mine-alone' }), 'unseen', 'keys are scoped to a lineage')
  assert.equal(await state(sameOwner, { of_request_id: request_id }), 'done', 'the same principal by another key')
  assert.equal(await state(panelUser, { of_request_id: request_id }), 'unknown')
  assert.equal(await state(panelUser, { of_idempotency_key: 'mine-alone', void: true }), 'void')
  assert.equal(await state(gateway.owner, { of_idempotency_key: 'mine-alone' }), 'done')
})

test('request-status needs exactly one name of a request, and voids by idempotency_key only', async (t) => {
  const gateway = await instanceFor(t)
  const key = 'some-key-1'
  const rows: readonly (readonly [object, number])[] = [
    [{}, 1422],
    [{ void: true }, 1422],
    [{ of_idempotency_key: key, of_request_id: 'x' }, 1422],
    [{ of_request_id: 'x', void: true }, 1422],
    [{ of_request_id: 'x'.repeat(65) }, 1422],
    [{ of_request_id: 1 }, 1422],
    [{ of_request_id: 'x\u0000' }, 1422],
    [{ of_idempotency_key: 'seven-7' }, 1422],
    [{ of_idempotency_key: 'x'.repeat(129) }, 1422],
    [{ of_idempotency_key: 'with space' }, 1422],
    [{ of_idempotency_key: key, void: 'yes' }, 1422],
    [{ of_idempotency_key: key, key }, 1422],
    [{ of_idempotency_key: key, void: '0' }, 9041],
    [{ of_idempotency_key: key, void: 1 }, 9041],
  ]
  for (const [params, code] of rows) {
    const reply = await gateway.run('request-status', params)
    assert.equal(reply.code, code, JSON.stringify(params))
    assert.equal(faultPaths(reply).length > 0, code === 1422)
  }
  assert.equal((await gateway.run('request-status', { of_idempotency_key: key })).result.state, 'void')
})
