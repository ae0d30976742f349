import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { SeenMacs } from '../../src/store/seen-macs.js'

const macOf = (n: number) => createHash('sha256').update(String(n)).digest('hex')

test('a MAC is seen once it was asked for, and is still known after four thousand others', () => {
  const macs = new SeenMacs()
  const all = Array.from({ length: 4_000 }, (_, n) => macOf(n))
  assert.ok(all.every((mac) => !macs.seen(mac)))
  assert.ok(all.every((mac) => macs.seen(mac)))
})

test('MACs that differ in one of their first 128 bits are two', () => {
  const macs = new SeenMacs()
  const mac = macOf(1)
  assert.equal(macs.seen(mac), false)
  for (let digit = 0; digit < 32; digit++) {
    for (const bit of [1, 2, 4, 8]) {
      const other = (Number.parseInt(mac.charAt(digit), 16) ^ bit).toString(16)
      assert.equal(macs.seen(mac.slice(0, digit) + other + mac.slice(digit + 1)), false, `digit ${digit}`)
    }
  }
})

test('of the last ten thousand nearly all are known, however many came before, and the oldest are forgotten', () => {
  const macs = new SeenMacs()
  const count = 200_000
  for (let n = 0; n < count; n++) assert.equal(macs.seen(macOf(n)), false)
  const known = (from: number, to: number) => {
    let found = 0
    for (let n = from; n < to; n++) if (macs.seen(macOf(n))) found++
    return found
  }
  assert.ok(known(count - 10_000, count) > 9_800)
  assert.equal(known(0, 1_000), 0)
})
