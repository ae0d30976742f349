import assert from 'node:assert/strict'
import { test } from 'node:test'
import { styled, table } from '../../src/cli/table.js'

const head = ['id', 'count', 'comment']
const rows = [
  ['a', 5, 'first\tor\nsecond'],
  ['longer', 1200, '\x1b[31m\\'],
] as const

test('a listing is aligned on a terminal, numbers to the right, and tab-separated elsewhere; no cell breaks out of its place', () => {
  assert.equal(
    table(head, rows, { terminal: true, colour: false }),
    'id      count  comment\na           5  first\\tor\\nsecond\nlonger   1200  \\x1b[31m\\\\',
  )
  assert.equal(
    table(head, rows, { terminal: false, colour: false }),
    'id\tcount\tcomment\na\t5\tfirst\\tor\\nsecond\nlonger\t1200\t\\x1b[31m\\\\',
  )
})

test('without rows the head alone is printed; lists are joined, and what is not there is empty', () => {
  assert.equal(table(head, [], { terminal: true, colour: false }), 'id  count  comment')
  assert.equal(
    table(['a', 'b', 'c'], [[null, ['x', 'y'], true]], { terminal: false, colour: false }),
    'a\tb\tc\n\tx,y\ttrue',
  )
})

test('colour is only where it was asked for', () => {
  assert.equal(styled('red', 'x', false), 'x')
  assert.equal(table(['a'], [['b']], { terminal: true, colour: true }), '\x1b[1ma\x1b[0m\nb')
})
