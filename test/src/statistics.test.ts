import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Cell } from '../../src/slices.js'
import { makeParts, sampleOf } from '../support/access.js'
import { instanceFor } from '../support/commands.js'

const sample = fc.record({
  server: fc.constantFrom('edge-1', 'edge-2'),
  app: fc.constantFrom('live', 'news'),
  stream: fc.constantFrom('sports-1', 'sports-2', 'film'),
  id: fc.constantFrom(undefined, 'worker-1', 'worker-2'),
  age: fc.integer({ min: 0, max: 90 }),
  connections: fc.nat(1_000),
  bytes_in: fc.nat(1_000_000),
  bytes_out: fc.nat(1_000_000),
  viewers: fc.option(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 }), { nil: undefined }),
})
type Sample = typeof sample extends fc.Arbitrary<infer T> ? T : never

const group = fc.constantFrom(undefined, 'server', 'app', 'stream', 'slice')
const question = fc.record({
  server: fc.constantFrom(undefined, undefined, 'edge-1', 'edge-2'),
  slice: fc.constantFrom(undefined, undefined, 'sports', 'news'),
  group_by: group,
})

const slices: Readonly<Record<string, (cell: Cell) => boolean>> = {
  sports: ({ stream }) => stream.startsWith('sports-'),
  news: ({ app }) => app === 'news',
}

/** By the definition: of each source its most connections, its bytes added up; a viewer once. */
function naive(samples: readonly Sample[]) {
  const most = new Map<string, number>()
  for (const { server, app, stream, id, connections } of samples) {
    const source = [server, app, stream, id].join()
    most.set(source, Math.max(most.get(source) ?? 0, connections))
  }
  return {
    connections: [...most.values()].reduce((a, b) => a + b, 0),
    bytes_in: samples.reduce((total, { bytes_in }) => total + bytes_in, 0),
    bytes_out: samples.reduce((total, { bytes_out }) => total + bytes_out, 0),
    viewers: new Set(samples.flatMap(({ viewers = [] }) => viewers)).size,
  }
}

test('whatever is reported, in whatever order and however often, the last minute is what the samples come to by definition', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  let asked = 0
  const order = fc.array(fc.nat(), { minLength: 1, maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(fc.array(sample, { maxLength: 25 }), order, question, async (drawn, picks, wanted) => {
      // A clock of its own: what other runs reported is long past.
      gateway.clock.offset += 200
      const time = gateway.seconds()
      const unique = new Map(drawn.map((one) => [[one.server, one.age, one.app, one.stream, one.id].join(), one]))
      const samples = [...unique.values()]
      const sent = [...picks.flatMap((pick) => samples.slice(pick % 30, (pick % 30) + 3)), ...samples]
      for (const { server, age, ...one } of sent) {
        await gateway.run('stats/report', { server, samples: [sampleOf({ time: time - age, ...one })] })
      }
      const { code, result } = await gateway.run('stats/realtime', wanted)
      assert.equal(code, 7211)
      const taken = samples.filter(
        (one) =>
          time - one.age > result.from &&
          time - one.age <= result.to &&
          (wanted.server === undefined || one.server === wanted.server) &&
          (wanted.slice === undefined || slices[wanted.slice]?.(one)),
      )
      assert.deepEqual(result.totals, naive(taken))
      const by = wanted.group_by
      for (const { group: name, ...row } of result.rows) {
        const own = taken.filter((one) => (by === 'slice' ? slices[name]?.(one) : Reflect.get(one, by ?? '') === name))
        assert.deepEqual(row, naive(own), `${by} ${name}`)
        asked++
      }
    }),
    { numRuns: 40, interruptAfterTimeLimit: 15_000 },
  )
  assert.ok(asked > 10)
})
