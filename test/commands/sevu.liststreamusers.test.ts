import assert from 'node:assert/strict'
import { test } from 'node:test'
import { badNames, type CommandInstance, faultPaths, instanceFor } from '../support/commands.js'
import { makeKey } from '../support/keys.js'

async function withStreamUsers(gateway: CommandInstance, rows: readonly (readonly [string, string])[]): Promise<void> {
  for (const [app, stream] of rows) await gateway.run('sevu.addstreamuser', { app, stream, user: null })
}

const numbers = async (gateway: CommandInstance, params: object) =>
  (await gateway.run('sevu.liststreamusers', params)).result.data.map(
    ({ streamuser_id }: { streamuser_id: number }) => streamuser_id,
  )

test('a user that anybody may be is listed as null, and nothing to list is an empty list', async (t) => {
  const gateway = await instanceFor(t)
  const paging = { page: 1, pagesize: 50, total: 0 }
  const empty = await gateway.run('sevu.liststreamusers')
  assert.deepEqual([empty.code, empty.result], [2071, { data: [], paging }])
  await withStreamUsers(gateway, [['demo', 'main']])
  const { result } = await gateway.run('sevu.liststreamusers')
  const [{ created_at, ...row }] = result.data
  assert.deepEqual(row, { streamuser_id: 1, app: 'demo', stream: 'main', user: null })
  assert.ok(Number.isInteger(created_at))
})

test('app and stream narrow the list, each as it stands: * is no wildcard', async (t) => {
  const gateway = await instanceFor(t)
  await withStreamUsers(gateway, [
    ['demo', 'main'],
    ['demo', '*'],
    ['live', 'main'],
    ['de%', 'm_in'],
  ])
  const rows: readonly (readonly [object, number[]])[] = [
    [{}, [1, 2, 3, 4]],
    [{ app: 'demo' }, [1, 2]],
    [{ stream: 'main' }, [1, 3]],
    [{ app: 'demo', stream: 'main' }, [1]],
    [{ stream: '*' }, [2]],
    [{ app: '*' }, []],
    [{ app: 'de%' }, [4]],
    [{ stream: 'm_in' }, [4]],
    [{ app: 'DEMO' }, []],
  ]
  for (const [params, expected] of rows) {
    assert.deepEqual(await numbers(gateway, params), expected, JSON.stringify(params))
    assert.equal((await gateway.run('sevu.liststreamusers', params)).result.paging.total, expected.length)
  }
})

test('pages follow one another by number without gap or repeat', async (t) => {
  const gateway = await instanceFor(t)
  await withStreamUsers(
    gateway,
    ['a', 'b', 'c', 'd', 'e'].map((stream) => ['demo', stream]),
  )
  const pages = [1, 2, 3, 4].map((page) => numbers(gateway, { page, pagesize: '2' }))
  assert.deepEqual(await Promise.all(pages), [[1, 2], [3, 4], [5], []])
})

test('sevu.liststreamusers refuses what is no page, no filter, or no parameter', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [params: object, path: string])[] = [
    [{ page: 0 }, '/page'],
    [{ pagesize: 51 }, '/pagesize'],
    [{ app: null }, '/app'],
    [{ user: 'alice' }, '/user'],
    [{ streamuser_id: 1 }, '/streamuser_id'],
    ...badNames.map(([, app]) => [{ app }, '/app'] as const),
    ...badNames.map(([, stream]) => [{ stream }, '/stream'] as const),
  ]
  for (const [params, path] of rows) {
    const reply = await gateway.run('sevu.liststreamusers', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]], JSON.stringify(params))
  }
})

test('sevu.liststreamusers needs streams:read', async (t) => {
  const gateway = await instanceFor(t)
  for (const [permissions, code] of [
    [['streams:read'], 2071],
    [['*:read'], 2071],
    [['streams:write', 'users:*'], 1403],
  ] as const) {
    const by = await makeKey(gateway, { permissions })
    assert.equal((await gateway.run('sevu.liststreamusers', {}, by)).code, code, permissions.join())
  }
})
