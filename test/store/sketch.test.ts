import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashOf, Sketch } from '../../src/store/sketch.js'

const names = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `viewer-${from + n}`)

function sketchOf(...given: string[][]): Sketch {
  const sketch = new Sketch()
  for (const name of given.flat()) sketch.add(hashOf(name))
  return sketch
}

test('up to 512 names are counted exactly, however often each comes, and through text and merging', () => {
  for (const count of [0, 1, 2, 300, 512]) {
    const sketch = sketchOf(names(0, count), names(0, count))
    assert.equal(sketch.count, count)
    const merged = Sketch.from(sketch.text)
    merged.mergeText(sketchOf(names(0, Math.min(count, 100))).text)
    assert.equal(merged.count, count)
    assert.equal(merged.text, sketch.text)
  }
})

test('more are told within 2 %, by one sketch as by many that are merged', () => {
  for (const count of [513, 2_000, 5_000, 20_000, 81_920, 100_000, 300_000]) {
    const whole = sketchOf(names(0, count))
    assert.ok(Math.abs(whole.count / count - 1) < 0.02, `${whole.count} for ${count}`)
    const merged = new Sketch()
    // Each half and the middle: most names are in two of them.
    for (const [from, to] of [
      [0, 0.5],
      [0.25, 0.75],
      [0.5, 1],
    ] as const) {
      merged.mergeText(sketchOf(names(Math.floor(from * count), Math.ceil(to * count))).text)
    }
    assert.equal(merged.count, whole.count)
    assert.equal(merged.text, whole.text)
  }
})

test('what is written of one is short, and has no character that a database or JSON would mind', () => {
  const { text } = sketchOf(names(0, 50_000))
  assert.equal(text.length, 32_769)
  assert.match(text, /^d[0-Z]+$/)
  assert.match(sketchOf(names(0, 512)).text, /^s[A-Za-z0-9_-]{4096}$/)
})
