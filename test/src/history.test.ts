import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Cell } from '../../src/slices.js'
import { calendarOf } from '../../src/zone.js'
import { makeParts, sampleOf, userWithAccess } from '../support/access.js'
import { instanceFor } from '../support/commands.js'

const zone = 'Asia/Kathmandu'
const [hour, day] = [3_600, 86_400]
/** How far back samples go. */
const reach = 4 * day

const sample = fc.record({
  server: fc.constantFrom('edge-1', 'edge-2'),
  app: fc.constantFrom('live', 'news'),
  stream: fc.constantFrom('sports-1', 'sports-2', 'film'),
  id: fc.constantFrom(undefined, 'worker-1'),
  // Most of them close together, so that they share minutes.
  age: fc.oneof({ weight: 4, arbitrary: fc.nat(90) }, fc.nat(3 * hour), fc.nat(reach - 1)),
  connections: fc.nat(1_000),
  bytes_in: fc.nat(1_000_000),
  bytes_out: fc.nat(1_000_000),
  viewers: fc.option(fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 3 }), { nil: undefined }),
})
type Drawn = typeof sample extends fc.Arbitrary<infer T> ? T : never
type Sample = Omit<Drawn, 'age'> & { readonly time: number }

const slices: Readonly<Record<string, (cell: Cell) => boolean>> = {
  sports: ({ stream }) => stream.startsWith('sports-'),
  news: ({ app }) => app === 'news',
}

const question = fc.record({
  ages: fc.tuple(fc.nat(reach), fc.nat(reach)),
  bucket: fc.constantFrom(undefined, '1m', '5m', '1h', '1d'),
  server: fc.constantFrom(undefined, undefined, 'edge-1', 'edge-2'),
  slice: fc.constantFrom(undefined, undefined, 'sports', 'news'),
  group_by: fc.constantFrom(undefined, 'server', 'app', 'stream', 'slice'),
  cut: fc.boolean(),
})

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
const groupBy = <T>(items: readonly T[], key: (item: T) => unknown): T[][] => {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(String(key(item)), [...(groups.get(String(key(item))) ?? []), item])
  return [...groups.values()]
}
const minuteOf = ({ time }: Sample) => Math.floor(time / 60)

/** By the definitions of docs/statistics.md, over every sample. */
function naive(samples: readonly Sample[]) {
  const sources = groupBy(samples, (one) => JSON.stringify([one.server, one.app, one.stream, one.id, minuteOf(one)]))
  const most = (own: readonly Sample[]) => Math.max(...own.map(({ connections }) => connections))
  const minutes = groupBy(sources, ([one]) => one && minuteOf(one))
  return {
    connections: sum(sources.map(most)),
    peak: Math.max(0, ...minutes.map((own) => sum(own.map(most)))),
    bytes_in: sum(samples.map(({ bytes_in }) => bytes_in)),
    bytes_out: sum(samples.map(({ bytes_out }) => bytes_out)),
    view_seconds: sum(
      sources.map((own) => Math.floor((60 * sum(own.map(({ connections }) => connections))) / own.length)),
    ),
    viewers: new Set(samples.flatMap(({ viewers = [] }) => viewers)).size,
  }
}

/** When the row begins that a sample belongs to. */
function beginOf(time: number, bucket: string | undefined, from: number): number {
  const calendar = calendarOf(zone)
  if (bucket === undefined) return from
  if (bucket === '1d') return calendar.dayOf(time)
  return bucket === '1h' ? calendar.hourOf(time) : time - (time % (bucket === '1m' ? 60 : 300))
}

test('whatever is reported, in whatever order and however often, rolled-up answers are what the samples come to by definition', async (t) => {
  const gateway = await instanceFor(t, { statsRepeats: 5 * day, statsMinutes: 5 })
  await makeParts(gateway)
  await gateway.run('accounts/update', { account: 1, time_zone: zone })
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  await gateway.run('slices/assign', { user: 'alice', slices: ['sports', 'news'], servers: ['edge-1'] })
  const seen = { rows: 0, multiple: 0, refused: 0 }
  const order = fc.array(fc.nat(), { minLength: 1, maxLength: 20 })

  async function asked(
    samples: readonly Sample[],
    now: number,
    wanted: typeof question extends fc.Arbitrary<infer T> ? T : never,
  ) {
    const { ages, cut, bucket, server, slice, group_by: by } = wanted
    const [from, to] = [now - Math.max(...ages), now - Math.min(...ages) + 1]
    const given = { bucket, server, slice, group_by: by }
    const params = { from, to, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
    const reply = await gateway.run('stats/indepth', params, cut ? alice : undefined)
    if (cut && server === 'edge-2') {
      seen.refused++
      return assert.equal(reply.code, 1403)
    }
    const { code, result } = reply
    assert.equal(code, 7221, JSON.stringify(reply))
    assert.ok(result.from <= from && result.to >= to)
    const taken = samples.filter(
      (one) =>
        one.time >= result.from &&
        one.time < result.to &&
        (server === undefined || one.server === server) &&
        (slice === undefined || slices[slice]?.(one)) &&
        (!cut || (one.server === 'edge-1' && Object.values(slices).some((matches) => matches(one)))),
    )
    const groupsOf = (one: Sample): (string | undefined)[] => {
      if (by === undefined) return [undefined]
      if (by !== 'slice') return [Reflect.get(one, by)]
      const told = Object.entries(slices).filter(([id]) => slice === undefined || id === slice)
      return told.filter(([, matches]) => matches(one)).map(([id]) => id)
    }
    const placed = taken.flatMap((one) =>
      groupsOf(one).map((group) => ({ one, group, from: beginOf(one.time, bucket, result.from) })),
    )
    const expected = groupBy(placed, (place) => `${place.from} ${place.group}`).map((own) => {
      const [first] = own
      const group = first?.group === undefined ? {} : { group: first.group }
      return { from: first?.from, ...group, ...naive(own.map(({ one }) => one)) }
    })
    const key = (row: { from?: number | undefined; group?: string }) => `${row.from} ${row.group}`
    const sorted = (rows: { from?: number | undefined; group?: string }[]) =>
      rows.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    assert.deepEqual(sorted(result.rows), sorted(expected), JSON.stringify(params))
    assert.equal(result.paging.total, expected.length)
    seen.rows += expected.length
    seen.multiple += Number(expected.length > 1)
  }

  await fc.assert(
    fc.asyncProperty(
      fc.array(sample, { maxLength: 60, size: 'max' }),
      order,
      fc.array(question, { minLength: 4, maxLength: 8 }),
      async (drawn, picks, questions) => {
        // A clock of its own: what other runs reported is long past.
        gateway.clock.offset += 6 * day
        const now = gateway.seconds()
        const named = drawn.map(({ age, ...one }): Sample => ({ ...one, time: now - age }))
        const samples = [
          ...new Map(
            named.map((one) => [JSON.stringify([one.server, one.time, one.app, one.stream, one.id]), one]),
          ).values(),
        ]
        const pieces = [...picks.map((pick) => samples.slice(pick % 60, (pick % 60) + 7)), samples]
        for (const piece of pieces) {
          for (const own of groupBy(piece, ({ server }) => server)) {
            const given = own.map(({ server, ...one }) => sampleOf(one))
            await gateway.run('stats/report', { server: own[0]?.server, samples: given })
          }
        }
        for (const wanted of questions) await asked(samples, now, wanted)
      },
    ),
    { numRuns: 60, interruptAfterTimeLimit: 12_000 },
  )
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 10, `${what}: ${count}`)
})
