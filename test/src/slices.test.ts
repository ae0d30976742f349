import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cellMatcher, matcherOf } from '../../src/globs.js'

const matchesGlob = (glob: string, name: string): boolean => matcherOf([glob])(name)

test('* is any run of characters, and nothing else in a glob is special', () => {
  const rows: readonly (readonly [glob: string, name: string, matches: boolean])[] = [
    ['*', '', true],
    ['*', 'a/b', true],
    ['sports-*', 'sports-', true],
    ['sports-*', 'sport', false],
    ['*-hd', 'a-hd', true],
    ['*-hd', 'a-hd2', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'acb', false],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['a?', 'ab', false],
    ['News', 'news', false],
    ['**', 'x', true],
  ]
  for (const [glob, name, matches] of rows) assert.equal(matchesGlob(glob, name), matches, `${glob} ${name}`)
})

test('a glob matches what the regular expression that says the same matches', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 })
  const names = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 })
  fc.assert(
    fc.property(letters, names, (glob, name) => {
      assert.equal(matchesGlob(glob, name), new RegExp(`^${glob.replaceAll(/\*+/g, '.*')}$`).test(name))
    }),
    { numRuns: 2_000 },
  )
})

test('a slice takes the streams that one glob of each of its lists matches', () => {
  const matches = cellMatcher(JSON.stringify({ servers: ['edge-*'], streams: ['a', 'b*'] }))
  assert.ok(matches({ server: 'edge-1', app: 'any', stream: 'bc' }))
  assert.ok(!matches({ server: 'edge-1', app: 'any', stream: 'c' }))
  assert.ok(!matches({ server: 'core', app: 'any', stream: 'a' }))
})
