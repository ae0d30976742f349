import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instanceFor } from '../support/commands.js'
import { leastHold } from '../support/holds.js'
import { fillSlices, fillStreams } from '../support/largest.js'

/** Milliseconds: a busy machine takes some of them. */
const floor = 50

const questions: readonly (readonly [cmd: string, params: (now: number) => object])[] = [
  ['stats/realtime', () => ({ group_by: 'slice' })],
  ['stats/indepth', (now) => ({ from: now - 600, to: now, group_by: 'slice' })],
]

test('slices of globs that nearly match are told without holding the event loop', async (t) => {
  const gateway = await instanceFor(t)
  await fillSlices(gateway, 100)
  await fillStreams(gateway, 300)
  for (const [cmd, params] of questions) {
    const { value, longest } = await leastHold(() => gateway.call(cmd, params(gateway.seconds())), floor)
    assert.ok(value.code % 2 === 1 || value.code === 1504, JSON.stringify(value))
    assert.ok(longest < floor, `${cmd} held it for ${longest} ms`)
  }
})
