import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeParts, userWithAccess } from '../../support/access.js'
import { faultPaths, instanceFor } from '../../support/commands.js'

test('a slice is made, listed, and changed as a whole', async (t) => {
  const gateway = await instanceFor(t)
  const set = async (match: object) => (await gateway.run('slices/set', { id: 'sports', name: 'Sports', match })).result
  const listed = async () => (await gateway.run('slices/list')).result.slices
  const first = { servers: ['edge-*'], streams: ['sports-*', 'goal'] }
  assert.deepEqual(await set(first), { id: 'sports', created: true })
  assert.deepEqual(await listed(), [{ id: 'sports', name: 'Sports', match: first }])
  assert.deepEqual(await set({}), { id: 'sports', created: false })
  assert.deepEqual(await listed(), [{ id: 'sports', name: 'Sports', match: {} }])
})

test('a list of globs is never empty: nobody knows whether that would be all or none', async (t) => {
  const gateway = await instanceFor(t)
  for (const [match, path] of [
    [{ apps: [] }, '/match/apps'],
    [{ apps: [''] }, '/match/apps/0'],
    [{ streams: 'sports-*' }, '/match/streams'],
    [{ vhosts: ['a'] }, '/match/vhosts'],
  ] as const) {
    const reply = await gateway.run('slices/set', { id: 'x', name: 'X', match })
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]])
  }
})

test('an account has at most 1,000 slices', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.db.transaction((session) =>
    session.run(
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < 1000)
       insert into slices (account, id, name, matches, created_at) select 1, 's' || i, 'x', '{}', 0 from n`,
    ),
  )
  assert.equal((await gateway.run('slices/set', { id: 'more', name: 'More', match: {} })).code, 7100)
})

test('whoever is limited to a slice cannot make it wider, nor assign another', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const observer = await userWithAccess(gateway, 'observer', { type: 2 })
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  for (const user of ['observer', 'alice']) await gateway.run('slices/assign', { user, slices: ['sports'] })
  for (const by of [observer, alice]) {
    assert.equal((await gateway.run('slices/set', { id: 'sports', name: 'All', match: {} }, by)).code, 1403)
    assert.equal((await gateway.run('slices/remove', { id: 'news' }, by)).code, 1403)
    assert.equal((await gateway.run('slices/assign', { user: 'alice', slices: ['news'] }, by)).code, 1403)
  }
})
