import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterFor, postgresPrograms } from '../support/cluster.js'
import { countFaults, nodesFor, spread } from '../support/nodes.js'
import { unchecked } from '../support/server.js'

const count = Number(process.env.COUNT ?? 100_000)

test(`${count} commands over three nodes, one in a hundred sent again, while nodes are killed and PostgreSQL is restarted`, async (t) => {
  const bin = postgresPrograms()
  if (bin === undefined) return void unchecked(t, 'the programs of PostgreSQL are not installed')
  const cluster = await clusterFor(t, bin)
  const nodes = await nodesFor(t, 3, cluster.url)
  const events: Promise<unknown>[] = []
  let kills = 0
  const broken: unknown[] = []
  const onDone = (done: number) => {
    if (done % Math.ceil(count / 20) === 0)
      events.push(nodes.restart(kills++ % 3).catch((error: unknown) => broken.push(error)))
    if (done % Math.ceil(count / 8) === Math.ceil(count / 16)) cluster.restartAtOnce()
  }
  const begun = performance.now()
  const faults = await spread(nodes, { count, parallel: 48, resendOneIn: 100, tag: 'drill', onDone })
  await Promise.all(events)
  t.diagnostic(`${kills} kills; ${Math.round(count / ((performance.now() - begun) / 1000))} commands a second`)
  assert.deepEqual([...broken, ...faults], [])
  assert.deepEqual(await countFaults(nodes, 'drill', count), [])
})
