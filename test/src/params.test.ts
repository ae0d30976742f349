import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Closed, Int, Name, pages, Text, Type } from '../../schemas/types.js'
import { compileParams } from '../../src/params.js'

const check = compileParams(
  Closed({
    whole: Type.Optional(Int(-5, 2 ** 53 - 1, 'a whole number')),
    any: Type.Optional(Type.Integer()),
    real: Type.Optional(Type.Number()),
    flag: Type.Optional(Type.Boolean()),
    text: Type.Optional(Text(8, 'text')),
    name: Type.Optional(Name(8, 'name')),
    kind: Type.Optional(Type.Enum(['a', 'b'])),
    list: Type.Optional(Type.Array(Type.Integer(), { maxItems: 3 })),
    inner: Type.Optional(Closed({ flag: Type.Boolean(), n: Type.Optional(Type.Array(Closed({ x: Type.Integer() }))) })),
    either: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    end: Type.Optional(Type.Union([Int(0, 99, 'a moment'), Type.Null()])),
    amount: Type.Optional(Type.Union([Text(8, 'as spelled'), Int(0, 9, 'number')])),
  }),
)

type Row = readonly [what: string, given: Record<string, unknown>, read: Record<string, unknown> | readonly string[]]

/** What is given, and what it is read as, or the paths of the faults. */
const rows: readonly Row[] = [
  ['a number', { whole: 7 }, { whole: 7 }],
  ['a number as digits', { whole: '7' }, { whole: 7 }],
  ['zero as a digit', { whole: '0' }, { whole: 0 }],
  ['a negative number as digits', { whole: '-5' }, { whole: -5 }],
  ['the largest exact number as digits', { any: '9007199254740991' }, { any: 9007199254740991 }],
  ['digits that no double holds exactly', { any: '9007199254740993' }, ['/any']],
  ['more digits than a double holds', { any: '12345678901234567890' }, ['/any']],
  ['an integer written with a fraction of zero', { whole: 7.0 }, { whole: 7 }],
  ['a fraction for an integer', { whole: 7.5 }, ['/whole']],
  ['a real number', { real: 7.5 }, { real: 7.5 }],
  ['a number that may be null', { end: 7 }, { end: 7 }],
  ['digits for a number that may be null', { end: '7' }, { end: 7 }],
  ['null for a number that may be null', { end: null }, { end: null }],
  ['digits for what may be text or a number stay text', { amount: '7' }, { amount: '7' }],
  ['a number below its bound', { whole: '-6' }, ['/whole']],
  ['a leading zero', { whole: '07' }, ['/whole']],
  ['a plus sign', { whole: '+7' }, ['/whole']],
  ['white space round digits', { whole: ' 7' }, ['/whole']],
  ['a line feed after digits', { whole: '7\n' }, ['/whole']],
  ['digits with an exponent', { whole: '7e1' }, ['/whole']],
  ['digits in hexadecimal', { whole: '0x7' }, ['/whole']],
  ['digits of another script', { whole: '\u0667' }, ['/whole']],
  ['no digits', { whole: '' }, ['/whole']],
  ['a boolean for a number', { whole: true }, ['/whole']],
  ['null for a number', { whole: null }, ['/whole']],
  ['a list for a number', { whole: [7] }, ['/whole']],
  ['true', { flag: true }, { flag: true }],
  ['1 for true', { flag: 1 }, { flag: true }],
  ['"1" for true', { flag: '1' }, { flag: true }],
  ['0 for false', { flag: 0 }, { flag: false }],
  ['"0" for false', { flag: '0' }, { flag: false }],
  ['"true"', { flag: 'true' }, ['/flag']],
  ['"on"', { flag: 'on' }, ['/flag']],
  ['2 for a boolean', { flag: 2 }, ['/flag']],
  ['"" for a boolean', { flag: '' }, ['/flag']],
  ['null for a boolean', { flag: null }, ['/flag']],
  ['a number for text', { text: 7 }, ['/text']],
  ['a boolean for text', { text: true }, ['/text']],
  ['digits for text stay text', { text: '7' }, { text: '7' }],
  ['text that is too long', { text: '123456789' }, ['/text']],
  ['text of eight characters that are sixteen units', { text: '\u{1f600}'.repeat(8) }, { text: '\u{1f600}'.repeat(8) }],
  ['elements of a list', { list: ['1', 2, '3'] }, { list: [1, 2, 3] }],
  ['a bad element of a list', { list: ['1', 'x', 2.5] }, ['/list/1', '/list/2']],
  ['a list that is too long', { list: [1, 2, 3, 4] }, ['/list']],
  ['one element for a list', { list: '1' }, ['/list']],
  ['an object for a list', { list: { 0: 1 } }, ['/list']],
  ['members of an inner object', { inner: { flag: '1', n: [{ x: '4' }] } }, { inner: { flag: true, n: [{ x: 4 }] } }],
  ['a list for an inner object', { inner: [] }, ['/inner']],
  ['faults of an inner object', { inner: { n: [{ x: 'y', z: 1 }] } }, ['/inner/flag', '/inner/n/0/z', '/inner/n/0/x']],
  ['digits where text is possible stay text', { amount: '7', either: '1' }, { amount: '7', either: '1' }],
  ['a number where text or number is possible', { amount: 7 }, { amount: 7 }],
  ['null where it is possible', { either: null }, { either: null }],
  ['one of a choice', { kind: 'a' }, { kind: 'a' }],
  ['none of a choice', { kind: 'A' }, ['/kind']],
  ['an unknown parameter', { whole: 1, wohle: 1 }, ['/wohle']],
  ['an unknown parameter with slashes and tildes', { 'a/b~c': 1 }, ['/a~1b~0c']],
  [
    'unknown parameters named like inherited members',
    { toString: 1, hasOwnProperty: 2 },
    ['/toString', '/hasOwnProperty'],
  ],
]
for (const [what, given, read] of rows) {
  test(`${Array.isArray(read) ? '1422' : 'read'}: ${what}`, () => {
    const faults = check(given)
    if (Array.isArray(read)) assert.deepEqual(new Set(faults.map(({ path }) => path)), new Set(read))
    else assert.deepEqual([faults, given], [[], read])
  })
}

