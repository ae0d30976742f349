import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Closed, Int, Moment, Name, Paging, pages, Secret, Text, Type } from '../../schemas/types.js'
import { badNames, compile } from '../support/commands.js'

test('a name takes any character but control characters, and no white space at its edges', () => {
  const accepts = compile(Name(12, 'a name'))
  for (const name of [
    'a',
    'a b',
    'ptvn.dave',
    'Ölmühle',
    '日本',
    '\u{1f600}',
    '\u{1f600}'.repeat(12),
    '<script>',
    "o'hara",
  ]) {
    assert.ok(accepts(name), name)
  }
  for (const [what, name] of [...badNames, ['too long', 'x'.repeat(13)], ['no text', 7], ['null', null]]) {
    assert.ok(!accepts(name), String(what))
  }
})

test('a closed object takes what it lists and nothing else', () => {
  const accepts = compile(Closed({ a: Type.String() }))
  assert.deepEqual(
    [{ a: 'x' }, {}, { a: 'x', b: 1 }, { a: 'x', A: 'x' }, []].map((value) => accepts(value)),
    [true, false, false, false, false],
  )
})

test('a secret is a text or null, and is marked', () => {
  const schema = Secret('shown once')
  const accepts = compile(schema)
  assert.deepEqual(
    ['cs_x', null, undefined, 7].map((value) => accepts(value)),
    [true, true, false, false],
  )
  assert.equal(JSON.parse(JSON.stringify(schema)).secret, true)
})

test('bounds hold at both ends', () => {
  const rows: readonly (readonly [schema: object, good: readonly unknown[], bad: readonly unknown[]])[] = [
    [Int(1, 5, 'a number'), [1, 5], [0, 6, 1.5, '1', null, true]],
    [Moment('when'), [0, 253_402_300_799], [-1, 253_402_300_800, '0']],
    [Text(3, 'a text'), ['', 'abc', '\n', '\u{1f600}'.repeat(3)], ['abcd', 7, null]],
    [pages.page, [1, 1_000_000], [0, 1_000_001, -1]],
    [pages.pagesize, [1, 50], [0, 51]],
    [
      Paging,
      [{ page: 1, pagesize: 50, total: 0 }],
      [
        { page: 1, pagesize: 50 },
        { page: 1, pagesize: 50, total: '0' },
      ],
    ],
  ]
  for (const [schema, good, bad] of rows) {
    const accepts = compile(schema)
    for (const value of good) assert.ok(accepts(value), JSON.stringify(value))
    for (const value of bad) assert.ok(!accepts(value), JSON.stringify(value))
  }
})

test('pages default to the first 50', () => {
  const defaults = [pages.page, pages.pagesize].map((schema) => JSON.parse(JSON.stringify(schema)).default)
  assert.deepEqual(defaults, [1, 50])
})
