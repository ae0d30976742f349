import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeParts, sampleOf, userWithAccess } from '../../support/access.js'
import { faultPaths, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey } from '../../support/keys.js'

test('a sample that comes again, in the same message or another one, changes nothing', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const media = await makeKey(gateway, { permissions: ['stats:write'] })
  const time = gateway.seconds()
  const [first, later] = [sampleOf({ time: time - 10 }), sampleOf({ time })]
  const report = async (...samples: object[]) =>
    (await gateway.run('stats/report', { server: 'edge-1', samples }, media)).result
  assert.deepEqual(await report(first, first), { accepted: 1, repeated: 1 })
  assert.deepEqual(await report({ ...first, connections: 99 }, later), { accepted: 1, repeated: 1 })
  assert.deepEqual(await report(later, first), { accepted: 0, repeated: 2 })
  const { totals } = (await gateway.run('stats/realtime')).result
  assert.deepEqual(totals, { connections: 10, bytes_in: 200, bytes_out: 2000, viewers: 0 })
})

test('samples of one moment are told apart by server, application, stream and id', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const time = gateway.seconds()
  const samples = [
    sampleOf({ time }),
    sampleOf({ time, app: 'vod' }),
    sampleOf({ time, stream: 'other' }),
    sampleOf({ time, id: 'worker-2' }),
  ]
  for (const server of ['edge-1', 'edge-2']) {
    const { result } = await gateway.run('stats/report', { server, samples })
    assert.deepEqual(result, { accepted: 4, repeated: 0 })
  }
  assert.equal((await gateway.run('stats/realtime')).result.totals.connections, 80)
})

test('a sample that is too old to know whether it is a repeat, or of the future, is named, and none is taken', async (t) => {
  const gateway = await instanceFor(t, { statsRepeats: 600 })
  await makeParts(gateway)
  const now = gateway.seconds()
  const times = [now, now - 700, now - 500, now + 400]
  const reply = await gateway.run('stats/report', {
    server: 'edge-1',
    samples: times.map((time) => sampleOf({ time })),
  })
  const paths = ['/samples/1/time', '/samples/3/time']
  assert.deepEqual([reply.code, faultPaths(reply)], [1422, paths])
  assert.deepEqual(await gateway.db.all('select * from samples'), [])
})

test('samples are forgotten once no repeat of them would be taken any more, and not before', async (t) => {
  const gateway = await instanceFor(t, { statsRepeats: 600 })
  await makeParts(gateway)
  const time = gateway.seconds()
  const samples = [0, 100, 590].map((age) => sampleOf({ time: time - age }))
  await gateway.run('stats/report', { server: 'edge-1', samples })
  gateway.clock.offset += 550
  await gateway.forget()
  assert.deepEqual(await gateway.db.all('select time from samples'), [{ time }])
  const again = await gateway.run('stats/report', { server: 'edge-1', samples: samples.slice(0, 1) })
  assert.deepEqual(again.result, { accepted: 0, repeated: 1 })
  assert.equal((await gateway.run('stats/report', { server: 'edge-1', samples })).code, 1422)
})

test('a server that nobody named, or another account named, is 7200', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  await makeParts(gateway)
  const samples = [sampleOf({ time: gateway.seconds() })]
  assert.equal((await gateway.run('stats/report', { server: 'edge-9', samples })).code, 7200)
  assert.equal((await gateway.run('stats/report', { server: 'edge-1', samples }, other)).code, 7200)
})

test('to report takes stats:write, which nobody has who may only read', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const samples = [sampleOf({ time: gateway.seconds() })]
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  await gateway.run('slices/assign', { user: 'alice', servers: ['edge-1'] })
  const reader = await makeKey(gateway, { permissions: ['*:read'] })
  for (const by of [alice, reader]) {
    assert.equal((await gateway.run('stats/report', { server: 'edge-1', samples }, by)).code, 1403)
  }
})

test('a message holds 1 to 1,000 samples, each whole', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const time = gateway.seconds()
  const many = (count: number) => Array.from({ length: count }, (_, i) => sampleOf({ time, stream: `s${i}` }))
  const report = (samples: object[]) => gateway.run('stats/report', { server: 'edge-1', samples })
  assert.deepEqual((await report(many(1_000))).result, { accepted: 1_000, repeated: 0 })
  for (const [samples, path] of [
    [many(1_001), '/samples'],
    [[], '/samples'],
    [[{ ...sampleOf({ time }), connections: -1 }], '/samples/0/connections'],
    [[{ ...sampleOf({ time }), app: undefined }], '/samples/0/app'],
    [[{ ...sampleOf({ time }), view_seconds: 1 }], '/samples/0/view_seconds'],
  ] as const) {
    const reply = await report([...samples])
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]])
  }
})
