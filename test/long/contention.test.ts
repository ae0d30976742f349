import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comesAgain, contention, expected } from '../support/contention.js'
import { noPostgres } from '../support/postgres.js'

const seconds = 60
/** No client has fewer answers than this part of what the busiest one has. */
const leastShare = 0.5
/** Milliseconds: what a lock is waited for, and once more. */
const longestWait = 5_000

test('for a minute 24 clients change 20 users at random on two gateways: no deadlock, and nobody is starved', {
  skip: noPostgres ?? false,
}, async (t) => {
  const { deadlocks, codes, fewest, most, longest } = await contention(t, seconds * 1000)
  const answers = [...codes].reduce((total, [code, count]) => total + (expected.has(code) ? count : 0), 0)
  const again = codes.get(comesAgain) ?? 0
  const figures = `${Math.round(answers / seconds)} answers a second, ${fewest} to ${most} a client, the longest wait ${Math.round(longest)} ms, ${again} times 1411, ${deadlocks} deadlocks`
  t.diagnostic(figures)
  assert.equal(deadlocks, 0, figures)
  const unexpected = [...codes.keys()].filter((code) => code !== comesAgain && !expected.has(code))
  assert.deepEqual(unexpected, [], figures)
  assert.ok(fewest >= leastShare * most, figures)
  assert.ok(longest <= longestWait, figures)
})
