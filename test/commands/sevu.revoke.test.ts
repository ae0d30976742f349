import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instanceFor } from '../support/commands.js'
import { makeAccount, makeKey } from '../support/keys.js'

const wanted = { video: 'match-1', app: 'live' }

test('a ticket is revoked once; again, or one that is not there, is 2030', async (t) => {
  const gateway = await instanceFor(t)
  const { key } = (await gateway.run('sevu.request', wanted)).result.ticket
  const other = (await gateway.run('sevu.request', wanted)).result.ticket.key
  const first = await gateway.run('sevu.revoke', { key })
  assert.deepEqual([first.code, first.result ?? {}], [2031, {}])
  for (const gone of [key, 'foo.0.0']) assert.equal((await gateway.run('sevu.revoke', { key: gone })).code, 2030)
  assert.equal((await gateway.run('sevu.status', { key: other })).result.active, true)
})

test('a ticket of another account is 2030 and stays active', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const { key } = (await gateway.run('sevu.request', wanted)).result.ticket
  assert.equal((await gateway.run('sevu.revoke', { key }, other)).code, 2030)
  assert.equal((await gateway.run('sevu.status', { key })).result.active, true)
})

test('sevu.revoke needs streams:write', async (t) => {
  const gateway = await instanceFor(t)
  const { key } = (await gateway.run('sevu.request', wanted)).result.ticket
  const reader = await makeKey(gateway, { permissions: ['*:read'] })
  const writer = await makeKey(gateway, { permissions: ['streams:write'] })
  assert.deepEqual(
    [
      (await gateway.run('sevu.revoke', { key }, reader)).code,
      (await gateway.run('sevu.revoke', { key }, writer)).code,
    ],
    [1403, 2031],
  )
  assert.equal((await gateway.run('sevu.revoke', {})).code, 1422)
})
