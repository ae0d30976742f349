import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from '../../src/turns.js'

interface Item {
  readonly source: string
  readonly size?: number
}

const slow = { from: 0.5, most: 4 }
const queue = (options = {}) => new Turns<Item>({ sizeOf: ({ size = 1 }) => size, ...options })

function add(turns: Turns<Item>, source: string, count: number, size = 1): void {
  for (let i = 0; i < count; i++) turns.add(source, { source, size })
}

const sourcesOf = (items: readonly Item[]): string => items.map(({ source }) => source).join('')

test('sources take turns, however much one of them has', () => {
  const turns = queue()
  add(turns, 'a', 1_000)
  add(turns, 'b', 2)
  add(turns, 'c', 1)
  assert.equal(sourcesOf(turns.take(6).items), 'abcaba')
  assert.equal(turns.length, 997)
  assert.equal(sourcesOf(turns.take(2_000).items), 'a'.repeat(997))
  assert.equal(turns.length, 0)
})

test('a lot has no more than its size, but one item if there is one', () => {
  const turns = queue()
  add(turns, 'a', 3, 100)
  assert.equal(turns.take(128).items.length, 1)
  assert.equal(turns.take(200).items.length, 2)
  assert.equal(turns.take(200).items.length, 0)
})

test('a source whose work takes long has fewer turns, and a lot little of it', () => {
  const turns = queue({ slow })
  for (let i = 0; i < 20; i++) {
    add(turns, 'a', 1)
    turns.charge(turns.take(1), 5)
  }
  for (let i = 0; i < 20; i++) {
    add(turns, 'b', 1)
    turns.charge(turns.take(1), 0.1)
  }
  add(turns, 'a', 100)
  add(turns, 'b', 30)
  const order: string[] = []
  while (turns.length > 0) {
    const lot = turns.take(1_000)
    const took = lot.items.reduce((sum, { source }) => sum + (source === 'a' ? 5 : 0.1), 0)
    turns.charge(lot, took)
    const text = sourcesOf(lot.items)
    assert.ok(text.split('a').length - 1 <= 1, text)
    order.push(text)
  }
  const before = order.join('').lastIndexOf('b')
  assert.ok(order.join('').slice(0, before).split('a').length - 1 <= 2, 'b had its time before')
})

test('of each of several sources a lot has its share of time, and what takes longer has a lot to itself', () => {
  const turns = queue({ share: 2.1, unitsOf: ({ size = 1 }: Item) => size })
  for (let i = 0; i < 100; i++) {
    add(turns, 'a', 1)
    turns.charge(turns.take(1), 0.5)
  }
  add(turns, 'a', 100)
  turns.add('b', { source: 'b', size: 1_000 })
  const lots: string[] = []
  while (turns.length > 0) lots.push(sourcesOf(turns.take(1_000).items))
  assert.ok(lots.includes('b'), lots.join(' '))
  assert.equal(Math.max(...lots.map((lot) => lot.length)), 5)
})

test('a source that comes alone has all of a lot', (t) => {
  t.mock.method(performance, 'now', () => 10_000)
  const turns = queue({ share: 2 })
  add(turns, 'b', 1)
  turns.take(1)
  t.mock.method(performance, 'now', () => 12_000)
  for (let i = 0; i < 40; i++) {
    add(turns, 'b', 1)
    turns.charge(turns.take(1), 0.5)
  }
  add(turns, 'b', 100)
  assert.equal(turns.take(1_000).items.length, 100)
})

test('a source that was away has saved no turns up', () => {
  const turns = queue()
  add(turns, 'a', 100)
  turns.charge(turns.take(100), 1_000)
  add(turns, 'a', 4)
  add(turns, 'b', 4)
  turns.charge(turns.take(1), 1)
  const { items } = turns.take(7)
  assert.ok(sourcesOf(items).indexOf('a') < 6, sourcesOf(items))
})

test('only those sources are taken that may be, and the others keep their place', () => {
  const turns = queue()
  add(turns, 'a', 2)
  add(turns, 'b', 2)
  assert.equal(sourcesOf(turns.take(9, (name) => name === 'b').items), 'bb')
  assert.equal(
    turns.whose((name) => name === 'b'),
    undefined,
  )
  assert.equal(turns.whose()?.name, 'a')
  assert.equal(sourcesOf(turns.take(9).items), 'aa')
})

test('what is dropped is dropped from the front of each source', () => {
  const turns = queue()
  for (const size of [1, 2, 9]) turns.add('a', { source: 'a', size })
  for (const size of [9, 1]) turns.add('b', { source: 'b', size })
  turns.drop(({ size = 0 }) => size < 5)
  assert.deepEqual([turns.lengthOf('a'), turns.lengthOf('b'), turns.length], [1, 2, 3])
})

test('sources that are gone are forgotten', () => {
  const turns = queue()
  for (let i = 0; i < 5_000; i++) {
    add(turns, `s${i}`, 1)
    turns.take(1)
  }
  const { sources } = turns as unknown as { sources: Map<string, unknown> }
  assert.ok(sources.size <= 1_025, `${sources.size}`)
})
