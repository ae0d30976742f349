import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { faultPaths, instanceFor } from '../support/commands.js'
import { makeAccount, makeKey, makeUser } from '../support/keys.js'

test('whoami tells account, principal, key and what key and principal both allow', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const observer = await makeUser(gateway, 'olga', { type: 2 }, ['users:*', 'streams:write'])
  const nobody = await makeUser(gateway, 'nora', { type: 3 })
  const rows = [
    [gateway.owner, 1, 'owner', ['*', 'instance']],
    [other, 2, 'owner', ['*']],
    [observer, 1, 'user', ['users:read']],
    [nobody, 1, 'user', []],
    [await makeKey(gateway, { permissions: [] }), 1, 'owner', []],
  ] as const
  for (const [by, cdn, kind, permissions] of rows) {
    const { code, result } = await gateway.run('whoami', {}, by)
    const { id } = result.principal
    assert.deepEqual(
      [code, result],
      [9011, { cdn, principal: { id, kind }, permissions, key_id: by.apiKey, address: '127.0.0.1' }],
    )
  }
  assert.equal((await gateway.run('whoami', {}, observer)).result.principal.id, 'olga')
})

test('whoami tells the address that the gateway saw', async (t) => {
  const gateway = await instanceFor(t)
  const { body } = signMessage('whoami', {}, gateway.owner, { timestamp: gateway.seconds() })
  const reply = JSON.parse((await gateway.post(body, { address: '2001:db8::7' })).body)
  assert.equal(reply.result.address, '2001:db8::7')
})

test('whoami takes no parameters', async (t) => {
  const gateway = await instanceFor(t)
  const reply = await gateway.run('whoami', { id: 'alice' })
  assert.deepEqual([reply.code, faultPaths(reply)], [1422, ['/id']])
})
