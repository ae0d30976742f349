import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClockGuard } from '../../src/clock-guard.js'

const minute = 60_000

/** Clocks that run on together, and a guard that began by them. */
function guarded(server?: number) {
  const time = { now: 1_800_000_000_000, monotonic: 5_000, server }
  const clocks = { now: () => time.now, monotonic: () => time.monotonic, server: async () => time.server }
  const guard = new ClockGuard(clocks)
  const pass = (ms: number) => {
    time.now += ms
    time.monotonic += ms
    if (time.server !== undefined) time.server += ms
  }
  return { guard, time, pass }
}

test('a clock is not believed in the first ten minutes, nor in the ten minutes after each jump', async () => {
  const { guard, time, pass } = guarded()
  for (let n = 0; n < 10; n++) {
    assert.equal(await guard.settled(), undefined)
    pass(minute)
  }
  assert.equal(await guard.settled(), time.now)
  for (const jump of [6_000, -6_000, 315_360_000_000, -315_360_000_000]) {
    time.now += jump
    for (let n = 0; n < 10; n++) {
      assert.equal(await guard.settled(), undefined, String(jump))
      pass(minute)
    }
    assert.equal(await guard.settled(), time.now)
  }
})

test('a clock that is slewed by some seconds an hour is believed', async () => {
  const { guard, time, pass } = guarded()
  for (let n = 0; n < 60; n++) {
    pass(minute)
    time.now += 100
    assert.equal(await guard.settled(), n < 9 ? undefined : time.now)
  }
})

test('a clock that is more than five seconds from the database server’s is at fault, and believed no further than that', async () => {
  const rows: readonly (readonly [ahead: number, fault: RegExp | undefined])[] = [
    [0, undefined],
    [4_900, undefined],
    [-4_900, undefined],
    [1_100_000, /^the clock is 1100 s ahead of the clock of the database server$/],
    [-6_000, /^the clock is 6 s behind/],
  ]
  for (const [ahead, fault] of rows) {
    const { guard, time, pass } = guarded(1_800_000_000_000 - ahead)
    pass(10 * minute)
    const said = await guard.fault()
    if (fault) assert.match(said ?? '', fault)
    else assert.equal(said, undefined)
    assert.equal(guard.ahead, ahead)
    const settled = await guard.settled()
    assert.equal(settled, fault ? undefined : Math.min(time.now, time.server ?? 0))
  }
})

test('a fault ends with its cause, and an answer that took long blames nobody', async () => {
  const { guard, time, pass } = guarded(1_800_000_020_000)
  pass(minute)
  assert.match((await guard.fault()) ?? '', /20 s behind/)
  time.now += 20_000
  pass(minute)
  assert.equal(await guard.fault(), undefined)
  const slow = new ClockGuard({
    now: () => time.now,
    monotonic: () => time.monotonic,
    async server() {
      // The server's clock is read at the beginning, and the answer takes 30 s.
      const read = time.now
      pass(30_000)
      return read
    },
  })
  assert.equal(await slow.fault(), undefined)
})
