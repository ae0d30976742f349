import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comesAgain, contention, expected } from '../support/contention.js'
import { noPostgres } from '../support/postgres.js'

test('24 clients that change 20 users at random on two gateways never wait for each other in a circle', {
  skip: noPostgres ?? false,
}, async (t) => {
  const { deadlocks, codes, fewest } = await contention(t, 5_000)
  assert.equal(deadlocks, 0)
  // On a machine that is slow enough some wait longer than a lock may take, and come again.
  const unexpected = [...codes.keys()].filter((code) => code !== comesAgain && !expected.has(code))
  assert.deepEqual(unexpected, [], JSON.stringify([...codes]))
  assert.ok(fewest > 0, 'a client had no answer')
})
