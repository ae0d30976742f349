import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instanceFor } from '../support/commands.js'
import { makeAccount, makeKey } from '../support/keys.js'

const wanted = { video: 'match-1', app: 'live' }

test('a ticket is active until it ends, is used up, or is revoked', async (t) => {
  const gateway = await instanceFor(t)
  const make = async (params: object) => (await gateway.run('sevu.request', { ...wanted, ...params })).result.ticket.key
  const active = async (key: string) => (await gateway.run('sevu.status', { key })).result.active
  const [ending, limited, revoked] = [await make({ expire: '+10 minutes' }), await make({ uses: 2 }), await make({})]
  assert.deepEqual([await active(ending), await active(limited), await active(revoked)], [true, true, true])
  await gateway.run('sevu.revoke', { key: revoked })
  // Players count their uses in the table, not through commands.
  const use = () =>
    gateway.db.transaction((session) => session.run('update tickets set used = used + 1 where ticket = $1', [limited]))
  await use()
  assert.equal(await active(limited), true)
  await use()
  gateway.clock.offset += 601
  assert.deepEqual([await active(ending), await active(limited), await active(revoked)], [false, false, false])
})

test('a ticket of another account, or of nobody, is 2020', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const { key } = (await gateway.run('sevu.request', wanted)).result.ticket
  for (const [by, named] of [
    [other, key],
    [gateway.owner, `${key}0`],
    [gateway.owner, key.toUpperCase()],
  ] as const) {
    const reply = await gateway.run('sevu.status', { key: named }, by)
    assert.deepEqual([reply.code, reply.result], [2020, undefined])
  }
})

test('sevu.status needs streams:read', async (t) => {
  const gateway = await instanceFor(t)
  const { key } = (await gateway.run('sevu.request', wanted)).result.ticket
  for (const [permission, code] of [
    ['streams:read', 2021],
    ['*:read', 2021],
    ['streams:write', 1403],
  ] as const) {
    const by = await makeKey(gateway, { permissions: [permission] })
    assert.equal((await gateway.run('sevu.status', { key }, by)).code, code, permission)
  }
  for (const params of [{}, { key: '' }, { key: 'x'.repeat(257) }, { key, app: 'live' }]) {
    assert.equal((await gateway.run('sevu.status', params)).code, 1422)
  }
})
