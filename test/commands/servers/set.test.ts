import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeParts, userWithAccess } from '../../support/access.js'
import { badNames, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

test('a server is made, and afterwards only what is given is changed', async (t) => {
  const gateway = await instanceFor(t)
  const set = async (params: object) => (await gateway.run('servers/set', { id: 'edge-1', ...params })).result
  assert.deepEqual(await set({ name: 'One', host: 'one.example.org' }), { id: 'edge-1', created: true })
  assert.deepEqual(await set({ name: 'Two' }), { id: 'edge-1', created: false })
  const paging = (total: number) => ({ page: 1, pagesize: 50, total })
  const listed = { servers: [{ id: 'edge-1', name: 'Two', host: 'one.example.org' }], paging: paging(1) }
  assert.deepEqual((await gateway.run('servers/list')).result, listed)
  const other = await makeAccount(gateway, 2)
  assert.deepEqual((await gateway.run('servers/list', {}, other)).result, { servers: [], paging: paging(0) })
})

test('an account has at most 10,000 servers, which can still be changed', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.db.transaction((session) =>
    session.run(
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < 10000)
       insert into servers (account, id, name, host, created_at) select 1, 's' || i, 'x', '', 0 from n`,
    ),
  )
  assert.equal((await gateway.run('servers/set', { id: 'more', name: 'More' })).code, 7000)
  assert.equal((await gateway.run('servers/set', { id: 's1', name: 'One' })).code, 7001)
})

test('to name a server takes servers:write, which nobody has who was only assigned some', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const observer = await userWithAccess(gateway, 'observer', { type: 2 })
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  for (const user of ['observer', 'alice']) await gateway.run('slices/assign', { user, servers: ['edge-1'] })
  const reader = await makeKey(gateway, { permissions: ['servers:read'] })
  for (const by of [observer, alice, reader]) {
    assert.equal((await gateway.run('servers/set', { id: 'mine', name: 'Mine' }, by)).code, 1403)
  }
})

test('an id that could be taken for another is refused', async (t) => {
  const gateway = await instanceFor(t)
  for (const [what, id] of badNames) {
    assert.equal((await gateway.run('servers/set', { id, name: 'One' })).code, 1422, what)
  }
})
