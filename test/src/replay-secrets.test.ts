import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { elsewhere, makeKey } from '../support/keys.js'
import { canary, instanceFor, minting, sent, signed, withheld } from './probes.js'

const key = 'job-81-step-3'
const mint = { extra: [minting] }

test('an outcome with secrets: withheld (null) from the same bytes, whole for a freshly signed twin', async (t) => {
  const instance = await instanceFor(t, mint)
  const body = signed(instance, 'mint', { id: 'a' }, { idempotencyKey: key })
  const first = await sent(instance, body)
  const resent = await sent(instance, body)
  const twin = await instance.call('mint', { id: 'a' }, { idempotencyKey: key, timestamp: instance.seconds() + 1 })
  assert.deepEqual(
    [first.code, resent.code, resent.replayed, twin.code, twin.replayed],
    [10003, 10003, true, 10003, true],
  )
  assert.equal(first.result.token, canary('a-token'))
  assert.deepEqual(resent.result, withheld('a'))
  assert.deepEqual(twin.result, first.result)
})

test('a resent message gets no secret even when it waited for the first of 50 at once', async (t) => {
  const instance = await instanceFor(t, mint)
  const body = signed(instance, 'mint', { id: 'a' }, { idempotencyKey: key })
  const replies = await Promise.all(Array.from({ length: 50 }, () => sent(instance, body)))
  const whole = replies.filter(({ result }) => result.token !== null)
  assert.deepEqual([whole.length, whole[0]?.replayed], [1, undefined])
  for (const reply of replies) if (reply.replayed) assert.deepEqual(reply.result, withheld('a'))
})

test('another key of the same principal gets nothing of the outcome: it starts its own', async (t) => {
  const instance = await instanceFor(t, mint)
  const other = await makeKey(instance)
  await instance.call('mint', { id: 'a' }, { idempotencyKey: key })
  const own = await instance.call('mint', { id: 'b' }, { idempotencyKey: key, by: other })
  assert.deepEqual([own.code, own.replayed, own.result.id], [10003, undefined, 'b'])
})

test('a twin whose key has lost the permission since gets 1403, not the secrets', async (t) => {
  const instance = await instanceFor(t, mint)
  const by = await makeKey(instance)
  await instance.call('mint', { id: 'a' }, { idempotencyKey: key, by })
  await elsewhere(instance, 'update keys set permissions = $2 where key_id = $1', [by.apiKey, '["*:read"]'])
  const reopened = await instanceFor(t, { ...mint, folder: instance.folder })
  const twin = await reopened.call('mint', { id: 'a' }, { idempotencyKey: key, by, timestamp: reopened.seconds() + 1 })
  assert.deepEqual([twin.code, twin.result], [1403, undefined])
})

test('request-status shows the outcome without its secrets', async (t) => {
  const instance = await instanceFor(t, mint)
  const first = await instance.call('mint', { id: 'a' }, { idempotencyKey: key })
  for (const ask of [{ of_idempotency_key: key }, { of_request_id: first.request_id }]) {
    const { result } = await instance.call('request-status', ask)
    assert.deepEqual([result.state, result.outcome.result], ['done', withheld('a')])
  }
})

test('a dry run shows no generated secret', async (t) => {
  const instance = await instanceFor(t, mint)
  const dry = await instance.call('mint', { id: 'a' }, { idempotencyKey: key, dryRun: true })
  assert.deepEqual([dry.code, dry.dry_run, dry.result], [10003, true, withheld('a')])
})

test('no secret of an outcome, of a parameter or of a row stands in the database files', async (t) => {
  const instance = await instanceFor(t, mint)
  await instance.call('mint', { id: 'a' }, { idempotencyKey: key })
  const user = { token: canary('user-token'), password: canary('user-password') }
  await instance.call('set-user', { id: 'alice', user }, { idempotencyKey: 'job-81-step-4' })
  const secret = canary('imported-secret')
  await instance.call('keys/import', { key: 'vendor', secret, account: 1 }, { idempotencyKey: 'job-81-step-5' })
  const files = readdirSync(instance.folder).filter((name) => name.startsWith('countersign.db'))
  const bytes = Buffer.concat(files.map((name) => readFileSync(join(instance.folder, name))))
  assert.ok(bytes.includes('vendor'), 'the files hold what was written')
  for (const text of ['a-token', 'a-device', 'a-code', 'a-key', 'user-token', 'user-password', 'imported-secret'].map(
    canary,
  )) {
    assert.equal(bytes.includes(text), false, text)
  }
})

test('a sealed outcome moved to another row is not opened', async (t) => {
  const instance = await instanceFor(t, mint)
  await instance.call('mint', { id: 'a' }, { idempotencyKey: key })
  await instance.call('mint', { id: 'b' }, { idempotencyKey: 'job-81-step-4' })
  await instance.db.transaction((session) =>
    session.run(
      `update claims set outcome = (select c.outcome from claims c where c.identity_digest <> claims.identity_digest)`,
    ),
  )
  const moved = await instance.call('mint', { id: 'a' }, { idempotencyKey: key, timestamp: instance.seconds() + 1 })
  assert.deepEqual([moved.code, moved.result], [1500, undefined])
})

test('a read that showed a secret is claimed: the same bytes again are run afresh, without the secret', async (t) => {
  const instance = await instanceFor(t)
  await instance.call('set-user', { id: 'alice', user: { token: 'first-token', comment: 'one' } })
  const body = signed(instance, 'get-user', { id: 'alice' })
  const first = await sent(instance, body)
  await instance.call('set-user', { id: 'alice', user: { comment: 'two' } })
  const again = await sent(instance, body)
  const anew = await instance.call('get-user', { id: 'alice' }, { timestamp: instance.seconds() + 1 })
  assert.deepEqual([first.result.token, first.result.comment, first.replayed], ['first-token', 'one', undefined])
  assert.deepEqual([again.code, again.result.token, again.result.comment, again.replayed], [3001, null, 'two', true])
  assert.deepEqual([anew.result.token, anew.replayed], ['first-token', undefined])
})

test('of 50 identical reads of a secret at once, one shows it', async (t) => {
  const instance = await instanceFor(t)
  await instance.call('set-user', { id: 'alice', user: { token: 'first-token' } })
  const body = signed(instance, 'get-user', { id: 'alice' })
  const replies = await Promise.all(Array.from({ length: 50 }, () => sent(instance, body)))
  assert.equal(replies.filter(({ result }) => result.token === 'first-token').length, 1)
  assert.equal(replies.filter(({ result, replayed }) => result.token === null && replayed).length, 49)
})

test('a read that showed nothing secret is not claimed, and a dry run of one that would neither shows nor claims', async (t) => {
  const instance = await instanceFor(t)
  const claims = () => instance.db.all(`select 1 as one from claims where command = 'get-user'`)
  await instance.call('set-user', { id: 'alice', user: { comment: 'no token' } })
  await instance.call('get-user', { id: 'alice' })
  await instance.call('set-user', { id: 'alice', user: { token: 'first-token' } })
  const dry = await instance.call('get-user', { id: 'alice' }, { dryRun: true })
  assert.deepEqual([dry.result.token, dry.dry_run, dry.replayed, await claims()], [null, true, undefined, []])
  assert.equal((await instance.call('get-user', { id: 'alice' })).result.token, 'first-token')
  assert.equal((await claims()).length, 1)
})
