import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, findNul, type JsonValue, scanJson } from '../../src/json.js'
import { Refusal } from '../../src/refusal.js'
import { character, spelledObject } from './random-json.js'

const runs = { numRuns: 1_000 }

function refusalOf(text: string): string {
  let scanned: unknown
  try {
    scanned = scanJson(text)
  } catch (error) {
    assert.ok(error instanceof Refusal, `another exception: ${error}`)
    assert.equal(error.code, 'MALFORMED')
    return error.message
  }
  return assert.fail(`was read as ${JSON.stringify(scanned)}`)
}

test('reads what JSON.parse reads, whatever the spelling', () => {
  fc.assert(
    fc.property(spelledObject, (text) => assert.deepEqual(scanJson(text).value, JSON.parse(text))),
    runs,
  )
})

const policy = /stands twice|is refused|too large|nested deeper|more than 20000|lone surrogate/

test('a damaged text is refused where JSON.parse refuses it, is else read alike, or refused by policy: always 1400', () => {
  const edit = fc.tuple(
    fc.nat(),
    fc.nat(2),
    fc.oneof(character, fc.constantFrom('\0', '\x1f', '\ufeff', '\\u', '1e', '//')),
  )
  const outcomes = { invalid: 0, alike: 0 }
  fc.assert(
    fc.property(spelledObject, fc.array(edit, { minLength: 1, maxLength: 3 }), (text, edits) => {
      const characters = [...text]
      for (const [at, removed, inserted] of edits) characters.splice(at % characters.length, removed, inserted)
      const damaged = characters.join('')
      const expected = parse(damaged)
      if (expected === undefined || damaged.trimStart()[0] !== '{') {
        outcomes.invalid++
        refusalOf(damaged)
        return
      }
      try {
        assert.deepEqual(scanJson(damaged).value, expected)
        outcomes.alike++
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        assert.match(error.message, policy)
      }
    }),
    { numRuns: 3_000 },
  )
  assert.ok(outcomes.invalid > 100 && outcomes.alike > 100, JSON.stringify(outcomes))
})

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

test('the timestamp is reported as it was spelled, only at the top', () => {
  for (const spelled of ['1795332418', '1795332418.0', '1.7e9', '-0', '01795332418', ' 1']) {
    const inString = spelled.startsWith('0') || spelled.startsWith(' ')
    const text = `{"x":{"timestamp":7},"timestamp" : ${inString ? `"${spelled}"` : spelled} ,"y":[{"timestamp":8}]}`
    assert.equal(scanJson(text).timestamp, spelled)
  }
  assert.equal(scanJson('{"x":{"timestamp":7}}').timestamp, undefined)
})

test('U+0000 is noticed in a value and in a name, and found by its path', () => {
  const rows = [
    ['{"a":{"b/~":["x","\\u0000"]}}', '/a/b~1~0/1'],
    ['{"a":{"\\u0000":1}}', '/a'],
    ['{"a":"\\\\u0000"}', undefined],
  ] as const
  for (const [text, path] of rows) {
    const { value, hasNul } = scanJson(text)
    assert.deepEqual([hasNul, findNul(value)], [path !== undefined, path])
  }
})

test('two values have the same canonical text exactly when they are equal', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const [left, right] = [a, b].map((value) => JSON.parse(JSON.stringify(value)))
      assert.deepEqual(JSON.parse(canonicalJson(left)), left)
      assert.equal(
        canonicalJson(left) === canonicalJson(right),
        JSON.stringify(sorted(left)) === JSON.stringify(sorted(right)),
      )
      assert.equal(canonicalJson(sorted(left)), canonicalJson(left))
    }),
    runs,
  )
})

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? 1 : -1))
      .map(([name, inner]) => [name, sorted(inner)]),
  )
}
