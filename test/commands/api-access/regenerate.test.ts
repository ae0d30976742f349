import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../../clients/typescript/index.js'
import { makeParts, userWithAccess } from '../../support/access.js'
import { type CommandInstance, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

const works = async (gateway: CommandInstance, by: Credentials) => (await gateway.run('ping', {}, by)).code

test('a user renews its own secret; the old one works for the grace time, or not at all', async (t) => {
  const gateway = await instanceFor(t)
  const first = await userWithAccess(gateway, 'alice', { type: 3 })
  const { code, result } = await gateway.run('api-access/regenerate', { grace: 60 }, first)
  assert.deepEqual([code, result.api_id], [6031, first.apiKey])
  const second = { apiKey: first.apiKey, secret: result.secret }
  assert.deepEqual([await works(gateway, first), await works(gateway, second)], [9001, 9001])
  gateway.clock.offset += 62
  assert.deepEqual([await works(gateway, first), await works(gateway, second)], [1401, 9001])
  const third = (await gateway.run('api-access/regenerate', { grace: 0 }, second)).result
  assert.deepEqual(
    [await works(gateway, second), await works(gateway, { ...second, secret: third.secret })],
    [1401, 9001],
  )
})

test('the lineage is kept: what ran under an idempotency key before is answered from its outcome', async (t) => {
  const gateway = await instanceFor(t)
  const first = await userWithAccess(gateway, 'robot', { type: 1 })
  await gateway.run('set-user', { id: 'bob', user: { type: 3 } })
  const toggle = (by: Credentials, later: number) => {
    const envelope = { by, idempotencyKey: 'job-81-step-3', timestamp: gateway.seconds() + later }
    return gateway.call('toggle-user', { id: 'bob' }, envelope)
  }
  assert.equal((await toggle(first, 0)).code, 3021)
  const { secret } = (await gateway.run('api-access/regenerate', {}, first)).result
  const again = await toggle({ ...first, secret }, 1)
  assert.deepEqual([again.code, again.replayed], [3021, true])
  assert.equal((await gateway.run('get-user', { id: 'bob' })).result.enable, false)
})

test('nobody is shown the secret of somebody stronger, whatever it was that made it so', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const writer = await makeKey(gateway, { permissions: ['users:*'] })
  const limited = await makeKey(gateway, { addresses: ['127.0.0.0/8'] })
  await userWithAccess(gateway, 'root', { type: 1 })
  await userWithAccess(gateway, 'plain', { type: 3 })
  const assigned = await userWithAccess(gateway, 'assigned', { type: 3 })
  await gateway.run('slices/assign', { user: 'assigned', slices: ['sports'] })
  for (const [by, id, code] of [
    [writer, 'plain', 6031],
    [writer, 'root', 1403],
    [writer, 'assigned', 1403],
    [limited, 'plain', 1403],
    [assigned, 'plain', 1403],
    [gateway.owner, 'assigned', 6031],
  ] as const) {
    const before = await gateway.db.all('select * from keys')
    assert.equal((await gateway.run('api-access/regenerate', { id }, by)).code, code, id)
    if (code === 1403) assert.deepEqual(await gateway.db.all('select * from keys'), before)
  }
})

test('a weaker key of a user does not get at its API access', async (t) => {
  const gateway = await instanceFor(t)
  await userWithAccess(gateway, 'admin', { type: 1 })
  const weak = await makeKey(gateway, { user: 'admin', permissions: ['streams:*'] })
  for (const cmd of ['api-access/regenerate', 'api-access/disable']) {
    assert.equal((await gateway.run(cmd, {}, weak)).code, 1403)
  }
  assert.equal((await gateway.run('api-access/whitelist', { ips: [] }, weak)).code, 1403)
})

test('what is off, or not there, is 6030', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  await userWithAccess(gateway, 'alice', { type: 3 })
  assert.equal((await gateway.run('api-access/regenerate', { id: 'alice' }, other)).code, 6030)
  await gateway.run('api-access/disable', { id: 'alice' })
  for (const params of [{ id: 'alice' }, { id: 'nobody' }, {}]) {
    assert.equal((await gateway.run('api-access/regenerate', params)).code, 6030)
  }
  assert.equal((await gateway.run('api-access/regenerate', { id: 'alice', grace: -1 })).code, 1422)
})
