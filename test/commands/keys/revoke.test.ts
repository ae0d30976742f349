import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../../clients/typescript/index.js'
import { type CommandInstance, instanceFor } from '../../support/commands.js'
import { makeKey } from '../../support/keys.js'

/** Makes a key with another one. */
async function child(gateway: CommandInstance, by: Credentials, permissions: string[]): Promise<Credentials> {
  const { code, result } = await gateway.run('keys/create', { permissions }, by)
  assert.equal(code, 6101)
  return { apiKey: result.key_id, secret: result.secret }
}

const codesOf = (gateway: CommandInstance, keys: readonly Credentials[]) =>
  Promise.all(keys.map(async (by) => (await gateway.run('ping', {}, by)).code))

test('revoke ends one key at once and for good, and leaves what it made', async (t) => {
  const gateway = await instanceFor(t)
  const parent = await makeKey(gateway, { permissions: ['keys:*'] })
  const made = await child(gateway, parent, ['keys:read'])
  const { code, result } = await gateway.run('keys/revoke', { key: parent.apiKey })
  assert.deepEqual([code, result.revoked], [6141, [parent.apiKey]])
  assert.deepEqual(await codesOf(gateway, [parent, made]), [1407, 9001])
  assert.equal((await gateway.run('keys/update', { key: parent.apiKey, enable: true })).code, 6120)
  assert.deepEqual(await codesOf(gateway, [parent, made]), [1407, 9001])
})

test('cascade ends every generation below a key, whoever else stands beside it', async (t) => {
  const gateway = await instanceFor(t)
  const top = await makeKey(gateway, { permissions: ['keys:*'] })
  const beside = await makeKey(gateway, { permissions: ['keys:*'] })
  const first = await child(gateway, top, ['keys:*'])
  const second = await child(gateway, first, ['keys:*'])
  // One that ended before does not hide what it made.
  await gateway.run('keys/revoke', { key: first.apiKey })
  const third = await child(gateway, second, ['keys:read'])
  const { code, result } = await gateway.run('keys/revoke', { key: top.apiKey, cascade: true }, beside)
  assert.deepEqual([code, result.revoked], [6141, [top.apiKey, second.apiKey, third.apiKey]])
  assert.deepEqual(await codesOf(gateway, [top, first, second, third, beside]), [1407, 1407, 1407, 1407, 9001])
})

test('a descendant that holds more than the caller makes it 1403, and nothing is revoked', async (t) => {
  const gateway = await instanceFor(t)
  const top = await makeKey(gateway, { permissions: ['keys:*'] })
  const by = await makeKey(gateway, { permissions: ['keys:*'] })
  const first = await child(gateway, top, ['keys:*'])
  const second = await child(gateway, first, ['keys:*'])
  const raised = { key: second.apiKey, permissions: ['keys:*', 'users:read'] }
  // What its maker does not hold it gets with a new secret.
  assert.equal((await gateway.run('keys/update', raised)).code, 1403)
  await gateway.run('keys/rotate', { key: second.apiKey, grace: 3600 })
  assert.equal((await gateway.run('keys/update', raised)).code, 6121)
  const cascade = { key: top.apiKey, cascade: true }
  for (const key of [raised.key, gateway.owner.apiKey]) {
    assert.equal((await gateway.run('keys/revoke', { key }, by)).code, 1403)
  }
  assert.equal((await gateway.run('keys/revoke', cascade, by)).code, 1403)
  assert.deepEqual(await codesOf(gateway, [top, first, second, gateway.owner]), [9001, 9001, 9001, 9001])
  // Ended, it holds nothing any more.
  await gateway.run('keys/revoke', { key: second.apiKey })
  assert.deepEqual((await gateway.run('keys/revoke', cascade, by)).result.revoked, [top.apiKey, first.apiKey])
})

test('a key that revokes itself with everything it made has spoken its last', async (t) => {
  const gateway = await instanceFor(t)
  const by = await makeKey(gateway)
  const made = await child(gateway, by, ['users:read'])
  assert.equal((await gateway.run('keys/revoke', { key: by.apiKey, cascade: true }, by)).code, 6141)
  assert.deepEqual(await codesOf(gateway, [by, made]), [1407, 1407])
})

test('revoking again ends nothing further and keeps the first moment; a key that is not there is 6140', async (t) => {
  const gateway = await instanceFor(t)
  const { apiKey: key } = await makeKey(gateway)
  const moment = async () => await gateway.db.get('select revoked_at from keys where key_id = $1', [key])
  await gateway.run('keys/revoke', { key })
  const first = await moment()
  gateway.clock.offset += 10
  const again = await gateway.run('keys/revoke', { key })
  assert.deepEqual([again.code, again.result.revoked, await moment()], [6141, [], first])
  for (const gone of ['ck_nobody', key.toLowerCase().slice(0, -1)]) {
    assert.equal((await gateway.run('keys/revoke', { key: gone, cascade: true })).code, 6140)
  }
})
