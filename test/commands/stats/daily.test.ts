import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calendarOf } from '../../../src/zone.js'
import { makeParts, sampleOf, userWithAccess } from '../../support/access.js'
import { faultPaths, instanceFor } from '../../support/commands.js'

const [hour, day] = [3_600, 86_400]
const dateOf = (moment: number) => new Date(moment * 1000).toISOString().slice(0, 10)

test('a day is that of the account’s time zone: what came before its midnight is the day before', async (t) => {
  const gateway = await instanceFor(t, { statsRepeats: 3 * day })
  await makeParts(gateway)
  const zone = 'Asia/Kathmandu'
  await gateway.run('accounts/update', { account: 1, time_zone: zone })
  const begin = calendarOf(zone).dayOf(gateway.seconds() - day)
  const samples = [begin - 60, begin, begin + 12 * hour, begin + day - 1, begin + day].map((time) =>
    sampleOf({ time, viewers: [`${time}`, 'a'] }),
  )
  await gateway.run('stats/report', { server: 'edge-1', samples })
  // Noon there: the date is that of everywhere between UTC-11:45 and UTC+17:45.
  const date = dateOf(begin + 12 * hour)
  const { code, result } = await gateway.run('stats/daily', { date })
  assert.equal(code, 7231)
  const figures = { connections: 30, peak: 10, bytes_in: 300, bytes_out: 3_000, view_seconds: 1_800, viewers: 4 }
  assert.deepEqual(result, {
    date,
    from: begin,
    to: begin + day,
    time_zone: zone,
    totals: figures,
    servers: [{ group: 'edge-1', ...figures }],
    apps: [{ group: 'live', ...figures }],
    streams: [{ group: 'sports-1', ...figures }],
  })
})

test('a panel user is told of its part of a day, and of an empty day that nothing was reported', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  await gateway.run('slices/assign', { user: 'alice', slices: ['sports'], servers: ['edge-1'] })
  const date = dateOf(gateway.seconds())
  assert.deepEqual((await gateway.run('stats/daily', { date }, alice)).result.totals.connections, 0)
  for (const server of ['edge-1', 'edge-2']) {
    const samples = ['sports-1', 'film'].map((stream) => sampleOf({ time: gateway.seconds(), stream }))
    await gateway.run('stats/report', { server, samples })
  }
  const mine = (await gateway.run('stats/daily', { date }, alice)).result
  assert.deepEqual([mine.totals.connections, mine.servers.length, mine.streams.length], [10, 1, 1])
  assert.equal((await gateway.run('stats/daily', { date })).result.totals.connections, 40)
})

test('a day that is still to come, or is not kept any more, is 7230, and what is no day is 1422 or 7230', async (t) => {
  const gateway = await instanceFor(t, { statsMinutes: 1, statsHours: 1, statsDays: 2 })
  const now = gateway.seconds()
  for (const date of [dateOf(now + day), dateOf(now - 4 * day), '2026-02-30']) {
    assert.equal((await gateway.run('stats/daily', { date })).code, 7230, date)
  }
  for (const date of ['today', '2026-1-1', '']) {
    const reply = await gateway.run('stats/daily', { date })
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, ['/date']])
  }
})
