import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleOf } from '../support/access.js'
import { ClockedGateways } from '../support/clocked.js'
import { noPostgres } from '../support/postgres.js'

const day = 86_400

for (const engine of ['sqlite', 'postgres'] as const) {
  const skip = { skip: engine === 'postgres' && (noPostgres ?? false) }
  const on = `on ${engine}, of two processes`

  test(
    `${on}: the one with a smaller COUNTERSIGN_KEEP forgets nothing that the other has promised`,
    skip,
    async (t) => {
      const gateways = await ClockedGateways.on(engine, t)
      await gateways.set(-3 * day)
      const patient = await gateways.start({ KEEP: day })
      const job = { idempotencyKey: 'job-81-step-3' }
      assert.equal((await patient.call('count', { id: 'n' }, job)).code, 10001)
      const hasty = await gateways.start({ KEEP: 660 })
      assert.match(hasty.log(), /COUNTERSIGN_KEEP is 660 s here, but another process .* has promised 86400 s/)
      await patient.end()
      for (const later of [700, day - 60]) {
        await gateways.set(-3 * day + later)
        await hasty.call('ping')
        assert.equal(await hasty.forget(), 0)
        const again = await hasty.call('count', { id: 'n' }, job)
        assert.deepEqual([again.code, again.replayed], [10001, true])
      }
      await gateways.set(-3 * day + 2 * day + 700)
      await hasty.call('ping')
      assert.ok((await hasty.forget()) > 0)
    },
  )

  test(
    `${on}: the one with a larger COUNTERSIGN_WINDOW takes no message under a key whose claim the other has forgotten`,
    skip,
    async (t) => {
      const gateways = await ClockedGateways.on(engine, t)
      await gateways.set(-day)
      const narrow = await gateways.start({ WINDOW: 30, KEEP: 60 })
      const signed = (id: string, idempotencyKey: string) =>
        gateways.signed('count', { id }, { idempotencyKey, timestamp: gateways.now + 25 })
      // Both were signed, and neither has arrived when the first of each key is answered.
      const late = [signed('n', 'job-81-step-3'), signed('m', 'job-82-step-1')]
      assert.equal((await narrow.call('count', { id: 'n' }, { idempotencyKey: 'job-81-step-3' })).code, 10001)
      const made = await narrow.call('request-status', { of_idempotency_key: 'job-82-step-1', void: true })
      assert.equal(made.result?.state, 'void')
      await gateways.set(-day + 300)
      await narrow.call('ping')
      assert.ok((await narrow.forget()) > 0)
      const wide = await gateways.start({ WINDOW: 3_600, KEEP: 7_200 })
      for (const body of late) assert.equal((await wide.post(body)).code, 1402)
      assert.equal((await wide.call('count', { id: 'n' }, { idempotencyKey: 'job-83-step-1' })).result?.sum, 2)
    },
  )

  test(
    `${on}: the one with a larger COUNTERSIGN_STATS_REPEATS counts no sample twice that the other has forgotten`,
    skip,
    async (t) => {
      const gateways = await ClockedGateways.on(engine, t)
      await gateways.set(-2_000)
      const short = await gateways.start({ STATS_REPEATS: 600 })
      await short.call('servers/set', { id: 'edge-1', name: 'Edge 1' })
      const time = gateways.now
      const report = (sample: object) => ({ server: 'edge-1', samples: [sample] })
      const first = report(sampleOf({ time }))
      assert.deepEqual((await short.call('stats/report', first)).result, { accepted: 1, repeated: 0 })
      await gateways.set(0)
      await short.call('ping')
      await short.forget()
      const long = await gateways.start({ STATS_REPEATS: day })
      for (const gateway of [short, long]) assert.equal((await gateway.call('stats/report', first)).code, 1422)
      const fresh = report(sampleOf({ time: time + 1_000 }))
      assert.deepEqual((await long.call('stats/report', fresh)).result, { accepted: 1, repeated: 0 })
      const told = await long.call('stats/indepth', { from: time, to: time + 60, bucket: '1h' })
      const [row] = told.result?.rows ?? []
      assert.ok(row.connections === 10 || row.connections === 20, 'in the same hour or in another one')
      const imported = await long.local('stats/report', first)
      assert.deepEqual(imported.result, { accepted: 0, repeated: 1 })
      const doctor = await gateways.run(['doctor', '--json'], { STATS_REPEATS: day, PORT: 0 })
      assert.match(doctor.stdout, /COUNTERSIGN_STATS_REPEATS is 86400 s here, but what is from before .* was forgotten/)
      assert.match(long.log(), /COUNTERSIGN_STATS_REPEATS is 86400 s here, but what is from before .* was forgotten/)
    },
  )

  test(
    `${on}: the one that keeps minutes for longer tells none that the other has forgotten, and counts nothing of them twice`,
    skip,
    async (t) => {
      const gateways = await ClockedGateways.on(engine, t)
      await gateways.set(-6 * day)
      const short = await gateways.start({ STATS_MINUTES: 1, STATS_REPEATS: 600 })
      await short.call('servers/set', { id: 'edge-1', name: 'Edge 1' })
      const time = gateways.now - (gateways.now % 3_600)
      const samples = [sampleOf({ time }), sampleOf({ time: time + 60, stream: 'ingest', connections: 0 })]
      assert.deepEqual((await short.local('stats/report', { server: 'edge-1', samples })).result, {
        accepted: 2,
        repeated: 0,
      })
      await gateways.set(0)
      await short.call('ping')
      await short.forget()
      const long = await gateways.start({ STATS_MINUTES: 30, STATS_REPEATS: 600 })
      const asked = { from: time, to: time + 120 }
      assert.equal((await long.call('stats/indepth', { ...asked, bucket: '1m' })).code, 1422)
      const again = await long.local('stats/report', { server: 'edge-1', samples })
      assert.deepEqual(again.result, { accepted: 0, repeated: 2 })
      // What was never there is history like every other.
      const other = [
        sampleOf({ time: time - 7_200 }),
        sampleOf({ time: time - 7_140 }),
        sampleOf({ time, stream: 'other' }),
      ]
      for (const sample of other) {
        const taken = await long.local('stats/report', { server: 'edge-1', samples: [sample] })
        assert.deepEqual(taken.result, { accepted: 1, repeated: 0 })
      }
      const told = await long.call('stats/indepth', { ...asked, bucket: '1h', group_by: 'stream' })
      const figures = Object(told.result).rows.map((row: { group: string; bytes_in: number }) => [
        row.group,
        row.bytes_in,
      ])
      assert.deepEqual(figures.sort(), [
        ['ingest', 100],
        ['other', 100],
        ['sports-1', 100],
      ])
      const doctor = await gateways.run(['doctor', '--json'], { STATS_MINUTES: 30, STATS_REPEATS: 600, PORT: 0 })
      assert.match(doctor.stdout, /COUNTERSIGN_STATS_MINUTES is 2592000 s here, but what is from before/)
    },
  )
}