test('every fault is told at once, with its path and what was expected', () => {
  const all = compileParams(
    Closed({ id: Name(8, 'id'), n: Int(0, 9, 'n'), kind: Type.Enum(['a', 'b']), flag: Type.Boolean() }),
  )
  const faults = all({ n: 10, kind: 'c', flag: 'x', more: 1 })
  assert.deepEqual(
    new Map(faults.map(({ path, message }) => [path, message])),
    new Map([
      ['/id', 'is required'],
      ['/n', 'must be <= 9'],
      ['/kind', 'must be one of a, b'],
      ['/flag', 'must be boolean'],
      ['/more', 'is not a parameter'],
    ]),
  )
})

test('no more than 100 faults are told, and no path grows with what was sent', () => {
  const given = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`${'x'.repeat(1_000)}${i}`, 1]))
  const faults = check(given)
  assert.equal(faults.length, 100)
  for (const { path, message } of faults) assert.ok(path.length <= 129 && message.length < 100)
})

test('required parameters are not found on the prototype', () => {
  const inherited = compileParams(Type.Object({ toString: Type.String() }, { additionalProperties: false }))
  assert.deepEqual(inherited({}), [{ path: '/toString', message: 'is required' }])
})

test('defaults are filled in, and what was given is kept', () => {
  const paged = compileParams(Closed(pages))
  for (const [given, read] of [
    [{}, { page: 1, pagesize: 50 }],
    [{ page: '3' }, { page: 3, pagesize: 50 }],
    [
      { page: 2, pagesize: 10 },
      { page: 2, pagesize: 10 },
    ],
  ] as const) {
    const params: Record<string, unknown> = { ...given }
    assert.deepEqual([paged(params), params], [[], read])
  }
  assert.equal(paged({ pagesize: 51 }).length, 1)
  assert.equal(paged({ page: null }).length, 1)
})

const names: readonly (readonly [name: string, accepted: boolean])[] = [
  ['alice', true],
  ['Zoë 7', true],
  ['\u{1f600}', true],
  ['a/b:c@d', true],
  ['', false],
  ['123456789', false],
  [' alice', false],
  ['alice ', false],
  ['alice\n', false],
  ['\ufeffalice', false],
  ['alice\u00a0', false],
  ['al\tice', false],
  ['al\u0000ice', false],
  ['al\u007fice', false],
  ['al\u0085ice', false],
  ['al\u2028ice', false],
]
test('a name has no control characters and no white space at its edges', () => {
  for (const [name, accepted] of names) assert.equal(check({ name }).length === 0, accepted, JSON.stringify(name))
})

test('long hostile names are judged at once', () => {
  const anyLength = compileParams(Closed({ name: Name(2 ** 20, 'name') }))
  for (const name of [`${' a'.repeat(100_000)} `, `a${' '.repeat(200_000)}`, `${'\u00a0'.repeat(200_000)}`]) {
    const before = process.cpuUsage()
    assert.equal(anyLength({ name }).length, 1)
    assert.ok(process.cpuUsage(before).user < 100_000)
  }
})

test('a fault says what is wrong, in words for whoever sent it', () => {
  const faults = compileParams(
    Closed({
      cmd: Type.Optional(Type.Unsafe<string>({ type: 'string', not: { enum: ['batch', 'ping'] } })),
      item: Type.Optional(Type.Unsafe<object>({ type: 'object', propertyNames: { not: { enum: ['api_key'] } } })),
      one: Type.Optional(Closed({ a: Type.Optional(Type.Integer()), b: Type.Optional(Type.Integer()) }, bothExcluded)),
    }),
  )
  const said: readonly (readonly [given: Record<string, unknown>, path: string, message: string])[] = [
    [{ cmd: 'batch' }, '/cmd', 'must not be batch or ping'],
    [{ item: { api_key: 1 } }, '/item/api_key', 'must not stand here'],
    [{ one: { a: 1, b: 2 } }, '/one', 'has members that exclude each other'],
  ]
  for (const [given, path, message] of said) assert.deepEqual(faults(given), [{ path, message }])
})

const bothExcluded = { not: { required: ['a', 'b'] } }
