import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey, makeUser } from '../../support/keys.js'

test('the tokens of the account that have not ended are listed, whoever made them, and never the tokens themselves', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  await gateway.run('access-tokens/create', {}, other)
  await gateway.run('access-tokens/create', { expires_in: 60 })
  gateway.clock.offset += 61
  const made = (await gateway.run('access-tokens/create', { permissions: ['devices:read'] }, admin)).result
  const reply = await gateway.run('access-tokens/list')
  assert.equal(reply.code, 5041)
  const [{ created_at, ...token }, ...more] = reply.result.access_tokens
  assert.deepEqual(more, [])
  assert.deepEqual(token, {
    token_id: made.token_id,
    principal: { kind: 'user', id: 'admin' },
    permissions: ['devices:read'],
    ips: [],
    expires_at: made.expires_at,
    created_by: admin.apiKey,
  })
  assert.equal(created_at, made.expires_at - 86_400)
  assert.ok(!JSON.stringify(reply).includes(made.token))
})

test('access-tokens/list needs keys:write', async (t) => {
  const gateway = await instanceFor(t)
  for (const [code, permissions] of [
    [1403, ['*:read']],
    [1403, ['devices:*']],
    [5041, ['keys:write']],
  ] as const) {
    assert.equal((await gateway.run('access-tokens/list', {}, await makeKey(gateway, { permissions }))).code, code)
  }
})
