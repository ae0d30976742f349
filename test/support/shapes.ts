import { deflateSync } from 'node:zlib'
import type { Wire } from '../../src/dialect.js'

/** A request of about `size` bytes that is made to take long. */
export interface Shape {
  readonly name: string
  readonly of: (size: number) => Omit<Partial<Wire>, 'body'> & { readonly body: string | Buffer }
}

const boundary = 'b'
const multipart = `multipart/form-data; boundary=${boundary}`
const urlencoded = 'application/x-www-form-urlencoded'
const head = (name: string, more = '') =>
  `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`
const filled = (text: string, size: number): string => text.repeat(Math.ceil(size / text.length)).slice(0, size)
/** `text(0) + text(1) + …` up to about `size`, and at most `most` of them. */
function counted(text: (i: number) => string, size: number, most = Number.POSITIVE_INFINITY): string {
  const pieces: string[] = []
  for (let i = 0, length = 0; length < size && i < most; i++) {
    const piece = text(i)
    pieces.push(piece)
    length += piece.length
  }
  return pieces.join('')
}
const members = (name: (i: number) => string, size: number, most = 19_990) =>
  `{${counted((i) => `"${name(i)}":1,`, size, most)}"cmd":"ping"}`
const json = (name: string, body: (size: number) => string): Shape => ({
  name: `JSON: ${name}`,
  of: (size) => ({ body: body(size) }),
})
const form = (name: string, body: (size: number) => string): Shape => ({
  name: `urlencoded: ${name}`,
  of: (size) => ({ body: body(size), contentType: urlencoded }),
})
const parts = (name: string, body: (size: number) => string, contentType = multipart): Shape => ({
  name: `multipart: ${name}`,
  of: (size) => ({ body: body(size), contentType }),
})
const msg = (name: string, zlib: (size: number) => Buffer): Shape => ({
  name: `msg: ${name}`,
  of: (size) => ({
    path: '/control/api2/subowners/list',
    body: new URLSearchParams({ msg: zlib(size).toString('base64'), sig: '0'.repeat(64) }).toString(),
    contentType: urlencoded,
  }),
})
const message = (size: number) =>
  `{"cmd":"ping","api_key":"nobody","timestamp":1795332418,"text":"${'x'.repeat(size)}","signature":"${'A'.repeat(43)}="}`
const headers = (name: string, wire: Omit<Partial<Wire>, 'body'> & { readonly body?: string }): Shape => ({
  name: `headers: ${name}`,
  of: () => ({ body: message(100), ...wire }),
})
const line = 15_000
/** A value as Node gives it: bytes beyond ASCII are Latin-1, so U+00A0 is a white space to JavaScript. */
const spaces = '\u00a0'.repeat(line)
/** Names that hash alike in V8 where a name is a small number. */
const alike = (i: number) => String((i + 1) * 131_072)

/** What nobody has to be known for: every carrier and every content type, in shapes that take more than their length. */
export const plain: Shape = { name: 'a plain message', of: (size) => ({ body: message(size) }) }

