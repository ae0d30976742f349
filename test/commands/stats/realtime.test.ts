import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../../clients/typescript/index.js'
import { makeParts, sampleOf, userWithAccess } from '../../support/access.js'
import { type CommandInstance, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

/** Two servers, each with a stream of sports, one of news and one of neither; every stream has another number of connections. */
async function report(gateway: CommandInstance): Promise<void> {
  await makeParts(gateway)
  const time = gateway.seconds()
  const streams = [
    { app: 'live', stream: 'sports-1', connections: 1 },
    { app: 'news', stream: 'sports-2', connections: 2 },
    { app: 'news', stream: 'today', connections: 4 },
    { app: 'live', stream: 'film', connections: 8 },
  ]
  for (const [index, server] of ['edge-1', 'edge-2'].entries()) {
    const samples = streams.map((one) => sampleOf({ time, ...one, connections: one.connections * 16 ** index }))
    assert.equal((await gateway.run('stats/report', { server, samples })).code, 7201)
  }
}

const connections = async (gateway: CommandInstance, params: object = {}, by: Credentials = gateway.owner) => {
  const { code, result } = await gateway.run('stats/realtime', params, by)
  return code === 7211 ? result.totals.connections : code
}

test('slices add up, servers restrict, and one slice or server of those can be asked for', async (t) => {
  const gateway = await instanceFor(t)
  await report(gateway)
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  const rows: readonly (readonly [scope: object, params: object, expected: number])[] = [
    [{ slices: [], servers: [] }, {}, 1403],
    [{ slices: ['sports'], servers: [] }, {}, 0x33],
    [{ slices: ['sports', 'news'], servers: [] }, {}, 0x77],
    [{ slices: ['sports', 'news'], servers: ['edge-2'] }, {}, 0x70],
    [{ slices: [], servers: ['edge-1'] }, {}, 0x0f],
    [{ slices: ['sports'], servers: ['edge-1'] }, {}, 0x03],
    [{ slices: ['sports', 'news'], servers: [] }, { slice: 'news' }, 0x66],
    [{ slices: ['sports', 'news'], servers: [] }, { slice: 'news', server: 'edge-1' }, 0x06],
    [{ slices: ['sports'], servers: [] }, { slice: 'news' }, 1403],
    [{ slices: ['sports'], servers: ['edge-1'] }, { server: 'edge-2' }, 1403],
    [{ slices: ['sports'], servers: ['edge-1'] }, { server: 'edge-9' }, 1403],
    [{ slices: [], servers: ['edge-1'] }, { slice: 'news' }, 0x06],
    [{ slices: [], servers: ['edge-1'] }, { slice: 'none' }, 7210],
  ]
  for (const [scope, params, expected] of rows) {
    assert.equal((await gateway.run('slices/assign', { user: 'alice', ...scope })).code, 7131)
    assert.equal(await connections(gateway, params, alice), expected, JSON.stringify([scope, params]))
  }
})

test('without an assignment, holders of stats:read see the whole account; with one an observer is cut, too, and an administrator is not', async (t) => {
  const gateway = await instanceFor(t)
  await report(gateway)
  for (const type of [1, 2]) {
    const user = await userWithAccess(gateway, `user-${type}`, { type })
    assert.equal(await connections(gateway, {}, user), 0xff)
    await gateway.run('slices/assign', { user: `user-${type}`, slices: ['sports'] })
    assert.equal(await connections(gateway, {}, user), type === 2 ? 0x33 : 0xff)
  }
  const reader = await makeKey(gateway, { permissions: ['stats:read'] })
  assert.equal(await connections(gateway, {}, reader), 0xff)
  assert.equal(await connections(gateway, {}, await makeKey(gateway, { permissions: ['stats:write'] })), 1403)
  assert.equal(await connections(gateway, {}, await makeAccount(gateway, 2)), 0)
})

test('rows are by server, application, stream or slice, and a stream counts in every slice that matches it', async (t) => {
  const gateway = await instanceFor(t)
  await report(gateway)
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  await gateway.run('slices/assign', { user: 'alice', slices: ['sports'] })
  const rows = async (by: string, who = gateway.owner) => {
    const { result } = await gateway.run('stats/realtime', { group_by: by }, who)
    return result.rows.map((row: { group: string; connections: number }) => [row.group, row.connections])
  }
  assert.deepEqual(await rows('server'), [
    ['edge-2', 0xf0],
    ['edge-1', 0x0f],
  ])
  assert.deepEqual(await rows('app'), [
    ['live', 0x99],
    ['news', 0x66],
  ])
  assert.deepEqual(await rows('stream'), [
    ['film', 0x88],
    ['today', 0x44],
    ['sports-2', 0x22],
    ['sports-1', 0x11],
  ])
  assert.deepEqual(await rows('slice'), [
    ['news', 0x66],
    ['sports', 0x33],
  ])
  assert.deepEqual(await rows('slice', alice), [['sports', 0x33]])
  assert.deepEqual((await gateway.run('stats/realtime')).result.rows, [])
})

test('viewers are counted once, however many streams, servers and samples name them', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const time = gateway.seconds()
  const say = (server: string, stream: string, age: number, viewers: string[]) =>
    gateway.run('stats/report', { server, samples: [sampleOf({ time: time - age, stream, viewers })] })
  await say('edge-1', 'sports-1', 0, ['a', 'b'])
  await say('edge-1', 'sports-1', 10, ['b', 'c'])
  await say('edge-2', 'film', 0, ['a'])
  const { totals, rows } = (await gateway.run('stats/realtime', { group_by: 'stream' })).result
  assert.equal(totals.viewers, 3)
  assert.deepEqual(
    rows.map((row: { group: string; viewers: number }) => [row.group, row.viewers]),
    [
      ['film', 1],
      ['sports-1', 3],
    ],
  )
})

test('what is a minute old is not told any more', async (t) => {
  const gateway = await instanceFor(t)
  await report(gateway)
  gateway.clock.offset += 61
  assert.equal(await connections(gateway), 0)
})

test('a server or slice that is not there, or is another account’s, is 7210', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  await report(gateway)
  assert.equal(await connections(gateway, { server: 'edge-9' }), 7210)
  assert.equal(await connections(gateway, { slice: 'none' }), 7210)
  assert.equal(await connections(gateway, { server: 'edge-1' }, other), 7210)
  assert.equal(await connections(gateway, { slice: 'sports' }, other), 7210)
})
