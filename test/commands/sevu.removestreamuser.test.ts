import assert from 'node:assert/strict'
import { test } from 'node:test'
import { badNames, type CommandInstance, faultPaths, instanceFor } from '../support/commands.js'
import { makeKey } from '../support/keys.js'

const one = { app: 'demo', stream: 'main', user: 'alice' }
const others = [
  { ...one, user: null },
  { ...one, user: 'bob' },
  { ...one, stream: '*' },
  { ...one, app: 'live' },
]

async function seeded(gateway: CommandInstance): Promise<void> {
  for (const row of [one, ...others]) await gateway.run('sevu.addstreamuser', row)
}

const left = async (gateway: CommandInstance): Promise<number[]> =>
  (await gateway.run('sevu.liststreamusers')).result.data.map(
    ({ streamuser_id }: { streamuser_id: number }) => streamuser_id,
  )

test('a stream user is removed by its number, by its names, or by both where they agree, and nobody else is', async (t) => {
  const rows: readonly (readonly [params: object, left: number[]])[] = [
    [{ streamuser_id: 1 }, [2, 3, 4, 5]],
    [{ streamuser_id: '1' }, [2, 3, 4, 5]],
    [one, [2, 3, 4, 5]],
    [{ ...one, streamuser_id: '1' }, [2, 3, 4, 5]],
    [{ streamuser_id: 1, user: 'alice' }, [2, 3, 4, 5]],
    [{ ...one, user: null }, [1, 3, 4, 5]],
    [{ streamuser_id: 2, user: null }, [1, 3, 4, 5]],
    [{ ...one, stream: '*' }, [1, 2, 3, 5]],
  ]
  for (const [params, expected] of rows) {
    const gateway = await instanceFor(t)
    await seeded(gateway)
    const { code, result } = await gateway.run('sevu.removestreamuser', params)
    assert.deepEqual([code, result, await left(gateway)], [2081, undefined, expected], JSON.stringify(params))
    assert.equal((await gateway.run('sevu.removestreamuser', params)).code, 2080, 'a second time there is none')
  }
})

test('what does not agree, or names nobody, removes nothing', async (t) => {
  const gateway = await instanceFor(t)
  await seeded(gateway)
  const rows = [
    { streamuser_id: 6 },
    { streamuser_id: 9_007_199_254_740_991 },
    { ...one, streamuser_id: 2 },
    { streamuser_id: 1, app: 'live' },
    { streamuser_id: 1, stream: '*' },
    { streamuser_id: 1, user: null },
    { streamuser_id: 2, user: 'alice' },
    { ...one, user: 'Alice' },
    { ...one, app: '*' },
    { app: '*', stream: '*', user: '*' },
  ]
  for (const params of rows) {
    const reply = await gateway.run('sevu.removestreamuser', params)
    assert.deepEqual([reply.code, reply.status], [2080, 'failure'], JSON.stringify(params))
  }
  assert.deepEqual(await left(gateway), [1, 2, 3, 4, 5])
})

test('sevu.removestreamuser refuses what does not name one stream user', async (t) => {
  const gateway = await instanceFor(t)
  await seeded(gateway)
  const rows: readonly object[] = [
    {},
    { app: 'demo' },
    { app: 'demo', stream: 'main' },
    { app: 'demo', user: 'alice' },
    { user: 'alice' },
    { streamuser_id: 0 },
    { streamuser_id: -1 },
    { streamuser_id: 1.5 },
    { streamuser_id: '01' },
    { streamuser_id: '1 ' },
    { streamuser_id: '1 or 1=1' },
    { streamuser_id: null },
    { streamuser_id: [1] },
    { streamuser_id: 9_007_199_254_740_992 },
    { ...one, pass: 'x' },
    ...badNames.flatMap(([, name]) => ['app', 'stream', 'user'].map((member) => ({ ...one, [member]: name }))),
  ]
  for (const params of rows) {
    const reply = await gateway.run('sevu.removestreamuser', params)
    assert.equal(reply.code, 1422, JSON.stringify(params))
    assert.ok(faultPaths(reply).length > 0)
  }
  assert.deepEqual(await left(gateway), [1, 2, 3, 4, 5])
})

test('sevu.removestreamuser needs streams:write', async (t) => {
  const gateway = await instanceFor(t)
  for (const [permissions, code] of [
    [['streams:write'], 2080],
    [['streams:*'], 2080],
    [['streams:read', 'users:*'], 1403],
    [['*:read'], 1403],
  ] as const) {
    const by = await makeKey(gateway, { permissions })
    assert.equal((await gateway.run('sevu.removestreamuser', one, by)).code, code, permissions.join())
  }
})
