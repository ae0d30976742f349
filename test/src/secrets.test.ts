import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../../commands/index.js'
import { Closed, Secret, Type } from '../../schemas/types.js'
import { secretPathsOf, showsSecret, withhold } from '../../src/secrets.js'

const token = Secret('a secret')
const text = Type.String()

type Row = readonly [what: string, schema: object, shown: object, withheld: object]

/** A schema, a result that shows its secrets, and the same result as it must look without them. */
const rows: readonly Row[] = [
  ['a member', Closed({ id: text, token }), { id: 'a', token: 's' }, { id: 'a', token: null }],
  ['an optional member', Closed({ token: Type.Optional(token) }), { token: 's' }, { token: null }],
  ['an empty secret', Closed({ token }), { token: '' }, { token: null }],
  [
    'a member of a member',
    Closed({ key: Closed({ id: text, token }) }),
    { key: { id: 'a', token: 's' } },
    { key: { id: 'a', token: null } },
  ],
  [
    'every element',
    Closed({ keys: Type.Array(Closed({ token })) }),
    { keys: [{ token: 's' }, { token: 't' }] },
    { keys: [{ token: null }, { token: null }] },
  ],
  [
    'one element among others',
    Closed({ keys: Type.Array(Closed({ token })) }),
    { keys: [{ token: null }, { token: 't' }] },
    { keys: [{ token: null }, { token: null }] },
  ],
  ['a list of secrets', Closed({ tokens: Type.Array(token) }), { tokens: ['s', 't'] }, { tokens: [null, null] }],
  [
    'lists in lists',
    Closed({ tokens: Type.Array(Type.Array(token)) }),
    { tokens: [['s'], []] },
    { tokens: [[null], []] },
  ],
  [
    'a map that is keyed by secrets',
    Closed({ all: Type.Unsafe<object>({ type: 'object', secret: true }) }),
    { all: { s: { enabled: true } } },
    { all: null },
  ],
  [
    'a list that is secret as a whole',
    Closed({ all: Type.Array(text, { secret: true }) }),
    { all: ['s'] },
    { all: null },
  ],
  ['a number', Closed({ pin: Type.Integer({ secret: true }) }), { pin: 0 }, { pin: null }],
  [
    'one of two shapes',
    Type.Union([Closed({ id: text }), Closed({ id: text, token })]),
    { id: 'a', token: 's' },
    { id: 'a', token: null },
  ],
  [
    'either shape of a member',
    Closed({ key: Type.Union([Closed({ token }), Type.Null()]) }),
    { key: { token: 's' } },
    { key: { token: null } },
  ],
  [
    'the values of a map',
    Closed({ keys: Type.Record(text, token) }),
    { keys: { a: 's', b: 't' } },
    { keys: { a: null, b: null } },
  ],
  ['a member named as an inherited one', Closed({ toString: token }), { toString: 's' }, { toString: null }],
]
for (const [what, schema, shown, withheld] of rows) {
  test(`a secret is found, and withheld from a copy: ${what}`, () => {
    const paths = secretPathsOf(schema)
    const before = structuredClone(shown)
    assert.equal(showsSecret(shown, paths), true)
    assert.deepEqual(withhold(shown, paths), withheld)
    assert.deepEqual(shown, before)
    assert.equal(showsSecret(withheld, paths), false)
  })
}

test('a result that shows no secret is handed on as it is', () => {
  const schema = Closed({ id: text, token: Type.Optional(token), keys: Type.Optional(Type.Array(Closed({ token }))) })
  const paths = secretPathsOf(schema)
  for (const result of [
    undefined,
    {},
    { id: 'a' },
    { id: 's', token: null },
    { keys: [] },
    { keys: [{ token: null }] },
    { keys: null },
  ]) {
    assert.equal(showsSecret(result, paths), false)
    assert.equal(withhold(result, paths), result)
  }
})

test('a schema without secrets has no paths', () => {
  assert.deepEqual(
    secretPathsOf(Closed({ id: text, list: Type.Array(Closed({ id: text })), secret: Type.Boolean() })),
    [],
  )
})

test('of the commands there are, these results hold secrets, and no others', () => {
  const found = commands
    .map(({ name, result }) => [name, secretPathsOf(result)] as const)
    .filter(([, paths]) => paths.length > 0)
  assert.deepEqual(new Map(found).get('get-user'), [['token']])
  for (const name of ['set-user', 'list-users', 'toggle-user', 'ping', 'whoami'])
    assert.ok(!found.some(([other]) => other === name), name)
})