export const shapes: readonly Shape[] = [
  plain,
  json('a long text', (size) => `{"a":"${'x'.repeat(size)}"}`),
  json('a text that does not end', (size) => `{"a":"${'x'.repeat(size)}`),
  json('quotes with backslashes', (size) => `{"a":"${filled('\\"', size & ~1)}"}`),
  json('unicode escapes', (size) => `{"a":"${filled('\\u00e9', size - (size % 6))}"}`),
  json('surrogates', (size) => `{"a":"${filled('\\ud83d\\ude00', size - (size % 12))}"}`),
  json('escapes between letters', (size) => `{"a":"${filled('x\\n', size - (size % 3))}"}`),
  json('emoji', (size) => `{"a":"${filled('\u{1f600}', size >> 1)}"}`),
  json('white space', (size) => `{${' '.repeat(size)}"cmd":"ping"}`),
  json('white space before', (size) => `${' '.repeat(size)}{"cmd":"ping"}`),
  json('white space alone', (size) => ' '.repeat(size)),
  json('a long number', (size) => `{"a":1${'0'.repeat(size)}}`),
  json('a long fraction', (size) => `{"a":0.${'3'.repeat(size)}}`),
  json('a long exponent', (size) => `{"a":1e-${'3'.repeat(size)}}`),
  json('many large whole numbers', (size) => `{"a":[${counted(() => `${2n ** 1023n},`, size)}1]}`),
  json('many numbers', (size) => `{"a":[${counted((i) => `${i}.5,`, size, 19_000)}1]}`),
  json('deep', (size) => `{"a":${'['.repeat(size)}`),
  json('wide', (size) => `{"a":[${counted(() => '{},', size, 19_900)}1]}`),
  json('too many values', (size) => `{"a":[${filled('1,', size)}`),
  json(
    'nested again and again',
    (size) => `{"a":[${counted(() => `${'['.repeat(30)}${']'.repeat(30)},`, size, 640)}1]}`,
  ),
  json('many names', (size) => members((i) => `name${i}`, size)),
  json('names of numbers', (size) => members((i) => `${i}`, size)),
  json('names of numbers that hash alike', (size) => members(alike, size)),
  json('names of large numbers', (size) => members((i) => `${2 ** 33 + i * 2 ** 17}`, size)),
  json('names with the same beginning', (size) => members((i) => `${'n'.repeat(40)}${i}`, size)),
  json('long names', (size) => members((i) => `${'n'.repeat(10_000)}${i}`, size)),
  json('escaped names', (size) => members((i) => `\\u006e\\u006f${i}`, size)),
  json('a name twice', (size) => `{"${'n'.repeat(size >> 1)}":1,"${'n'.repeat(size >> 1)}":1}`),
  json('many objects of one name', (size) => `{"a":[${counted((i) => `{"n${i}":1},`, size, 9_900)}1]}`),
  json(
    'many signatures',
    (size) => `{${counted((i) => `"signature${i}":"${'A'.repeat(44)}",`, size, 19_000)}"signature":"x","cmd":"ping"}`,
  ),
  json(
    'a signature as long as all of it',
    (size) => `{"cmd":"ping","api_key":"a","timestamp":1,"signature":"${'A'.repeat(size)}"}`,
  ),
  json('a long api_key', (size) => `{"cmd":"ping","api_key":"${'a'.repeat(size)}","timestamp":1,"signature":"A"}`),
  json('a long command', (size) => `{"cmd":"${'a'.repeat(size)}","api_key":"a","timestamp":1,"signature":"A"}`),
  json('a long timestamp', (size) => `{"cmd":"ping","api_key":"a","timestamp":"${'1'.repeat(size)}","signature":"A"}`),
  json(
    'a long idempotency key',
    (size) => `{"cmd":"ping","api_key":"a","timestamp":1,"signature":"A","idempotency_key":"${'1'.repeat(size)}"}`,
  ),
  json('texts close to the one that allows more', (size) => `{"a":"${filled('stats/repor', size)}"}`),
  json('escaped texts close to the one that allows more', (size) => `{"a":"${filled('stats%2frepor', size)}"}`),
  {
    name: 'bytes that are no UTF-8',
    of: (size) => ({ body: Buffer.concat([Buffer.alloc(size, '\u00e9'), Buffer.from([0xff])]) }),
  },
  { name: 'zeros', of: (size) => ({ body: Buffer.alloc(size) }) },
  form('one long value', (size) => `json=${'x'.repeat(size)}`),
  form('percent escapes', (size) => `json=${filled('%7B', size - (size % 3))}`),
  form('escapes of four bytes', (size) => `json=${filled('%F0%9F%98%80', size - (size % 12))}`),
  form('a broken escape at the end', (size) => `json=${filled('%7B', size - (size % 3))}%7`),
  form('JSON of escapes', (size) => `json=%7B%22a%22%3A%22${filled('%5C%22', size - (size % 6))}%22%7D`),
  form('plus signs', (size) => `json=%7B${'+'.repeat(size)}`),
  form('many fields', (size) => counted((i) => `${i}=&`, size)),
  form('names that hash alike', (size) => counted((i) => `${alike(i % 32_000)}${i > 32_000 ? 'x' : ''}=&`, size)),
  form('empty fields', (size) => `${'=&'.repeat(size >> 1)}=`),
  form('ampersands', (size) => '&'.repeat(size)),
  form('equals signs', (size) => '='.repeat(size)),
  form('the same field', (size) => filled('json=1&', size)),
  form('line feeds', (size) => `json=${'\r\n'.repeat(size >> 1)}x`),
  form('returns', (size) => `json=${'\r'.repeat(size)}`),
  parts('values that nearly match a run', (size) => {
    const run = 'A'.repeat(size >> 1)
    const near = `${'A'.repeat(size >> 3)}B${'A'.repeat(size >> 3)}`
    return `${head('json')}${run}\r\n${head('msg')}${near}\r\n--b--\r\n`
  }),
  parts('values that match a run late', (size) => {
    const run = 'A'.repeat(size >> 1)
    const near = `B${'A'.repeat(size >> 2)}`
    return `${head('json')}${run}\r\n${head('msg')}${near}\r\n--b--\r\n`
  }),
  parts('one long value', (size) => `${head('json')}${'x'.repeat(size)}\r\n--b--\r\n`),
  parts('a value that does not end', (size) => `${head('json')}${'x'.repeat(size)}`),
  parts('many parts', (size) => `${counted((i) => `${head(`n${i}`)}\r\n`, size)}--b--\r\n`),
  parts('parts without anything', (size) => `${filled('--b\r\n', size)}--b--\r\n`),
  parts('parts without a header', (size) => `${filled('--b\r\n\r\n\r\n', size)}--b--\r\n`),
  parts('near boundaries', (size) => `${head('json')}${filled('\r\n--a', size)}\r\n--b--\r\n`),
  parts('line feeds', (size) => `${head('json')}${filled('\r\n', size)}\r\n--b--\r\n`),
  parts('returns', (size) => `${head('json')}${'\r'.repeat(size)}\r\n--b--\r\n`),
  parts('dashes', (size) => `${head('json')}${filled('\r\n--', size)}\r\n--b--\r\n`),
  parts('dashes alone', (size) => '-'.repeat(size)),
  parts('a long preamble', (size) => `${filled('\r\n--', size)}\r\n${head('json')}{}\r\n--b--\r\n`),
  parts('a long epilogue', (size) => `${head('json')}{}\r\n--b--\r\n${filled('\r\n--b', size)}`),
  parts(
    'a long header',
    (size) => `--b\r\nContent-Disposition: form-data; name="json"; x="${'x'.repeat(size)}"\r\n\r\n{}\r\n--b--\r\n`,
  ),
  parts(
    'many headers',
    (size) =>
      `--b\r\n${counted((i) => `X${i}: y\r\n`, size)}Content-Disposition: form-data; name="json"\r\n\r\n{}\r\n--b--\r\n`,
  ),
  parts(
    'folded headers',
    (size) => `--b\r\nContent-Disposition: form-data; name="json";${filled('\r\n x', size)}\r\n\r\n{}\r\n--b--\r\n`,
  ),
  parts(
    'many parameters',
    (size) =>
      `--b\r\nContent-Disposition: form-data${counted((i) => `; x${i}=y`, size)}; name="json"\r\n\r\n{}\r\n--b--\r\n`,
  ),
  parts(
    'backslashes in a name',
    (size) => `--b\r\nContent-Disposition: form-data; name="${filled('\\"', size)}\r\n\r\n{}\r\n--b--\r\n`,
  ),
  ...[' ', '\t', '\r\n '].map((space) =>
    parts(
      `as many of ${JSON.stringify(space)} as a header may have, and what it may not have behind them`,
      () => `--b\r\nContent-Disposition:${space.repeat(line / space.length)}\u0001\r\n\r\n{}\r\n--b--\r\n`,
    ),
  ),
  parts('spaces in a header', (size) => `--b\r\nContent-Disposition:${' '.repeat(size)}x\r\n\r\n{}\r\n--b--\r\n`),
  parts(
    'a long boundary of one letter, and nearly it',
    (size) => `--${'b'.repeat(line)}\r\n${filled(`\r\n--${'b'.repeat(line - 1)}a`, size)}`,
    `multipart/form-data; boundary=${'b'.repeat(line)}`,
  ),
  parts(
    'a boundary of one letter, in a run of it',
    (size) => `--${'b'.repeat(70)}\r\n${'b'.repeat(size)}`,
    `multipart/form-data; boundary=${'b'.repeat(70)}`,
  ),
  parts(
    'a boundary that repeats itself',
    (size) => filled(`\r\n--${'--'.repeat(33)}`, size),
    `multipart/form-data; boundary=${'-'.repeat(70)}`,
  ),
  msg('a plain message', (size) => deflateSync(message(size))),
  msg('a plain message that was not made smaller', (size) => deflateSync(message(size >> 1), { level: 0 })),
  msg('what inflates to far more', (size) => deflateSync(Buffer.alloc(size * 200, '{"a":1,'), { level: 9 })),
  msg('empty blocks', (size) =>
    Buffer.concat([
      Buffer.from('789c', 'hex'),
      Buffer.alloc((size >> 1) - ((size >> 1) % 5), Buffer.from('000000ffff', 'hex')),
    ]),
  ),
  msg('no zlib', (size) => Buffer.alloc(size >> 1, 'x')),
  msg('JSON of escapes', (size) => deflateSync(`{"a":"${filled('\\u00e9', size - (size % 6))}"}`)),
  {
    name: 'msg: white space between its letters',
    of: (size) => ({
      path: '/control/api2/subowners/list',
      contentType: urlencoded,
      body: `msg=${filled('%0AA', size - (size % 4))}&sig=0`,
    }),
  },
  {
    name: 'msg: a long sig',
    of: (size) => ({
      path: '/control/api2/subowners/list',
      contentType: urlencoded,
      body: `msg=eJw=&sig=${'+'.repeat(size)}`,
    }),
  },
  headers('many charsets', { contentType: `application/json${'; charset=utf-8'.repeat(1_000)}` }),
  headers('semicolons and spaces', { contentType: `application/json${';\u00a0'.repeat(line >> 1)}charset` }),
  headers('spaces behind a semicolon', { contentType: `charset;${spaces}` }),
  headers('semicolons', { contentType: `charset${';'.repeat(line)}` }),
  headers('spaces in Content-Encoding', { contentEncoding: `${spaces}x` }),
  headers('spaces before multipart', { contentType: `${spaces}x` }),
  headers('Basic and spaces', { authorization: `Basic${' '.repeat(line)}x=\u00e9` }),
  headers('Basic and letters', { authorization: `Basic ${'a'.repeat(line)}\u00e9`, body: '{"cmd":"get-user"}' }),
  headers('Basic of slashes', {
    authorization: `Basic ${Buffer.from(`1/${'9/'.repeat(5_000)}`).toString('base64')}`,
    body: '{"cmd":"get-user"}',
  }),
  headers('a long signature', { signature: 'A'.repeat(line) }),
  headers('a long query for ibm', {
    method: 'GET',
    path: '/users/self/device-passwords.json',
    query: counted((i) => `${i}=&`, line),
    body: '',
  }),
  headers('names that hash alike for ibm', {
    method: 'GET',
    path: '/users/self/device-passwords.json',
    query: counted((i) => `${alike(i)}=&`, line),
    body: '',
  }),
  headers('Bearer and spaces', {
    method: 'GET',
    path: '/users/self/device-passwords.json',
    authorization: `Bearer${' '.repeat(line)}\u00e9`,
    body: '',
  }),
  headers('a long path of ibm', {
    method: 'DELETE',
    path: `/users/self/device-passwords/${'%41'.repeat(5_000)}.json`,
    body: '',
  }),
  headers('a long path of uplynk', {
    path: `/control/${'api2'.repeat(3_700)}`,
    body: 'msg=1&sig=1',
    contentType: urlencoded,
  }),
  headers('a path of escapes', {
    path: `/control/${'%61'.repeat(5_000)}api2/x`,
    body: 'msg=1&sig=1',
    contentType: urlencoded,
  }),
  headers('slashes', { path: `/control${'/'.repeat(line)}x`, body: 'msg=1&sig=1', contentType: urlencoded }),
  {
    name: 'a form for ibm: many fields',
    of: (size) => ({
      path: '/users/self/device-passwords.json',
      contentType: urlencoded,
      body: counted((i) => `${i}=&`, size),
    }),
  },
  {
    name: 'a form for ibm: names that hash alike',
    of: (size) => ({
      path: '/users/self/device-passwords.json',
      contentType: urlencoded,
      body: counted((i) => `${alike(i % 32_000)}${i > 32_000 ? 'x' : ''}=&`, size).slice(0, -1),
    }),
  },
  {
    name: 'a form for ibm: text as typed',
    of: (size) => ({
      path: '/users/self/device-passwords.json',
      contentType: urlencoded,
      body: `device_name=${filled('é ', size >> 1)}`,
    }),
  },
]
