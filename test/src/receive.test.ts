import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Carrier, Wire } from '../../src/dialect.js'
import { receive } from '../../src/receive.js'
import { Refusal } from '../../src/refusal.js'
import { wireOf } from '../support/instance.js'

const limit = 4_096
const json = '{"command":"ping","n":"\u00e9 +%"}'
const urlencoded = 'application/x-www-form-urlencoded'
const multipart = 'multipart/form-data; boundary=b'

async function carrierOf(body: string | Buffer, wire: Partial<Wire>): Promise<Carrier> {
  return receive(wireOf(body, wire), limit, false)
}

/** The code of the refusal, or what the carrier holds: the JSON text, and the names of the form's fields. */
async function read(body: string | Buffer, wire: Partial<Wire>): Promise<string> {
  try {
    const { json, form } = await carrierOf(body, wire)
    return [json?.text ?? '', ...(form?.keys() ?? [])].join(' ').trim()
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

const part = (head: string, value: string | Buffer) =>
  Buffer.concat([Buffer.from(`--b\r\n${head}\r\n\r\n`), Buffer.from(value), Buffer.from('\r\n')])
const field = (name: string, value: string | Buffer, more = '') =>
  part(`Content-Disposition: form-data; name="${name}"${more}`, value)
const form = (...parts: Buffer[]) => Buffer.concat([...parts, Buffer.from('--b--\r\n')])
const encoded = new URLSearchParams({ json }).toString()

const rows: readonly (readonly [what: string, type: string | undefined, body: string | Buffer, result: string])[] = [
  // What begins with { is JSON, whatever it is called.
  ['JSON called JSON', 'application/json', json, json],
  ['JSON without a type', undefined, json, json],
  ['JSON called a form, as curl -d does', urlencoded, json, json],
  ['JSON called a multipart form', multipart, json, json],
  ['JSON called an image', 'image/png', json, json],
  ['JSON called nonsense', ';;;=', json, json],
  ['JSON after white space', urlencoded, `\r\n\t ${json}`, `\r\n\t ${json}`.trim()],
  ['a byte order mark before JSON', 'application/json', `\ufeff${json}`, 'MALFORMED'],
  ['JSON that is no UTF-8', 'application/json', Buffer.from('{"a":"\xe9"}', 'latin1'), 'MALFORMED'],
  ['JSON in UTF-16', 'application/json', Buffer.from(json, 'utf16le'), 'MALFORMED'],
  ['gzip without saying so', 'application/json', Buffer.from('1f8b0800000000000003', 'hex'), 'MALFORMED'],
  ['a list', 'application/json', '[{"cmd":"ping"}]', 'MALFORMED'],
  ['a string', 'application/json', '"ping"', 'MALFORMED'],
  ['an empty body', 'application/json', '', 'MALFORMED'],
  ['an empty form', urlencoded, '', 'MALFORMED'],
  ['white space', 'application/json', ' \n ', 'MALFORMED'],
  ['text', 'text/plain', 'hello', 'MALFORMED'],
  // Forms.
  ['the field json', urlencoded, encoded, `${json} json`],
  ['the field json, called JSON', 'application/json', encoded, `${json} json`],
  ['the field json, without a type', undefined, encoded, `${json} json`],
  ['the field json and a line feed, as curl --data-binary @file sends', urlencoded, `${encoded}\n`, `${json} json`],
  ['the fields msg and sig', urlencoded, 'msg=eJw=&sig=00', 'msg sig'],
  ['the fields sig and msg', urlencoded, 'sig=00&msg=eJw=', 'sig msg'],
  ['the field json twice', urlencoded, `${encoded}&${encoded}`, 'MALFORMED'],
  ['the field json and its escaped twin', urlencoded, `${encoded}&j%73on=%7B%7D`, 'MALFORMED'],
  ['the field json, in another case', urlencoded, encoded.replace('json', 'JSON'), 'MALFORMED'],
  ['the fields json and another', urlencoded, `${encoded}&x=1`, 'MALFORMED'],
  ['the fields json and sig', urlencoded, `${encoded}&sig=00`, 'MALFORMED'],
  ['the fields json, msg and sig', urlencoded, `${encoded}&msg=1&sig=00`, 'MALFORMED'],
  ['msg without sig', urlencoded, 'msg=1', 'MALFORMED'],
  ['msg twice', urlencoded, 'msg=1&msg=1', 'MALFORMED'],
  ['msg, sig and another', urlencoded, 'msg=1&sig=2&x=3', 'MALFORMED'],
  ['a field named __proto__', urlencoded, '__proto__=1', 'MALFORMED'],
  ['another field', urlencoded, 'x=1', 'MALFORMED'],
  ['the field json with a list', urlencoded, 'json=[]', 'MALFORMED'],
  ['the field json, empty', urlencoded, 'json=', 'MALFORMED'],
  ['the field json after a byte order mark', urlencoded, `json=%EF%BB%BF${encoded.slice(5)}`, 'MALFORMED'],
  // Multipart.
  ['multipart: the field json', multipart, form(field('json', json)), `${json} json`],
  ['multipart: a quoted boundary', 'Multipart/Form-Data; boundary="b"', form(field('json', json)), `${json} json`],
  ['multipart: the fields msg and sig', multipart, form(field('msg', 'eJw='), field('sig', '00')), 'msg sig'],
  [
    'multipart: a part with a type',
    multipart,
    form(field('json', json, '\r\nContent-Type: application/json')),
    `${json} json`,
  ],
  [
    'multipart: a part that is 8bit',
    multipart,
    form(field('json', json, '\r\nContent-Transfer-Encoding: 8bit')),
    `${json} json`,
  ],
  ['multipart: the field json twice', multipart, form(field('json', json), field('json', json)), 'MALFORMED'],
  ['multipart: the fields json and another', multipart, form(field('json', json), field('x', '')), 'MALFORMED'],
  ['multipart: another and the field json', multipart, form(field('x', ''), field('json', json)), 'MALFORMED'],
  ['multipart: five fields', multipart, form(...[1, 2, 3, 4, 5].map((n) => field(`f${n}`, ''))), 'MALFORMED'],
  ['multipart: a file', multipart, form(field('json', json, '; filename="json"')), 'MALFORMED'],
  [
    'multipart: the field json and a file',
    multipart,
    form(field('json', json), field('f', '', '; filename="f"')),
    'MALFORMED',
  ],
  [
    'multipart: a part in base64',
    multipart,
    form(field('json', Buffer.from(json).toString('base64'), '\r\nContent-Transfer-Encoding: base64')),
    'MALFORMED',
  ],
  [
    'multipart: a part in quoted-printable',
    multipart,
    form(field('json', json, '\r\nContent-Transfer-Encoding: quoted-printable')),
    'MALFORMED',
  ],
  [
    'multipart: a part in Latin-1',
    multipart,
    form(field('json', json, '\r\nContent-Type: text/plain; charset=latin1')),
    'MALFORMED',
  ],
  [
    'multipart: a part in UTF-16',
    multipart,
    form(field('json', Buffer.from('{"a":1}', 'utf16le'), '\r\nContent-Type: text/plain; charset=utf-16le')),
    'MALFORMED',
  ],
  [
    'multipart: a part in an unknown charset',
    multipart,
    form(field('json', json, '\r\nContent-Type: text/plain; charset=x-none')),
    'MALFORMED',
  ],
  [
    'multipart: a part that is no UTF-8',
    multipart,
    form(field('json', Buffer.from('{"a":"\xe9"}', 'latin1'))),
    'MALFORMED',
  ],
  ['multipart: a name that is longer than 64', multipart, form(field('j'.repeat(65), json)), 'MALFORMED'],
  ['multipart: a part without a name', multipart, form(part('Content-Disposition: form-data', json)), 'MALFORMED'],
  ['multipart: without the end', multipart, field('json', json), 'MALFORMED'],
  [
    'multipart: a part that old clients call Latin-1, in ASCII',
    multipart,
    form(field('json', '{"a":1}', '\r\nContent-Type: text/plain; charset=ISO-8859-1')),
    '{"a":1} json',
  ],
  [
    'multipart: a part in UTF-8 that says so',
    multipart,
    form(field('json', json, '\r\nContent-Type: text/plain; charset="UTF-8"')),
    `${json} json`,
  ],
  [
    'multipart: ASCII that is called UTF-16',
    multipart,
    form(field('json', '{"a":1}', '\r\nContent-Type: text/plain; charset=utf-16le')),
    'MALFORMED',
  ],
  [
    'multipart: as .NET writes it',
    'multipart/form-data; boundary="b"',
    form(part('Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=json', json)),
    `${json} json`,
  ],
  [
    'multipart: as Apache HttpClient writes it',
    'multipart/form-data; boundary=b; charset=UTF-8',
    form(field('json', json, '\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit')),
    `${json} json`,
  ],
  [
    'multipart: a header in two lines',
    multipart,
    form(part('Content-Disposition: form-data;\r\n name="json"', json)),
    `${json} json`,
  ],
  ['multipart: a preamble and an epilogue', multipart, `before\r\n${form(field('json', json))}after`, `${json} json`],
  ['multipart: no line end at the end', multipart, form(field('json', json)).subarray(0, -2), `${json} json`],
  ['multipart: a longer boundary in a value', multipart, form(field('json', `${json}\r\n--bb`)), 'MALFORMED'],
  ['multipart: no line end before a boundary', multipart, `${field('json', json)}x--b--\r\n`, 'MALFORMED'],
  ['multipart: a part without headers', multipart, form(part('', json)), 'MALFORMED'],
  ['multipart: a name twice in one part', multipart, form(field('msg', json, '; name="json"')), 'MALFORMED'],
  [
    'multipart: a header twice in one part',
    multipart,
    form(field('json', json, '\r\nContent-Disposition: form-data; name="msg"')),
    'MALFORMED',
  ],
  ['multipart: two boundaries', `${multipart}; boundary=c`, form(field('json', json)), 'MALFORMED'],
  [
    'multipart: a boundary of 71',
    `multipart/form-data; boundary=${'b'.repeat(71)}`,
    `--${'b'.repeat(71)}${form(field('json', json)).toString().slice(3)}`,
    'MALFORMED',
  ],
  ['multipart: a file that does not end', multipart, field('f', 'x', '; filename="f"').subarray(0, -2), 'MALFORMED'],
  [
    'multipart: a file without a name',
    multipart,
    form(field('json', json, '\r\nContent-Type: application/octet-stream')),
    'MALFORMED',
  ],
  ['101 fields', urlencoded, Array.from({ length: 101 }, (_, n) => `f${n}=`).join('&'), 'MALFORMED'],
  ['multipart: cut in the value', multipart, field('json', json).subarray(0, -10), 'MALFORMED'],
  ['multipart: no parts', multipart, Buffer.from('--b--\r\n'), 'MALFORMED'],
  ['multipart: another boundary', 'multipart/form-data; boundary=c', form(field('json', json)), 'MALFORMED'],
  ['multipart: no boundary', 'multipart/form-data', form(field('json', json)), 'MALFORMED'],
  ['multipart: an empty boundary', 'multipart/form-data; boundary=', form(field('json', json)), 'MALFORMED'],
  ['multipart/mixed', 'multipart/mixed; boundary=b', form(field('json', json)), 'MALFORMED'],
]
for (const [what, contentType, body, result] of rows) {
  test(`${result === 'MALFORMED' ? '1400' : 'read'}: ${what}`, async () => {
    assert.equal(await read(body, { contentType }), result)
  })
}

test('a multipart field is read byte for byte as it was sent', async () => {
  const text = '{"a":"\u00e9\u20ac\u{1f600}",\r\n\r\n "b":"--b --b-- \\u0041 %41 +"}\n'
  const { json: scan } = await carrierOf(form(field('json', text)), { contentType: multipart })
  assert.equal(scan?.text, text)
})

test('the form beside JSON is known, so that a dialect can tell where the JSON stood', async () => {
  assert.equal((await carrierOf(json, {})).form, undefined)
  assert.deepEqual([...((await carrierOf(encoded, { contentType: urlencoded })).form ?? [])], [['json', json]])
})

const encodings: readonly (readonly [
  contentType: string | undefined,
  contentEncoding: string | undefined,
  code: string,
])[] = [
  ['application/json; charset=utf-8', undefined, json],
  ['application/json; charset=UTF8', undefined, json],
  ['application/json;CharSet = "utf-8"', undefined, json],
  ['application/json', 'identity', json],
  ['application/json', ' Identity ', json],
  ['application/json', '', json],
  ['application/json; charset=utf-16', undefined, 'UNSUPPORTED_MEDIA'],
  ['application/json; charset=iso-8859-1', undefined, 'UNSUPPORTED_MEDIA'],
  ['application/json; charset=utf-7', undefined, 'UNSUPPORTED_MEDIA'],
  ['application/json; charset=', undefined, 'UNSUPPORTED_MEDIA'],
  ['application/json; charset=utf-8; charset=utf-7', undefined, 'UNSUPPORTED_MEDIA'],
  ['text/plain; a="b"; charset="utf-16"', undefined, 'UNSUPPORTED_MEDIA'],
  ['application/json', 'gzip', 'UNSUPPORTED_MEDIA'],
  ['application/json', 'br', 'UNSUPPORTED_MEDIA'],
  ['application/json', 'identity, gzip', 'UNSUPPORTED_MEDIA'],
  ['application/json', 'identity, identity', 'UNSUPPORTED_MEDIA'],
]
test('1415: any Content-Encoding but identity, and any charset but UTF-8', async () => {
  for (const [contentType, contentEncoding, code] of encodings) {
    assert.equal(await read(json, { contentType, contentEncoding }), code, `${contentType} ${contentEncoding}`)
  }
})

test('1413: one byte over the limit, before anything else is looked at', async () => {
  const padded = (length: number) => `{"a":"${'x'.repeat(length - 8)}"}`
  assert.equal(await read(padded(limit), {}), padded(limit))
  for (const wire of [{}, { contentEncoding: 'gzip' }, { path: '/elsewhere' }, { contentType: multipart }]) {
    assert.equal(await read(padded(limit + 1), wire), 'TOO_LARGE')
  }
})

test('JSON below /control/ is 1400, a form there 1404', async () => {
  const paths: readonly (readonly [path: string, ofJson: string, ofForm: string])[] = [
    ['/control', json, `${json} json`],
    ['/control/', json, `${json} json`],
    ['/control//', 'MALFORMED', 'UNKNOWN_COMMAND'],
    ['/control/x', 'MALFORMED', 'UNKNOWN_COMMAND'],
    ['/control/api2/subowners/list', 'MALFORMED', 'UNKNOWN_COMMAND'],
    ['/Control', 'MALFORMED', 'UNKNOWN_COMMAND'],
  ]
  for (const [path, ofJson, ofForm] of paths) {
    assert.equal(await read(json, { path }), ofJson, path)
    assert.equal(await read(encoded, { path, contentType: urlencoded }), ofForm, path)
  }
})

test('1400: more than 100 fields, in a form of either kind and in a query, whoever has the path', async () => {
  const names = Array.from({ length: 101 }, (_, n) => `f${n}`)
  const owned = (count: number, contentType: string, body: string | Buffer) => () =>
    receive(wireOf(body, { path: '/users/self/x', contentType }), 65_536, true).form?.size === count
  const bodies: readonly (readonly [type: string, of: (names: string[]) => string | Buffer])[] = [
    [urlencoded, (some) => some.map((name) => `${name}=`).join('&')],
    [multipart, (some) => form(...some.map((name) => field(name, '')))],
  ]
  for (const [type, of] of bodies) {
    assert.ok(owned(100, type, of(names.slice(1)))(), type)
    assert.throws(owned(101, type, of(names)), (error) => error instanceof Refusal && /100 fields/.test(error.message))
  }
})
