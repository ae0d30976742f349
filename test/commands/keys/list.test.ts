import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey, makeUser } from '../../support/keys.js'

test('keys/list shows every key of the account with all that was set, and no secret', async (t) => {
  const gateway = await instanceFor(t)
  await makeUser(gateway, 'alice', { type: 1 })
  const grant = {
    permissions: ['users:read'],
    ips: ['10.0.0.0/8'],
    expires_at: gateway.seconds() + 60,
    comment: 'panel',
  }
  const { key_id: id, secret } = (await gateway.run('keys/create', grant)).result
  await gateway.run('keys/revoke', { key: id })
  const reply = await gateway.run('keys/list')
  assert.equal(reply.code, 6111)
  const { keys } = reply.result
  assert.equal(keys.length, 3)
  const {
    created_at: createdAt,
    revoked_at: revokedAt,
    principal,
    ...key
  } = keys.find((one: { key_id: string }) => one.key_id === id)
  assert.deepEqual(key, {
    key_id: id,
    permissions: grant.permissions,
    ips: grant.ips,
    enable: true,
    expires_at: grant.expires_at,
    created_by: gateway.owner.apiKey,
    comment: 'panel',
    last_used_at: null,
    last_address: null,
  })
  assert.equal(principal.kind, 'owner')
  for (const moment of [createdAt, revokedAt]) assert.ok(Math.abs(moment - gateway.seconds()) < 60)
  for (const shown of [secret, gateway.owner.secret]) assert.ok(!JSON.stringify(reply).includes(shown))
})

test('the keys of another account are in no list, and cannot be named', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const listed = async (by = gateway.owner) =>
    (await gateway.run('keys/list', {}, by)).result.keys.map((key: { key_id: string }) => key.key_id)
  assert.deepEqual([await listed(), await listed(other)], [[gateway.owner.apiKey], [other.apiKey]])
  for (const [cmd, code] of [
    ['keys/update', 6120],
    ['keys/rotate', 6130],
    ['keys/revoke', 6140],
  ] as const) {
    const more = cmd === 'keys/update' ? { comment: 'mine' } : {}
    for (const [by, { apiKey: key }] of [
      [gateway.owner, other],
      [other, gateway.owner],
    ] as const) {
      const reply = await gateway.run(cmd, { key, ...more }, by)
      assert.deepEqual([reply.code, reply.result], [code, undefined], cmd)
    }
  }
  assert.deepEqual([(await gateway.run('ping')).code, (await gateway.run('ping', {}, other)).code], [9001, 9001])
})

test('keys/list needs keys:read and takes no parameters but pages', async (t) => {
  const gateway = await instanceFor(t)
  for (const [permission, code] of [
    ['keys:read', 6111],
    ['*:read', 6111],
    ['keys:write', 1403],
    ['users:*', 1403],
  ] as const) {
    const by = await makeKey(gateway, { permissions: [permission] })
    assert.equal((await gateway.run('keys/list', {}, by)).code, code, permission)
  }
  assert.equal((await gateway.run('keys/list', { of: 'x' })).code, 1422)
})
