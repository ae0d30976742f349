import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { startChores } from '../../src/chores.js'

test('while the storage hangs no chores gather: one of each kind waits, and goes on by the clock afterwards', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const begun = { forget: 0, keepHead: 0 }
  let hang: Promise<void>
  let release: () => void = () => undefined
  const hanging = () => {
    hang = new Promise((resolve) => (release = resolve))
    return hang
  }
  hang = hanging()
  const instance = {
    async forget() {
      begun.forget++
      await hang
      return 0
    },
    async keepHead() {
      begun.keepHead++
      await hang
    },
  }
  const end = startChores(instance, pino({ level: 'silent' }))
  t.mock.timers.tick(3_600_000)
  assert.deepEqual(begun, { forget: 1, keepHead: 1 })
  release()
  await new Promise((resolve) => setImmediate(resolve))
  t.mock.timers.tick(60_000)
  assert.deepEqual(begun, { forget: 2, keepHead: 2 })
  end()
})
