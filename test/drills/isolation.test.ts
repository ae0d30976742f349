import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsOf, isolationDrill } from '../support/isolation/drill.js'

const seconds = Number(process.env.SECONDS ?? 5)

test('nine accounts keep their rate and their latency, whatever a tenth one does', {
  timeout: 1_200_000,
}, async (t) => {
  const largest = { users: 2_000, slices: 300, series: 200 }
  const result = await isolationDrill(t, { largest, seconds, normalSeconds: 3, only: process.env.PHASE })
  assert.deepEqual(result.phases.flatMap(faultsOf), [])
})
