import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeParts, sampleOf, userWithAccess } from '../../support/access.js'
import { type CommandInstance, faultPaths, instanceFor } from '../../support/commands.js'
import { makeAccount } from '../../support/keys.js'

const [minute, hour, day] = [60, 3_600, 86_400]

/** A gateway whose clock stands half an hour after noon, UTC. */
async function atNoon(t: Parameters<typeof instanceFor>[0], options: Parameters<typeof instanceFor>[1] = {}) {
  const gateway = await instanceFor(t, options)
  await makeParts(gateway)
  gateway.clock.offset += 2 * day - ((gateway.seconds() + 2 * day) % day) + 12.5 * hour
  return { gateway, noon: gateway.seconds() - (gateway.seconds() % hour) }
}

const report = (gateway: CommandInstance, server: string, ...samples: object[]) =>
  gateway.run('stats/report', { server, samples })

test('connections, bytes and view seconds add up; the peak is that of the greatest minute, of all together', async (t) => {
  const { gateway, noon } = await atNoon(t)
  const sample = (time: number, stream: string, connections: number) => sampleOf({ time, stream, connections })
  await report(gateway, 'edge-1', sample(noon, 'a', 10), sample(noon + minute, 'a', 4))
  await report(gateway, 'edge-2', sample(noon, 'b', 1), sample(noon + minute, 'b', 6), sample(noon + 90, 'b', 2))
  const asked = { from: noon, to: noon + hour }
  const { code, result } = await gateway.run('stats/indepth', asked)
  assert.equal(code, 7221)
  assert.deepEqual(result, {
    from: noon,
    to: noon + hour,
    time_zone: 'UTC',
    rows: [
      { from: noon, connections: 21, peak: 11, bytes_in: 500, bytes_out: 5_000, view_seconds: 60 * 19, viewers: 0 },
    ],
    paging: { page: 1, pagesize: 1_000, total: 1 },
  })
  const by = (await gateway.run('stats/indepth', { ...asked, group_by: 'stream' })).result.rows
  assert.deepEqual(
    by.map((row: { group: string; connections: number; peak: number }) => [row.group, row.connections, row.peak]),
    [
      ['a', 14, 10],
      ['b', 7, 6],
    ],
  )
})

test('what is asked for is rounded outwards to its rows, and a page is cut from them', async (t) => {
  const { gateway, noon } = await atNoon(t)
  const times = Array.from({ length: 8 }, (_, n) => noon + 5 * minute * n)
  await report(gateway, 'edge-1', ...times.map((time) => sampleOf({ time })))
  const ask = async (params: object) => (await gateway.run('stats/indepth', params)).result
  const fives = await ask({ from: noon + 301, to: noon + 899, bucket: '5m' })
  assert.deepEqual([fives.from, fives.to, fives.rows.length], [noon + 300, noon + 900, 2])
  const rows = { '1m': 8, '5m': 8, '1h': 1, '1d': 1 }
  for (const [bucket, count] of Object.entries(rows)) {
    assert.equal((await ask({ from: noon, to: noon + hour, bucket })).rows.length, count, bucket)
  }
  const page = await ask({ from: noon, to: noon + hour, bucket: '5m', page: 2, pagesize: 3 })
  assert.deepEqual(
    page.rows.map((row: { from: number }) => row.from),
    times.slice(3, 6),
  )
  assert.deepEqual(page.paging, { page: 2, pagesize: 3, total: 8 })
})

