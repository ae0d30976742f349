import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../../commands/index.js'
import { register } from '../../src/catalogue.js'

interface Schema {
  readonly pattern?: string
  readonly maxLength?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
}

const inner = (schema: unknown): unknown[] =>
  typeof schema === 'object' && schema !== null ? [schema, ...Object.values(schema).flatMap(inner)] : []

const schemas = commands.flatMap(({ name, params }) =>
  inner(params).map((schema) => ({ name, schema: schema as Schema })),
)

const bodyLimit = 262_144

/** Milliseconds that work takes; the least of three when the machine did something else meanwhile. */
function leastOf(work: () => unknown): number {
  const took: number[] = []
  while (took.length === 0 || (took.length < 3 && Math.min(...took) >= 100)) {
    const started = performance.now()
    work()
    took.push(performance.now() - started)
  }
  return Math.min(...took)
}
const alphabets = ['a', '0', ' ', '.', ',', '-', ':', '/', '|', 'ab ', '1.', '0:', '\u00e9', '+1 ', '*']
const ends = ['', '!', '\0', '\n', ' ']

test('no pattern of any command’s parameters blows up on a text that it almost takes', { timeout: 60_000 }, () => {
  const patterns = schemas.filter(({ schema }) => typeof schema.pattern === 'string')
  assert.ok(patterns.length > 0)
  for (const { name, schema } of patterns) {
    const pattern = new RegExp(schema.pattern ?? '', 'u')
    const length = Math.min(schema.maxLength ?? bodyLimit, bodyLimit)
    for (const alphabet of alphabets) {
      for (const end of ends) {
        const text = alphabet.repeat(Math.ceil(length / alphabet.length)) + end
        const took = leastOf(() => pattern.test(text))
        assert.ok(
          took < 100,
          `${name}: ${schema.pattern} took ${took} ms on ${length} times ${JSON.stringify(alphabet)}`,
        )
      }
    }
  }
})

test('lists that must not repeat themselves are short', () => {
  for (const { name, schema } of schemas.filter(({ schema }) => schema.uniqueItems === true)) {
    assert.ok((schema.maxItems ?? Number.POSITIVE_INFINITY) <= 1_000, name)
  }
})

test('the largest parameters that a body can bring are judged in less than 100 ms by every command', {
  timeout: 120_000,
}, () => {
  const long = 'a'.repeat(bodyLimit)
  const wide = Object.fromEntries(Array.from({ length: 15_000 }, (_, i) => [`n${i}`, 0]))
  const list = Array.from({ length: 19_000 }, (_, i) => `${i}`)
  const registry = register(commands)
  for (const [name, { check, command }] of registry) {
    const members = Object.keys(Object(command.params).properties ?? {})
    for (const value of [long, wide, list]) {
      const given = Object.fromEntries(members.map((member) => [member, value]))
      const took = leastOf(() => check({ ...given }))
      assert.ok(took < 100, `${name}: ${took} ms`)
    }
  }
})
