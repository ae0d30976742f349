import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scanJson } from '../../src/json.js'
import { Refusal } from '../../src/refusal.js'

/** The sentence of the 1400, or undefined when the text is accepted; any other exception fails the test. */
function refusalOf(text: string): string | undefined {
  try {
    scanJson(text)
    return undefined
  } catch (error) {
    assert.ok(error instanceof Refusal, `another exception: ${error}`)
    assert.equal(error.code, 'MALFORMED')
    return error.message
  }
}

const nested = (depth: number) => `{"a":${'['.repeat(depth - 2)}{}${']'.repeat(depth - 2)}}`
const values = (count: number) =>
  `{"a":[${Array(count - 2)
    .fill('0')
    .join(',')}]}`
const objects = (count: number) =>
  `{"a":[${Array(count - 2)
    .fill('{}')
    .join(',')}]}`
const strings = (count: number) => `{${Array.from({ length: count - 1 }, (_, i) => `"n${i}":""`).join(',')}}`

const accepted: readonly (readonly [what: string, text: string])[] = [
  ['an empty object', '{}'],
  ['white space all round', ' \t\r\n{ \t\r\n} \t\r\n'],
  ['the same name in two objects', '{"a":{"x":1},"b":{"x":1},"x":[{"x":1},{"x":1}]}'],
  ['names that differ in case or by a space', '{"a":1,"A":2,"a ":3}'],
  ['names that are equal only after normalisation', '{"\u00e9":1,"e\u0301":2}'],
  ['names of inherited members', '{"toString":1,"hasOwnProperty":2,"valueOf":3,"__defineGetter__":4}'],
  ['refused names as values', '{"a":"__proto__","b":["constructor","prototype"]}'],
  ['32 levels', nested(32)],
  ['20,000 values', values(20_000)],
  ['20,000 values, objects among them', objects(20_000)],
  ['20,000 values, all of them members', strings(20_000)],
  ['2^53', '{"a":9007199254740992}'],
  ['a large integer that is exactly a double', '{"a":[9007199254740994,-9007199254740992,100000000000000000000]}'],
  [
    'numbers with a fraction or an exponent, however fine',
    '{"a":[9007199254740993.0,9007199254740993e0,1e308,1e-400,0.1]}',
  ],
  ['-0', '{"a":-0}'],
  ['a surrogate pair, escaped', '{"a":"\\ud83d\\ude00"}'],
  ['U+2028, U+007F and U+FFFE', '{"a":"\u2028\u007f\ufffe"}'],
  ['an empty name', '{"":1}'],
]
for (const [what, text] of accepted) {
  test(`accepted: ${what}`, () => {
    assert.equal(refusalOf(text), undefined)
    assert.deepEqual(scanJson(text).value, JSON.parse(text))
  })
}

const twice = /stands twice/
const syntax = /^not valid JSON/
const inexact = /too large to be exact/