test('viewers are counted exactly in an hour and within 2 % in a day, whoever watched several streams once', async (t) => {
  const { gateway, noon } = await atNoon(t)
  const viewers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `v${from + n}`)
  for (const [server, from] of [
    ['edge-1', 0],
    ['edge-2', 2_000],
  ] as const) {
    await report(gateway, server, sampleOf({ time: noon, viewers: viewers(from, from + 3_000) }))
    await report(gateway, server, sampleOf({ time: noon - hour, viewers: viewers(from + 1_000, from + 4_000) }))
  }
  const ask = async (params: object) => {
    const { result } = await gateway.run('stats/indepth', { from: noon - hour, to: noon + hour, ...params })
    return result.rows.map((row: { viewers: number }) => row.viewers)
  }
  assert.deepEqual(await ask({ bucket: '1h' }), [5_000, 5_000])
  assert.deepEqual(await ask({ bucket: '1h', server: 'edge-1', group_by: 'stream' }), [3_000, 3_000])
  assert.deepEqual(await ask({}), [6_000])
  const long = { from: noon - 3 * day, to: noon + hour }
  for (const params of [long, { bucket: '1d' }, { ...long, slice: 'sports' }]) {
    const [told] = await ask(params)
    assert.ok(Math.abs(told / 6_000 - 1) < 0.02, `${told} of 6000`)
  }
})

test('a panel user is told of its part alone, and refused another server or slice, there or not', async (t) => {
  const { gateway, noon } = await atNoon(t)
  for (const server of ['edge-1', 'edge-2']) {
    await report(gateway, server, ...['sports-1', 'film'].map((stream) => sampleOf({ time: noon, stream })))
  }
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  await gateway.run('slices/assign', { user: 'alice', slices: ['sports'], servers: ['edge-1'] })
  const asked = { from: noon, to: noon + hour }
  for (const bucket of ['1m', '5m', '1h', '1d']) {
    const { rows } = (await gateway.run('stats/indepth', { ...asked, bucket, group_by: 'server' }, alice)).result
    assert.deepEqual(
      rows.map((row: { group: string; connections: number; peak: number }) => [row.group, row.connections, row.peak]),
      [['edge-1', 10, 10]],
    )
  }
  for (const other of [{ slice: 'news' }, { server: 'edge-2' }, { server: 'edge-9' }, { slice: 'none' }]) {
    assert.equal((await gateway.run('stats/indepth', { ...asked, ...other }, alice)).code, 1403)
  }
})

test('a server or slice that is not there, or is another account’s, is 7220', async (t) => {
  const { gateway, noon } = await atNoon(t)
  const other = await makeAccount(gateway, 2)
  await report(gateway, 'edge-1', sampleOf({ time: noon }))
  const ask = (part: object, by?: typeof other) =>
    gateway.run('stats/indepth', { from: noon, to: noon + hour, ...part }, by)
  assert.equal((await ask({ server: 'edge-9' })).code, 7220)
  assert.equal((await ask({ slice: 'none' })).code, 7220)
  assert.equal((await ask({ server: 'edge-1' }, other)).code, 7220)
  assert.deepEqual((await ask({}, other)).result.rows, [])
})

test('a time that is not kept any more is said, and so is one that ends before it begins', async (t) => {
  const { gateway, noon } = await atNoon(t, { statsRepeats: day, statsMinutes: 1, statsHours: 2, statsDays: 4 })
  const rows = [
    [{ from: noon, to: noon }, '/to'],
    [{ from: noon - 2 * day, to: noon, bucket: '1m' }, '/from'],
    [{ from: noon - 3 * day, to: noon, bucket: '1h' }, '/from'],
    [{ from: noon - 5 * day, to: noon, bucket: '1d' }, '/from'],
    [{ from: noon - 3 * day, to: noon - 2 * day }, '/from'],
  ] as const
  for (const [params, path] of rows) {
    const reply = await gateway.run('stats/indepth', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]], JSON.stringify(params))
  }
  const fine = await gateway.run('stats/indepth', { from: noon - 3 * day, to: noon })
  assert.deepEqual([fine.code, fine.result.from, fine.result.to], [7221, noon - 3.5 * day, noon + 0.5 * day])
})

