import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { instanceFor } from './commands.js'
import { holding } from './holds.js'
import { fillRows, fillSlices, fillStreams } from './largest.js'
import { fillMade, heaviest } from './largest-writes.js'

/** Milliseconds: a message of 1 MiB takes some to be read and checked, and a busy machine takes others. */
const floor = 100
const attempts = 3
/** Codes of a call that did not reach its command, or not its end. */
const refused: ReadonlySet<number> = new Set([1400, 1403, 1413, 1414, 1422, 1500, 1503, 1504])

/** How long the heaviest calls of writes hold the event loop, and how long they may. Fails for a write without such calls. */
export async function holdsOf(
  t: Pick<TestContext, 'after'>,
  { names, rows, streams }: { names: readonly string[]; rows: number; streams: number },
): Promise<{ most: number; holds: { cmd: string; longest: number; code: number }[] }> {
  assert.deepEqual(
    names.filter((name) => !(name in heaviest)),
    [],
    'writes without calls in test/support/largest-writes.ts',
  )
  const gateway = await instanceFor(t, { bodyLimit: 1_048_576 })
  await fillStreams(gateway, streams)
  await fillRows(gateway, rows)
  await fillSlices(gateway, 20)
  await fillMade(gateway, rows)
  const pings: number[] = []
  for (let time = 0; time < 100; time++) {
    const began = performance.now()
    await gateway.call('ping')
    pings.push(performance.now() - began)
  }
  const most = Math.max(floor, 50 * (pings.sort((a, b) => a - b)[50] ?? 0))
  const wrong: string[] = []
  const holds: { cmd: string; longest: number; code: number }[] = []
  for (const [cmd, calls] of Object.entries(heaviest)) {
    for (const [which] of calls(0, gateway.seconds()).entries()) {
      let [longest, code] = [Number.POSITIVE_INFINITY, 0]
      // The best of some: what other processes do to a machine does not come again.
      for (let n = 0; n < attempts && longest >= most; n++) {
        const params = calls(n, gateway.seconds())[which] ?? {}
        const held = await holding(() => gateway.call(cmd, params))
        ;({ code } = held.value)
        if (refused.has(code)) wrong.push(JSON.stringify([cmd, held.value]).slice(0, 500))
        longest = Math.min(longest, held.longest)
      }
      holds.push({ cmd, longest: Math.round(longest), code })
    }
  }
  assert.deepEqual(wrong, [], 'calls that were not run')
  return { most, holds }
}
