import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instanceFor } from '../../support/commands.js'
import { makeKey } from '../../support/keys.js'

test('a device is let in from valid_from until just before valid_until, and with the right password only', async (t) => {
  // Noon, and not where a second ends.
  const start = 1_795_332_418
  let now = start
  const gateway = await instanceFor(t, { now: () => now * 1000 + 500 })
  const call = async (cmd: string, params: object) =>
    gateway.call(cmd, params, { timestamp: now, idempotencyKey: `job-${now}-${cmd}` })
  const validity = { valid_from: start + 100, valid_until: start + 200 }
  const { user_name, password } = (await call('device-passwords/create', { device_name: 'tv', ...validity })).result
  const at = async (offset: number, given = password) => {
    now = start + offset
    return call('device-passwords/check', { user_name, password: given })
  }
  for (const [offset, code] of [
    [0, 5062],
    [99, 5062],
    [100, 5061],
    [199, 5061],
    [200, 5062],
    [100_000, 5062],
  ] as const) {
    const reply = await at(offset)
    assert.deepEqual([reply.code, reply.result], [code, { device_name: 'tv', ...validity }], String(offset))
    const wrong = await at(offset, `${password}0`)
    assert.deepEqual([wrong.code, wrong.result], [5060, undefined])
  }
})

test('an unknown device and a wrong password are one answer', async (t) => {
  const gateway = await instanceFor(t)
  const { user_name } = (await gateway.run('device-passwords/create', { device_name: 'tv', valid_from: 0 })).result
  const answers = await Promise.all(
    [user_name, 'nobody', user_name.toUpperCase()].map(async (name) => {
      const { code, status, message, result } = await gateway.run('device-passwords/check', {
        user_name: name,
        password: 'wrong',
      })
      return { code, status, message, result }
    }),
  )
  assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1)
  assert.equal(answers[0]?.code, 5060)
})

test('devices are checked in a batch as well, each for itself', async (t) => {
  const gateway = await instanceFor(t)
  const { user_name, password } = (await gateway.run('device-passwords/create', { device_name: 'tv', valid_from: 0 }))
    .result
  const check = { cmd: 'device-passwords/check', user_name }
  const commands = [
    { ...check, password },
    { ...check, password: 'wrong' },
  ]
  const { code, result } = await gateway.run('batch', { commands, atomic: false })
  assert.deepEqual([code, result.results.map((item: { code: number }) => item.code)], [9031, [5061, 5060]])
})

test('device-passwords/check needs devices:read', async (t) => {
  const gateway = await instanceFor(t)
  const by = await makeKey(gateway, { permissions: ['devices:write'] })
  assert.equal((await gateway.run('device-passwords/check', { user_name: 'x', password: 'y' }, by)).code, 1403)
})
