import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instanceFor } from '../../support/commands.js'
import { elsewhere } from '../../support/keys.js'

test('a trail that nobody touched holds, and nothing of how much others do is told', async (t) => {
  const gateway = await instanceFor(t)
  for (let n = 0; n < 3; n++) await gateway.run('set-user', { id: `user-${n}`, user: { type: 3 } })
  const { code, result } = await gateway.run('audit/verify')
  assert.equal(code, 9111)
  assert.deepEqual(result, { ok: true, first_broken: null, why: null })
})

test('the first row that does not hold is told, with the reason', async (t) => {
  const gateway = await instanceFor(t)
  for (let n = 0; n < 5; n++) await gateway.run('set-user', { id: `user-${n}`, user: { type: 3 } })
  await elsewhere(gateway, `update audit set principal = 'owner:another' where seq in (3, 4)`)
  const { code, result } = await gateway.run('audit/verify')
  assert.equal(code, 9110)
  assert.deepEqual([result.ok, result.first_broken], [false, 3])
  assert.match(result.why, /row 3 is not as it was written/)
})

test('a batch cannot carry it: everybody would wait', async (t) => {
  const gateway = await instanceFor(t)
  const { code, result } = await gateway.run('batch', {
    commands: [{ cmd: 'audit/verify' }, { cmd: 'ping' }],
    atomic: false,
  })
  assert.equal(code, 9031)
  assert.deepEqual(
    result.results.map((item: { code: number }) => item.code),
    [1422, 9001],
  )
})

test('a batch can list the trail', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
  const { result } = await gateway.run('batch', { commands: [{ cmd: 'audit/list' }] })
  assert.deepEqual([result.results[0].code, result.results[0].result.rows.length], [9101, 1])
})
