import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultPaths, instanceFor } from '../support/commands.js'
import { makeKey } from '../support/keys.js'

test('ping answers whoever signs, even without any permission', async (t) => {
  const gateway = await instanceFor(t)
  const nobody = await makeKey(gateway, { permissions: [] })
  for (const by of [gateway.owner, nobody]) {
    const { code, result } = await gateway.run('ping', {}, by)
    assert.deepEqual([code, result], [9001, { pong: true }])
  }
})

test('ping takes no parameters', async (t) => {
  const gateway = await instanceFor(t)
  const reply = await gateway.run('ping', { host: 'a', 'a/b~c': 1 })
  assert.equal(reply.code, 1422)
  assert.deepEqual(faultPaths(reply), ['/a~1b~0c', '/host'])
})
