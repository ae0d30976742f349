import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CommandInstance, faultPaths, instanceFor } from '../support/commands.js'
import { makeKey } from '../support/keys.js'

const ids = async (gateway: CommandInstance, params: object = {}): Promise<string[]> =>
  (await gateway.run('list-users', params)).result.users.map(({ id }: { id: string }) => id)

async function withUsers(gateway: CommandInstance, users: Readonly<Record<string, object>>): Promise<void> {
  for (const [id, user] of Object.entries(users)) await gateway.run('set-user', { id, user: { comment: '', ...user } })
}

test('list-users shows everything of a user but password and token, to whoever asks', async (t) => {
  const gateway = await instanceFor(t)
  await withUsers(gateway, { alice: { type: 2, comment: 'c', token: 'play-4711', password: 'p', ip: '::1' } })
  const { code, result } = await gateway.run('list-users')
  const [{ created_at, updated_at, ...alice }] = result.users
  const expected = { id: 'alice', enable: true, type: 2, comment: 'c', ip: '::1', expire: 0, conlimit: 0 }
  assert.deepEqual([code, alice, result.paging], [3031, expected, { page: 1, pagesize: 50, total: 1 }])
  assert.ok(Number.isInteger(created_at) && Number.isInteger(updated_at))
})

test('nothing to list is an empty list', async (t) => {
  const gateway = await instanceFor(t)
  const { code, result } = await gateway.run('list-users')
  assert.deepEqual([code, result], [3031, { users: [], paging: { page: 1, pagesize: 50, total: 0 } }])
})

test('pages follow one another by login without gap or repeat, and the page past the end is empty', async (t) => {
  const gateway = await instanceFor(t)
  const logins = Array.from({ length: 7 }, (_, index) => `user-${index}`)
  await withUsers(gateway, Object.fromEntries(logins.toReversed().map((id) => [id, {}])))
  for (const pagesize of [1, 3, 7, 50]) {
    const pages: string[] = []
    for (let page = 1; page <= Math.ceil(7 / pagesize) + 1; page++) {
      const { result } = await gateway.run('list-users', { page: String(page), pagesize })
      assert.deepEqual(result.paging, { page, pagesize, total: 7 })
      pages.push(...result.users.map(({ id }: { id: string }) => id))
    }
    assert.deepEqual(pages, logins, `by ${pagesize}`)
  }
})

test('type, enable and q each narrow the list, and all that are given hold together', async (t) => {
  const gateway = await instanceFor(t)
  await withUsers(gateway, {
    anna: { type: 1, comment: 'Head' },
    bert: { type: 2, enable: false },
    carl: { type: 3, comment: 'friend of Anna' },
    dora: { type: 3, enable: false },
  })
  const rows: readonly (readonly [object, string[]])[] = [
    [{ type: 3 }, ['carl', 'dora']],
    [{ type: '1' }, ['anna']],
    [{ enable: true }, ['anna', 'carl']],
    [{ enable: '0' }, ['bert', 'dora']],
    [{ enable: 1 }, ['anna', 'carl']],
    [{ type: 3, enable: false }, ['dora']],
    [{ q: 'ANNA' }, ['anna', 'carl']],
    [{ q: 'anna', type: 1 }, ['anna']],
    [{ q: 'head' }, ['anna']],
    [{ q: 'r' }, ['bert', 'carl', 'dora']],
    [{ q: '' }, ['anna', 'bert', 'carl', 'dora']],
    [{ q: 'zz' }, []],
  ]
  for (const [params, expected] of rows) {
    const { result } = await gateway.run('list-users', params)
    assert.deepEqual(await ids(gateway, params), expected, JSON.stringify(params))
    assert.equal(result.paging.total, expected.length, JSON.stringify(params))
  }
})

test('what q holds is looked for as it stands: %, _, backslashes and quotes are no wildcards', async (t) => {
  const gateway = await instanceFor(t)
  const logins = ['50%', '50x', 'a_b', 'axb', 'back\\slash', "o'hara", 'ÉMILE', 'Straße', '\u{1f600}']
  await withUsers(gateway, Object.fromEntries(logins.map((id) => [id, {}])))
  const rows: readonly (readonly [q: string, expected: string[]])[] = [
    ['50%', ['50%']],
    ['%', ['50%']],
    ['_', ['a_b']],
    ['a_b', ['a_b']],
    ['\\', ['back\\slash']],
    ["'", ["o'hara"]],
    ["' or 1=1 --", []],
    ['*', []],
    ['ÉMILE', ['ÉMILE']],
    ['Straße', ['Straße']],
    ['\u{1f600}', ['\u{1f600}']],
  ]
  for (const [q, expected] of rows) assert.deepEqual(await ids(gateway, { q }), expected, q)
})

test('list-users refuses what is no page, no filter, or no parameter', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [params: object, path: string])[] = [
    [{ page: 0 }, '/page'],
    [{ page: -1 }, '/page'],
    [{ page: 1.5 }, '/page'],
    [{ page: '1e1' }, '/page'],
    [{ page: '' }, '/page'],
    [{ page: null }, '/page'],
    [{ page: 9_007_199_254_740_991 }, '/page'],
    [{ pagesize: 0 }, '/pagesize'],
    [{ pagesize: 51 }, '/pagesize'],
    [{ pagesize: '51' }, '/pagesize'],
    [{ type: 0 }, '/type'],
    [{ type: 4 }, '/type'],
    [{ enable: 'yes' }, '/enable'],
    [{ q: 7 }, '/q'],
    [{ q: 'a\u0000b' }, '/q'],
    [{ q: 'x'.repeat(129) }, '/q'],
    [{ limit: 10 }, '/limit'],
  ]
  for (const [params, path] of rows) {
    const reply = await gateway.run('list-users', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]], JSON.stringify(params))
  }
})

test('list-users needs users:read', async (t) => {
  const gateway = await instanceFor(t)
  for (const [permissions, code] of [
    [['users:read'], 3031],
    [['*:read'], 3031],
    [['users:write'], 1403],
    [['streams:*'], 1403],
  ] as const) {
    const by = await makeKey(gateway, { permissions })
    assert.equal((await gateway.run('list-users', {}, by)).code, code, permissions.join())
  }
})
