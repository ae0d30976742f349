import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { covers, includes, intersect, type Permission, permissionsOfType } from '../../src/permissions.js'

/** Everything that can be asked for by a command, over three nouns. */
const nouns = ['users', 'streams', 'secrets']
const concrete: readonly Permission[] = [...nouns.flatMap((noun) => [`${noun}:read`, `${noun}:write`]), 'instance']
const wild: readonly Permission[] = ['*', '*:read', ...nouns.map((noun) => `${noun}:*`)]
const all = [...concrete, ...wild]

/** Protocol §11 as a list: what each permission lets one do, all told. */
const told: ReadonlyMap<Permission, readonly Permission[]> = new Map([
  ...concrete.map((permission): [Permission, Permission[]] => [permission, [permission]]),
  ['*', concrete.filter((permission) => permission !== 'instance')],
  ['*:read', ['users:read', 'streams:read']],
  ['users:*', ['users:read', 'users:write']],
  ['streams:*', ['streams:read', 'streams:write']],
  ['secrets:*', ['secrets:write']],
])

const list = fc.array(fc.constantFrom(...all), { maxLength: 5 })
const runs = { numRuns: 2_000 }

test('a permission includes what a command asks for exactly as the protocol lists it', () => {
  for (const held of all) {
    const given = concrete.filter((wanted) => includes(held, wanted))
    const listed = concrete.filter((wanted) => told.get(held)?.includes(wanted))
    assert.deepEqual(given, listed, held)
  }
})

const notIncluded: readonly (readonly [held: readonly Permission[], wanted: Permission, why: string])[] = [
  [['users:read', 'users:write'], 'users:*', 'read with write is not everything of the noun'],
  [['*:read'], 'secrets:read', 'reading everything does not read secrets'],
  [['secrets:*'], 'secrets:read', 'only secrets:read itself and * do'],
  [['*:read', 'secrets:*'], 'secrets:read', 'nor do both together'],
  [['*'], 'instance', '* is not instance'],
  [['instance'], 'users:read', 'instance is nothing else'],
  [['instance'], '*', 'instance is not *'],
  [['*:read', 'users:*', 'streams:*'], '*', 'many are not *'],
  [['users:*'], '*:read', 'one noun is not all of them'],
  [['*:read'], 'users:*', 'reading is not everything of a noun'],
  [['users:write'], 'users:read', 'writing is not reading'],
  [['user:*'], 'users:read', 'nouns are compared whole'],
  [['users:*'], 'user:read', 'nouns are compared whole'],
  [['*:write'], 'users:write', 'there is no *:write'],
  [['USERS:*'], 'users:read', 'case matters'],
  [[''], 'users:read', 'nothing gives nothing'],
  [[':*'], 'users:read', 'an empty noun is no wildcard'],
]
for (const [held, wanted, why] of notIncluded) {
  test(`${held.join(' + ') || '""'} does not cover ${wanted}: ${why}`, () => assert.equal(covers(held, wanted), false))
}

test('including is reflexive and transitive, and never both ways between two', () => {
  for (const a of all) {
    assert.ok(includes(a, a))
    for (const b of all) {
      if (a !== b) assert.ok(!(includes(a, b) && includes(b, a)), `${a} ${b}`)
      for (const c of all) if (includes(a, b) && includes(b, c)) assert.ok(includes(a, c), `${a} ${b} ${c}`)
    }
  }
})

test('whoever includes a permission can do all that it lets one do', () => {
  for (const a of all) {
    for (const b of all.filter((permission) => includes(a, permission))) {
      for (const wanted of told.get(b) ?? []) assert.ok(includes(a, wanted), `${a} ${b} ${wanted}`)
    }
  }
})

test('an intersection allows exactly what both lists allow', () => {
  fc.assert(
    fc.property(list, list, (a, b) => {
      const both = intersect(a, b)
      for (const wanted of all) {
        assert.equal(covers(both, wanted), covers(a, wanted) && covers(b, wanted), `${wanted} of ${both.join(' ')}`)
      }
    }),
    runs,
  )
})

test('an intersection is the same either way round, with itself, and in any grouping', () => {
  const same = (a: readonly Permission[], b: readonly Permission[]) => assert.deepEqual([...a].sort(), [...b].sort())
  fc.assert(
    fc.property(list, list, list, (a, b, c) => {
      same(intersect(a, b), intersect(b, a))
      same(intersect(intersect(a, b), c), intersect(a, intersect(b, c)))
      for (const wanted of all) assert.equal(covers(intersect(a, a), wanted), covers(a, wanted))
    }),
    runs,
  )
})

test('an intersection names nothing twice and nothing that another entry includes', () => {
  fc.assert(
    fc.property(list, list, (a, b) => {
      const both = intersect(a, b)
      assert.equal(new Set(both).size, both.length)
      for (const one of both) assert.ok(!both.some((other) => other !== one && includes(other, one)), both.join(' '))
    }),
    runs,
  )
})

test('a key never holds more than its principal: with everything it holds just what the principal does', () => {
  fc.assert(
    fc.property(list, (principal) => {
      const effective = intersect(['*', 'instance'], principal)
      for (const wanted of all) assert.equal(covers(effective, wanted), covers(principal, wanted))
      assert.deepEqual(intersect([], principal), [])
    }),
    runs,
  )
})

test('an administrator may do everything but instance, an observer read all but secrets, a regular user nothing', () => {
  const allowed = (type: number) => concrete.filter((wanted) => covers(permissionsOfType(type), wanted))
  assert.deepEqual(
    allowed(1),
    concrete.filter((wanted) => wanted !== 'instance'),
  )
  assert.deepEqual(allowed(2), ['users:read', 'streams:read'])
  for (const type of [3, 0, 4, -1, Number.NaN]) assert.deepEqual(allowed(type), [])
})