test('each level is forgotten when its time is over, and what is left goes on to add up', async (t) => {
  const { gateway, noon } = await atNoon(t, { statsRepeats: hour, statsMinutes: 1, statsHours: 2, statsDays: 4 })
  const sent = await report(
    gateway,
    'edge-1',
    ...['sports-1', 'film'].map((stream) => sampleOf({ time: noon, stream, viewers: ['a'] })),
  )
  assert.equal(sent.result.accepted, 2)
  const kept = async () => {
    const counts: number[] = []
    for (const table of ['samples', 'stats_minutes', 'stats_hours', 'stats_viewers', 'stats_days', 'stats_series']) {
      const row = await gateway.db.get<{ rows: number }>(`select count(*) as rows from ${table}`)
      counts.push(row?.rows ?? 0)
    }
    return counts
  }
  const rows: readonly (readonly [days: number, kept: readonly number[]])[] = [
    [0, [2, 2, 7, 2, 7, 7]],
    [1, [0, 2, 7, 2, 7, 7]],
    [2, [0, 0, 7, 2, 7, 7]],
    [3, [0, 0, 0, 0, 7, 7]],
    [7, [0, 0, 0, 0, 0, 0]],
  ]
  const begin = gateway.clock.offset
  for (const [days, expected] of rows) {
    gateway.clock.offset = begin + days * (day - hour)
    await gateway.call('ping')
    await gateway.forget()
    assert.deepEqual(await kept(), expected, `${days} days`)
    if (days !== 3) continue
    const ask = async (part: object) =>
      (await gateway.run('stats/indepth', { from: noon - 12 * hour, to: noon + 12 * hour, bucket: '1d', ...part }))
        .result.rows
    const figures = { from: noon - 12 * hour, connections: 20, bytes_in: 200, bytes_out: 2_000, view_seconds: 1_200 }
    assert.deepEqual(await ask({}), [{ ...figures, peak: 20, viewers: 1 }])
    // Of two streams together it is not known without their hours.
    const [part] = await ask({ server: 'edge-1', group_by: 'app' })
    assert.deepEqual(part, { ...figures, group: 'live', peak: null, viewers: 1 })
  }
})

test('who watched a source in a minute is kept in a bounded row, as names and then as a sketch', async (t) => {
  const { gateway, noon } = await atNoon(t)
  const names = (message: number) => Array.from({ length: 1_000 }, (_, n) => `viewer-${message}-${n}`.padEnd(20, '-'))
  const ask = async (bucket: string) => {
    const { result } = await gateway.run('stats/indepth', { from: noon, to: noon + hour, bucket })
    return result.rows[0].viewers
  }
  const kept = () => gateway.db.get<{ size: number }>('select length(viewers) as size from stats_minutes')
  for (let message = 0; message < 5; message++) {
    // A repeated name counts once, in either form.
    const viewers = [...names(message), ...names(0).slice(0, 10)]
    await report(gateway, 'edge-1', sampleOf({ time: noon + message, viewers: [...new Set(viewers)] }))
    const expected = 1_000 * (message + 1)
    const told = await ask('1m')
    if (message < 2) assert.equal(told, expected)
    else assert.ok(Math.abs(told - expected) <= 0.02 * expected, `${told} of ${expected}`)
    assert.equal(await ask('1h'), expected)
    assert.ok(((await kept())?.size ?? 0) <= 65_536)
  }
})

test('a question that would read too many rows is refused, and says what to ask instead', async (t) => {
  const { gateway, noon } = await atNoon(t)
  await report(gateway, 'edge-1', sampleOf({ time: noon }))
  await gateway.db.transaction((session) =>
    session.run(
      `with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 300000)
       insert into stats_minutes select account, minute, series, n, samples, most, total, bytes_in, bytes_out, viewers
       from stats_minutes, numbers`,
    ),
  )
  const asked = { from: noon, to: noon + hour }
  const reply = await gateway.run('stats/indepth', { ...asked, bucket: '1m' })
  assert.deepEqual([reply.code, faultPaths(reply)], [1422, ['/from']])
  assert.match(reply.message, /ask for a shorter time/)
  assert.equal((await gateway.run('stats/indepth', { ...asked, bucket: '1h' })).code, 7221)
})
