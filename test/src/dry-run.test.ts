import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeKey } from '../support/keys.js'
import { counted, counter, instanceFor, sent, signed } from './probes.js'

const key = 'job-81-step-3'

for (const [what, params, code] of [
  ['a done outcome', { id: 'n' }, 10001],
  ['a refused one', { id: 'n', refuse: true }, 10000],
] as const) {
  test(`a dry run answers as the real one would (${what}), and leaves neither effect nor claim nor outcome`, async (t) => {
    const probe = counter()
    const instance = await instanceFor(t, { extra: [probe.command] })
    const dry = await instance.call('count', params, { idempotencyKey: key, dryRun: true })
    assert.deepEqual([dry.code, dry.dry_run, dry.replayed, dry.result], [code, true, undefined, { sum: 1 }])
    assert.deepEqual([await counted(instance.db, 'n'), probe.ran, probe.prepared], [0, 1, 1])
    assert.deepEqual(await instance.db.all('select identity_digest from claims'), [])
    const real = await instance.call('count', params, { idempotencyKey: key })
    assert.deepEqual([real.code, real.dry_run, real.replayed], [code, undefined, undefined])
  })
}

test('a dry run is audited as one, with the code it would have had', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const { request_id } = await instance.call('count', { id: 'n' }, { dryRun: true })
  const row = await instance.db.get('select command, target, code, dry_run from audit where request_id = $1', [
    request_id,
  ])
  assert.deepEqual({ ...row }, { command: 'count', target: 'n', code: 10001, dry_run: 1 })
})

test('a dry run looks no claim up: under a used key, and as the same bytes again, it runs', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  await instance.call('count', { id: 'n' }, { idempotencyKey: key })
  const body = signed(instance, 'count', { id: 'n', by: 5 }, { idempotencyKey: key, dryRun: true })
  for (let again = 0; again < 2; again++) {
    const dry = await sent(instance, body)
    assert.deepEqual([dry.code, dry.replayed, dry.result], [10001, undefined, { sum: 6 }])
  }
  assert.equal(await counted(instance.db, 'n'), 1)
})

test('50 dry runs among 50 real ones at once: only the real ones count', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const replies = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      instance.call('count', { id: 'n' }, { idempotencyKey: `job-${index}-count`, dryRun: index % 2 === 0 }),
    ),
  )
  assert.deepEqual([...new Set(replies.map(({ code }) => code))], [10001])
  assert.equal(await counted(instance.db, 'n'), 50)
})

test('a dry run passes every check: 1401, 1402, 1403, 1404, 1422', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const limited = await makeKey(instance, { permissions: ['users:read'] })
  const dryRun = true
  const replies = [
    await instance.call('count', { id: 'n' }, { dryRun, by: { ...instance.owner, secret: 'wrong' } }),
    await instance.call('count', { id: 'n' }, { dryRun, timestamp: instance.seconds() - 400 }),
    await instance.call('count', { id: 'n' }, { dryRun, by: limited }),
    await instance.call('cuont', { id: 'n' }, { dryRun }),
    await instance.call('count', { id: 7 }, { dryRun }),
  ]
  assert.deepEqual(
    replies.map(({ code }) => code),
    [1401, 1402, 1403, 1404, 1422],
  )
})

test('rights that a dry run would change are as they were afterwards', async (t) => {
  const instance = await instanceFor(t)
  for (const id of ['anna', 'bert', 'carl']) await instance.call('set-user', { id, user: { type: 1 } })
  const by = await makeKey(instance, { user: 'bert' })
  assert.equal((await instance.call('list-users', {}, { by })).code, 3031)
  const [dry, own] = await Promise.all([
    instance.call('set-user', { id: 'bert', user: { enable: false } }, { dryRun: true }),
    instance.call('toggle-user', { id: 'anna' }, { by }),
  ])
  assert.deepEqual([dry.code, own.code, (await instance.call('list-users', {}, { by })).code], [3011, 3021, 3031])
})