const refused: readonly (readonly [what: string, text: string, why: RegExp])[] = [
  ['a name twice', '{"cmd":1,"cmd":2}', twice],
  ['a name twice with the same value', '{"a":1,"a":1}', twice],
  ['a name and its escaped twin', '{"cmd":"a","\\u0063md":"b"}', twice],
  ['an escaped name and its plain twin', '{"\\u0063md":"a","cmd":"b"}', twice],
  ['twins in an inner object', '{"user":{"type":3,"t\\u0079pe":1}}', twice],
  ['twins in an object in a list', '{"a":[[{"x":1,"y":2,"x":3}]]}', twice],
  ['two signatures', '{"signature":"a","x":1,"signature":"b"}', twice],
  ['inherited names given twice', '{"toString":1,"toString":2}', twice],
  ['empty names twice', '{"":1,"":2}', twice],
  ['names that are numbers, twice', '{"7":1,"\\u0037":2}', twice],
  ['an astral name and its escaped twin', '{"\u{1f600}":1,"\\uD83D\\ude00":2}', twice],
  ['__proto__', '{"__proto__":{"x":1}}', /"__proto__" is refused/],
  ['__proto__, escaped', '{"a":[{"\\u005f_proto__":1}]}', /"__proto__" is refused/],
  ['constructor', '{"a":{"constructor":1}}', /"constructor" is refused/],
  ['prototype', '{"prototype":1}', /"prototype" is refused/],
  ['33 levels', nested(33), /nested deeper than 32/],
  ['33 levels of objects', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`, /nested deeper than 32/],
  ['20,001 values', values(20_001), /more than 20000 values/],
  ['20,001 values, objects among them', objects(20_001), /more than 20000 values/],
  ['20,001 values, all of them members', strings(20_001), /more than 20000 values/],
  ['2^53 + 1', '{"a":9007199254740993}', inexact],
  ['-(2^53 + 1)', '{"a":-9007199254740993}', inexact],
  ['an id of 20 digits', '{"a":12345678901234567890}', inexact],
  ['10^23, which no double is', `{"a":1${'0'.repeat(23)}}`, inexact],
  ['1e400', '{"a":1e400}', /a number is too large/],
  ['-1e400', '{"a":[-1E+400]}', /a number is too large/],
  ['an integer of 400 digits', `{"a":${'9'.repeat(400)}}`, /a number is too large/],
  ['a lone high surrogate', '{"a":"\\ud800"}', /lone surrogate/],
  ['a lone low surrogate', '{"a":"\\udc00"}', /lone surrogate/],
  ['two high surrogates', '{"a":"\\ud800\\ud800"}', /lone surrogate/],
  ['a high surrogate and a letter', '{"a":"\\ud800\\u0041"}', /lone surrogate/],
  ['surrogates the wrong way round', '{"a":"\\udc00\\ud800"}', /lone surrogate/],
  ['a lone surrogate in a name', '{"\\udfff":1}', /lone surrogate/],
  ['a byte order mark', '\ufeff{"a":1}', syntax],
  ['a byte order mark at the end', '{"a":1}\ufeff', syntax],
  ['text after the object', '{"a":1} x', syntax],
  ['a second object', '{"a":1}{"a":1}', syntax],
  ['U+0000 after the object', '{"a":1}\0', syntax],
  ['a list', '[{"a":1}]', syntax],
  ['a string', '"{}"', syntax],
  ['nothing', '', syntax],
  ['an object that is not closed', '{"a":1', syntax],
  ['a name without a value', '{"a"}', syntax],
  ['a name that is not closed', '{"a', syntax],
  ['an escape at the end', '{"a":"\\', syntax],
  ['\\u at the end', '{"a":"\\u00', syntax],
  ['\\u with a sign or a space', '{"a":"\\u+0041"}', syntax],
  ['\\u{41}', '{"a":"\\u{41}"}', syntax],
  ['\\x41', '{"a":"\\x41"}', syntax],
  ["\\'", '{"a":"\\\'"}', syntax],
  ['a line feed in a string', '{"a":"x\ny"}', syntax],
  ['a tab after an escape', '{"a":"\\n\t"}', syntax],
  ['a tab in a name', '{"a\t":1}', syntax],
  ['a comma at the end', '{"a":1,}', syntax],
  ['a comma at the end of a list', '{"a":[1,]}', syntax],
  ['a comma at the start', '{,"a":1}', syntax],
  ['two commas', '{"a":1,,"b":2}', syntax],
  ['brackets that do not match', '{"a":[1}]', syntax],
  ['a name without quotes', '{a:1}', syntax],
  ['single quotes', "{'a':1}", syntax],
  ['a comment', '{"a":1/**/}', syntax],
  ['a form feed as white space', '{\f"a":1}', syntax],
  ['a no-break space as white space', '{\u00a0"a":1}', syntax],
  ['NaN', '{"a":NaN}', syntax],
  ['-Infinity', '{"a":-Infinity}', syntax],
  ['undefined', '{"a":undefined}', syntax],
  ['True', '{"a":True}', syntax],
  ['nul', '{"a":nul}', syntax],
  ['nullx', '{"a":nullx}', syntax],
  ['a leading zero', '{"a":01}', syntax],
  ['a plus sign', '{"a":+1}', syntax],
  ['a lone minus sign', '{"a":-}', syntax],
  ['a point without digits', '{"a":1.}', syntax],
  ['a point without an integer', '{"a":.5}', syntax],
  ['an exponent without digits', '{"a":1e}', syntax],
  ['hexadecimal', '{"a":0x10}', syntax],
  ['an underscore in a number', '{"a":1_000}', syntax],
  ['a big integer literal', '{"a":1n}', syntax],
]
for (const [what, text, why] of refused) {
  test(`1400: ${what}`, () => {
    assert.match(refusalOf(text) ?? 'accepted', why)
  })
}

test('a refused name never reaches a prototype', () => {
  refusalOf('{"a":{"__proto__":{"polluted":true}}}')
  assert.equal(Reflect.get({}, 'polluted'), undefined)
  assert.equal(Object.getPrototypeOf(scanJson('{"a":{}}').value), Object.prototype)
})

const size = 256 * 1024
const fill = (piece: string) => piece.repeat(Math.floor((size - 64) / piece.length))
const many = (write: (index: number) => string) => {
  let text = write(0)
  for (let i = 1; text.length < size - 512; i++) text += `,${write(i)}`
  return text
}

const nasty: readonly (readonly [what: string, text: string])[] = [
  ['opening brackets', `{"a":${fill('[')}`],
  ['opening braces', fill('{"a":')],
  ['white space', `{${fill(' ')}}`],
  ['white space, then a fault', `{"a":1${fill('\n')}x`],
  ['one long string', `{"a":"${fill('x')}"}`],
  ['a string of escapes', `{"a":"${fill('\\n')}"}`],
  ['a string of \\u escapes', `{"a":"${fill('\\u0041')}"}`],
  ['a string of escapes between letters', `{"a":"${fill('\\u00e9x')}"}`],
  ['a string of escaped pairs', `{"a":"${fill('\\ud83d\\ude00')}"}`],
  ['backslashes that are not closed', `{"a":"${fill('\\\\')}`],
  ['a long escaped name, twice', `{"${'\\u0061'.repeat(20_000)}":1,"${'a'.repeat(20_000)}":2}`],
  ['names that share a long start', `{${many((i) => `"${'n'.repeat(200)}${i}":0`)}}`],
  ['names that are numbers', `{${many((i) => `"${i * 65_537}":0`)}}`],
  ['names that are large numbers', `{${many((i) => `"${4_294_967_296 + i * 1_048_576}":0`)}}`],
  ['short names', `{${many((i) => `"${i.toString(36)}":0`)}}`],
  ['a number of many digits', `{"a":${fill('9')}}`],
  ['a fraction of many digits', `{"a":0.${fill('3')}}`],
  ['zeros, then a huge exponent', `{"a":0.${fill('0')}1e262144}`],
  ['an exponent of many digits', `{"a":1e-${fill('1')}}`],
  ['exact integers of 300 digits', `{"a":[${many(() => BigInt(2 ** 1000).toString())}]}`],
  ['numbers', `{"a":[${many(() => '-0')}]}`],
  ['empty lists', `{"a":[${many(() => '[]')}]}`],
  ['wide lists in lists', `{"a":[${many(() => '[[0,0],[0,0]]')}]}`],
  ['quotes', `{${fill('"')}`],
]

/** Processor time, the least of some runs: the machine may be busy with others. */
function milliseconds(text: string): number {
  const times = Array.from({ length: 3 }, () => {
    const before = process.cpuUsage()
    refusalOf(text)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  })
  return Math.min(...times)
}

for (const [what, text] of nasty) {
  test(`256 KiB of ${what} take less than 50 ms`, () => {
    assert.ok(text.length <= size && text.length > size / 2, `${text.length} characters`)
    const took = milliseconds(text)
    assert.ok(took < 50, `${took} ms`)
  })
}
