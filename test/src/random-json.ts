import fc from 'fast-check'

/** Random JSON in random spelling: white space, escapes, exponents, any order of members. */

export const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 })
const hex = (unit: number) => unit.toString(16).padStart(4, '0')
const units = (text: string) => text.split('').map((unit) => unit.charCodeAt(0))
const shortEscapes = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['/', '\\/'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

/** One character in one of its spellings: itself, a short escape, \u with small or capital digits. */
function spellCharacter(character: string, choice: number): string {
  const long = units(character).map((unit) => `\\u${choice % 2 ? hex(unit) : hex(unit).toUpperCase()}`)
  const must = character < ' ' || character === '"' || character === '\\'
  if (choice < 2) return long.join('')
  if (choice < 4 || must) return shortEscapes.get(character) ?? (must ? long.join('') : character)
  return character
}

export const character = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...'abcdeimnrsu/\\"{}[]:,0 -') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
)
export const spelledString = fc
  .array(fc.tuple(character, fc.nat(9)), { maxLength: 8 })
  .map((parts) => `"${parts.map(([one, choice]) => spellCharacter(one, choice)).join('')}"`)
const spelledNumber = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number.toExponential()),
  fc.double({ noNaN: true, min: -(2 ** 53), max: 2 ** 53 }).map(String),
  fc.constantFrom(
    '0',
    '-0',
    '0.0',
    '-0e0',
    '1E+2',
    '1e-2',
    '9007199254740992',
    '1.50',
    '10e-400',
    '100000000000000000000',
  ),
)

type Spelled = { readonly name: string; readonly value: string; readonly spaces: readonly string[] }
export const writeObject = (members: readonly Spelled[], inner: string) =>
  `{${inner}${members.map(({ name, value, spaces: [a, b, c, d] }) => `${a}${name}${b}:${c}${value}${d}`).join(',')}}`

export const { value: spelledValue } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom('true', 'false', 'null'),
    spelledNumber,
    spelledString,
    fc
      .tuple(fc.array(fc.tuple(space, tie('value'), space), { maxLength: 3 }), space)
      .map(([items, inner]) => `[${inner}${items.map((item) => item.join('')).join(',')}]`),
    spelledMembers(tie('value')).map((members) => writeObject(members, ' ')),
  ),
}))

export function spelledMembers(value: fc.Arbitrary<string>, names: fc.Arbitrary<string> = spelledString) {
  const member = fc.record({ name: names, value, spaces: fc.tuple(space, space, space, space) })
  return fc.uniqueArray(member, { maxLength: 5, selector: ({ name }) => JSON.parse(name) })
}

export const spelledObject = fc
  .tuple(space, spelledMembers(spelledValue), space, space)
  .map(([before, members, inner, after]) => before + writeObject(members, inner) + after)
