import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeParts, sampleOf, userWithAccess } from '../../support/access.js'
import { faultPaths, instanceFor } from '../../support/commands.js'
import { mac } from '../../support/instance.js'
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

test('older history is taken from the command line, once however often it comes, for as long as minutes are kept', async (t) => {
  const [day, repeats] = [86_400, 600]
  const gateway = await instanceFor(t, { statsRepeats: repeats, statsMinutes: 3 })
  await makeParts(gateway)
  const begin = gateway.seconds() - 2 * day
  const minute = begin - (begin % 60)
  // Two samples of one source and minute come in different messages.
  const messages = [[minute, minute + 60], [minute + 20]].map((times) =>
    times.map((time) => sampleOf({ time, connections: time === minute ? 10 : 30, viewers: ['a'] })),
  )
  const send = async () => {
    const sent: number[] = []
    for (const samples of messages) {
      const outcome = await gateway.local('stats/report', { server: 'edge-1', samples }, { account: 1, uid: 0 })
      sent.push(Object(outcome.result).accepted)
    }
    return sent
  }
  const told = async () => {
    const [{ from, ...row }] = (await gateway.run('stats/indepth', { from: minute, to: minute + 120 })).result.rows
    return row
  }
  const expected = { connections: 60, peak: 30, bytes_in: 300, bytes_out: 3_000, view_seconds: 3_000, viewers: 1 }
  assert.deepEqual(await send(), [2, 1])
  for (const forgotten of [false, false, true]) {
    if (forgotten) gateway.clock.offset += repeats + 60
    await gateway.call('ping')
    await gateway.forget()
    assert.equal((await gateway.db.all('select * from samples')).length, forgotten ? 0 : 3)
    assert.deepEqual(await send(), [0, 0])
    assert.deepEqual(await told(), expected)
  }
  const signed = await gateway.run('stats/report', { server: 'edge-1', samples: messages[0] })
  assert.equal(signed.code, 1422)
  const tooOld = [sampleOf({ time: gateway.seconds() - 4 * day })]
  await assert.rejects(gateway.local('stats/report', { server: 'edge-1', samples: tooOld }, { account: 1, uid: 0 }))
})

test('history whose minutes and hours were forgotten counts in its day, and is not counted again by a gateway that keeps them for longer', async (t) => {
  const day = 86_400
  const kept = { statsRepeats: 600, statsMinutes: 1, statsHours: 1 }
  const short = await instanceFor(t, kept)
  await makeParts(short)
  const time = short.seconds() - (short.seconds() % day)
  const taken = async (by: typeof short, ...samples: object[]) => {
    const { result } = await by.local('stats/report', { server: 'edge-1', samples }, { account: 1, uid: 0 })
    return Object(result).accepted
  }
  const first = sampleOf({ time })
  assert.equal(await taken(short, first), 1)
  short.clock.offset += 6 * day
  await short.run('ping')
  await short.forget()
  assert.deepEqual(await short.db.all('select * from stats_hours'), [])
  const long = await instanceFor(t, { ...kept, statsMinutes: 30, statsHours: 30, folder: short.folder })
  long.clock.offset = short.clock.offset
  assert.equal(await taken(long, first), 0)
  // Nothing so young was forgotten.
  assert.equal(await taken(long, { ...first, time: time + 7_200 }), 1)
  assert.equal(await taken(long, { ...first, stream: 'other' }), 1)
  assert.equal(await taken(long, { ...first, time: time - 2 * day }), 1)
  const daily = { from: time, to: time + day, bucket: '1d', group_by: 'stream' }
  const { result } = await long.call('stats/indepth', daily, { by: short.owner })
  const figures = result.rows.map((row: { group: string; connections: number }) => [row.group, row.connections])
  assert.deepEqual(figures.sort(), [
    ['other', 10],
    ['sports-1', 20],
  ])
  const hourly = { from: time, to: time + 3_600, bucket: '1h' }
  assert.equal((await long.call('stats/indepth', hourly, { by: short.owner })).code, 1422)
})

test('samples are forgotten once no repeat of them would be taken any more, and not before', async (t) => {
  const gateway = await instanceFor(t, { statsRepeats: 600 })
  await makeParts(gateway)
  const time = gateway.seconds()
  const samples = [0, 100, 590].map((age) => sampleOf({ time: time - age }))
  await gateway.run('stats/report', { server: 'edge-1', samples })
  gateway.clock.offset += 550
  await gateway.call('ping')
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

test('a report may have 1 MiB, however its name is spelled, and no other command more than its limit', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const viewers = Array.from({ length: 4_000 }, (_, n) => `${n}`.padEnd(128, 'x'))
  const samples = [sampleOf({ time: gateway.seconds(), viewers })]
  const mebibyte = 1024 * 1024
  const envelope = { api_key: gateway.owner.apiKey, timestamp: gateway.seconds() }
  const report = JSON.stringify({ cmd: 'stats/report', ...envelope, server: 'edge-1', samples })
  const ping = JSON.stringify({ cmd: 'ping', ...envelope })
  const rows: readonly (readonly [body: string, length: number, code: number])[] = [
    [report, mebibyte, 7201],
    [report.replace('stats/report', 'stats\\/report'), mebibyte, 7201],
    [report, mebibyte + 1, 1413],
    [JSON.stringify({ cmd: 'set-user', ...envelope, id: 'a', user: { comment: 'stats/report' } }), mebibyte, 1413],
    [ping, 262_145, 1413],
    [ping, 262_144, 9001],
  ]
  for (const [text, length, code] of rows) {
    const body = text.padEnd(length)
    const reply = await gateway.post(body, { signature: mac(gateway.owner.secret, body) })
    assert.equal(JSON.parse(reply.body).code, code, `${length} ${text.slice(0, 40)}`)
  }
})
