import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeParts, sampleOf } from '../support/access.js'
import { instanceFor } from '../support/commands.js'
import { makeKey } from '../support/keys.js'

test('a client of the account reads its own statistics with its own key, keeps its white list, locks itself out, and is let in again', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const media = await makeKey(gateway, { permissions: ['stats:write'] })
  const samples = ['sports-1', 'film'].map((stream) => sampleOf({ time: gateway.seconds(), stream }))
  for (const server of ['edge-1', 'edge-2']) await gateway.run('stats/report', { server, samples }, media)

  // The administrator gives access, one slice and one server.
  await gateway.run('set-user', { id: 'client', user: { type: 3, comment: 'no administrator' } })
  const opened = (await gateway.run('api-access/enable', { id: 'client' })).result
  const client = { apiKey: opened.api_id, secret: opened.secret }
  await gateway.run('slices/assign', { user: 'client', slices: ['sports'], servers: ['edge-1'] })

  // The client sees its API id, makes a secret that only it knows, and reads what it was given.
  assert.equal((await gateway.run('api-access/get', {}, client)).result.api_id, client.apiKey)
  const renewed = (await gateway.run('api-access/regenerate', { grace: 0 }, client)).result
  assert.equal((await gateway.run('stats/realtime', {}, client)).code, 1401)
  const own = { ...client, secret: renewed.secret }
  const mine = (await gateway.run('stats/realtime', { slice: 'sports', server: 'edge-1', group_by: 'stream' }, own))
    .result
  assert.equal(mine.totals.connections, 10)
  assert.deepEqual(
    mine.rows.map(({ group }: { group: string }) => group),
    ['sports-1'],
  )
  assert.equal((await gateway.run('stats/realtime', {}, own)).result.totals.connections, 10)
  for (const other of [{ slice: 'news' }, { server: 'edge-2' }]) {
    assert.equal((await gateway.run('stats/realtime', other, own)).code, 1403)
  }
  assert.equal((await gateway.run('list-users', {}, own)).code, 1403)

  // Its history is cut the same way.
  const now = gateway.seconds()
  const day = { from: now - 86_400, to: now + 1 }
  for (const bucket of ['1m', '1h', '1d']) {
    const { rows } = (await gateway.run('stats/indepth', { ...day, bucket, group_by: 'stream' }, own)).result
    assert.deepEqual(
      rows.map((row: { group: string; peak: number }) => [row.group, row.peak]),
      [['sports-1', 10]],
    )
  }
  for (const other of [{ slice: 'news' }, { server: 'edge-2' }]) {
    assert.equal((await gateway.run('stats/indepth', { ...day, ...other }, own)).code, 1403)
  }
  const date = new Date(now * 1000).toISOString().slice(0, 10)
  const daily = (await gateway.run('stats/daily', { date }, own)).result
  assert.deepEqual([daily.totals.connections, daily.servers.length, daily.streams.length], [10, 1, 1])

  // A white list without its own address.
  assert.equal((await gateway.run('api-access/whitelist', { ips: ['198.51.100.0/24'] }, own)).code, 6041)
  const refused = await gateway.run('stats/realtime', {}, own)
  assert.deepEqual([refused.code, refused.address], [1406, '127.0.0.1'])
  await gateway.run('api-access/whitelist', { id: 'client', ips: ['127.0.0.0/8'] })
  assert.equal((await gateway.run('stats/realtime', {}, own)).code, 7211)
  await gateway.run('api-access/disable', { id: 'client' })
  assert.equal((await gateway.run('stats/realtime', {}, own)).code, 1407)
})
