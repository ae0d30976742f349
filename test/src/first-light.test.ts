import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testInstance } from '../support/instance.js'

test('a signed command runs, and its freshly signed twin gets the stored outcome', async () => {
  const gateway = await testInstance()
  await gateway.call('set-user', { id: 'alice', user: { type: 3 } })
  const first = await gateway.call('toggle-user', { id: 'alice' }, { idempotencyKey: 'job-0001' })
  const twin = await gateway.call(
    'toggle-user',
    { id: 'alice' },
    { idempotencyKey: 'job-0001', timestamp: gateway.seconds() + 1 },
  )
  assert.equal(first.code, 3021)
  assert.deepEqual([twin.code, twin.replayed, twin.result], [3021, true, { id: 'alice', enable: false }])
  await gateway.close()
})
