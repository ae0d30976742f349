// Requests that a server must take, and values that must arrive as they were meant.
export const timestamp = 1_795_332_418

export const keys = [
  {
    reason: 'a secret that looks like hex is used as its text',
    api_key: 'vector-hex',
    secret: '8fc8c48da81e6a2a06a9556379bf798af508dc0792497c678b4c3532ba8b637f',
  },
  {
    reason: 'a secret that looks like base64 is used as its text',
    api_key: 'vector-base64',
    secret: 'c2VjcmV0IHRoYXQgbG9va3MgbGlrZSBiYXNlNjQ=',
  },
  {
    reason: 'a secret that is not ASCII is used as its UTF-8 text',
    api_key: 'vector-utf8',
    secret: 'пароль-Zoë-日本-😀-long-enough',
  },
  {
    reason: 'a secret longer than the 64 bytes of a SHA-256 block is hashed first (RFC 2104)',
    api_key: 'vector-long',
    secret: 'a secret of more than sixty-four bytes, which HMAC itself replaces by its hash before it uses it',
  },
]

const head = (key) => `"api_key":"${key}","timestamp":${timestamp}`
const echo = (value, key = 'vector-hex') => `{"cmd":"test/echo","value":${value},${head(key)}}`

/** Each: why it is here, the text that is signed, the value that must be understood. */
const signedLast = [
  ['plain', echo('"hello"'), 'hello'],
  ['a secret that looks like base64', echo('"hello"', 'vector-base64'), 'hello'],
  ['a secret that is not ASCII', echo('"hello"', 'vector-utf8'), 'hello'],
  ['a secret longer than a block', echo('"hello"', 'vector-long'), 'hello'],
  ['non-ASCII as it is', echo('"Zoë 日本 😀"'), 'Zoë 日本 😀'],
  ['non-ASCII escaped, as PHP and Python write it', echo('"Zo\\u00eb \\u65e5\\u672c \\ud83d\\ude00"'), 'Zoë 日本 😀'],
  [
    'line separators as they are: JSON takes them, JavaScript of old did not',
    echo('"a\u2028b\u2029c"'),
    'a\u2028b\u2029c',
  ],
  ['combined and decomposed letters stay as they are', echo('"\u00e9 e\u0301"'), '\u00e9 e\u0301'],
  ['slashes escaped, as PHP writes them', echo('"http:\\/\\/example.org\\/a\\/b"'), 'http://example.org/a/b'],
  ['slashes as they are', echo('"http://example.org/a/b"'), 'http://example.org/a/b'],
  ['every short escape', echo('"\\"\\\\\\/\\b\\f\\n\\r\\t"'), '"\\/\b\f\n\r\t'],
  ['an empty object', echo('{}'), {}],
  ['an empty list', echo('[]'), []],
  ['empty ones inside one another', echo('{"a":{},"b":[],"c":[{}],"d":[[]]}'), { a: {}, b: [], c: [{}], d: [[]] }],
  ['an empty text and null', echo('["",null]'), ['', null]],
  [
    'floats',
    echo('[0.1,1.5,-2.25,1e-7,1.7976931348623157e308,5e-324]'),
    [0.1, 1.5, -2.25, 1e-7, Number.MAX_VALUE, 5e-324],
  ],
  ['floats in other spellings', echo('[1.0,1E2,1.50e+1,-0.0]'), [1, 100, 15, 0]],
  ['the largest exact integers', echo('[9007199254740991,-9007199254740991]'), [9007199254740991, -9007199254740991]],
  [
    'larger integers that a double holds exactly',
    echo('[9007199254740992,1000000000000000000000]'),
    [9007199254740992, 1e21],
  ],
  ['an integer that no double holds, as text', echo('"9007199254740993"'), '9007199254740993'],
  ['a long value', echo(`"${'long ä 😀 '.repeat(200)}"`), 'long ä 😀 '.repeat(200)],
  [
    'many members',
    echo(`{${Array.from({ length: 60 }, (_, i) => `"m${i}":${i}`).join(',')}}`),
    Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`m${i}`, i])),
  ],
  [
    'spaces after commas and colons, as Python writes them',
    `{"cmd": "test/echo", "value": [1, 2], "api_key": "vector-hex", "timestamp": ${timestamp}}`,
    [1, 2],
  ],
  ['members in order of name', `{"api_key":"vector-hex","cmd":"test/echo","timestamp":${timestamp},"value":1}`, 1],
  ['a timestamp as text', `{"cmd":"test/echo","value":1,"api_key":"vector-hex","timestamp":"${timestamp}"}`, 1],
  ['a name escaped', `{"\\u0063md":"test/echo","value":1,${head('vector-hex')}}`, 1],
  [
    'a member named signature deeper down belongs to the value',
    echo('{"signature":"not ours"}'),
    { signature: 'not ours' },
  ],
  [
    'at the edge of the window, behind',
    `{"cmd":"test/echo","value":1,"api_key":"vector-hex","timestamp":${timestamp - 300}}`,
    1,
  ],
  [
    'at the edge of the window, ahead',
    `{"cmd":"test/echo","value":1,"api_key":"vector-hex","timestamp":${timestamp + 300}}`,
    1,
  ],
]

const pretty = (signature) =>
  `{\n    "cmd": "test/echo",\n    "value": 1,\n    "api_key": "vector-hex",\n    "timestamp": ${timestamp}${signature}\n}`

/** Where the signature stands otherwise; `{mac}` is put in, `signed` is what is left without the member. */
const elsewhere = [
  [
    'the signature in the middle: the comma before it goes with it',
    `{"cmd":"test/echo","value":1,"signature":"{mac}",${head('vector-hex')}}`,
    `{"cmd":"test/echo","value":1,${head('vector-hex')}}`,
  ],
  [
    'the signature first: the comma after it goes with it',
    `{"signature":"{mac}","cmd":"test/echo","value":1,${head('vector-hex')}}`,
    `{"cmd":"test/echo","value":1,${head('vector-hex')}}`,
  ],
  [
    'the signature in the middle of a text with spaces: those before its comma stay',
    `{ "cmd" : "test/echo" , "value" : 1 , "signature" : "{mac}" , ${head('vector-hex')} }`,
    `{ "cmd" : "test/echo" , "value" : 1 , ${head('vector-hex')} }`,
  ],
  [
    'pretty printed: the signature follows the last value, the white space before the brace stays behind it',
    pretty(',\n    "signature": "{mac}"'),
    pretty(''),
  ],
  [
    'its name escaped',
    `{"cmd":"test/echo","value":1,${head('vector-hex')},"\\u0073ignature":"{mac}"}`,
    `{"cmd":"test/echo","value":1,${head('vector-hex')}}`,
  ],
  [
    'its value with escaped slashes, as PHP writes base64',
    `{"cmd":"test/echo","value":1,${head('vector-hex')},"signature":"{mac\\/}"}`,
    `{"cmd":"test/echo","value":1,${head('vector-hex')}}`,
  ],
  [
    'in lower-case hex',
    `{"cmd":"test/echo","value":1,${head('vector-hex')},"signature":"{hex}"}`,
    `{"cmd":"test/echo","value":1,${head('vector-hex')}}`,
  ],
]

const keyOf = (text) => /"(vector-[a-z0-9]+)"/.exec(text)[1]

export function requests({ secretOf, digest }) {
  const row = (reason, signed, body, header, value) => {
    const key = keyOf(signed)
    const secret = secretOf(key)
    return {
      reason,
      api_key: key,
      signed,
      mac_base64: digest(secret, signed, 'base64'),
      mac_hex: digest(secret, signed, 'hex'),
      body,
      ...(header && { header }),
      value,
      code: 10001,
    }
  }
  const macs = (signed) => [
    digest(secretOf(keyOf(signed)), signed, 'base64'),
    digest(secretOf(keyOf(signed)), signed, 'hex'),
  ]
  return [
    ...signedLast.map(([reason, signed, value]) => {
      const [base64] = macs(signed)
      const body = `${signed.slice(0, -1)},"signature":"${base64}"}`
      return { ...row(reason, signed, body, undefined, value), signature_is: 'last' }
    }),
    ...elsewhere.map(([reason, template, signed]) => {
      const [base64, hex] = macs(signed)
      const body = template
        .replace('{mac}', base64)
        .replace('{hex}', hex)
        .replace('{mac\\/}', base64.replaceAll('/', '\\/'))
      return row(reason, signed, body, undefined, 1)
    }),
    ...[
      ['in the header: the body stays as it is', echo('1'), 0],
      ['in the header, in lower-case hex', echo('1'), 1],
      ['in the header, over a body with white space round it', ` ${echo('1')}\n`, 0],
    ].map(([reason, signed, spelling]) => row(reason, signed, signed, macs(signed)[spelling], 1)),
  ]
}

/** What a client must be able to send: understood, each is the same value again. */
export const values = [
  { reason: 'non-ASCII', value: 'Zoë 日本 😀 \u2028' },
  { reason: 'slashes, quotes, backslashes', value: 'http://example.org/"\\' },
  { reason: 'control characters but U+0000', value: '\u0001\b\t\n\f\r\u001f\u007f' },
  { reason: 'a script’s end and an HTML comment', value: '</script><!-- & -->' },
  { reason: 'an empty object', value: {} },
  { reason: 'an empty list', value: [] },
  { reason: 'empty ones inside one another', value: { a: {}, b: [], c: [{}], d: [[]] } },
  { reason: 'null, true, false, an empty text', value: [null, true, false, ''] },
  { reason: 'floats', value: [0.1, 1.5, -2.25, 1e-7, Number.MAX_VALUE, 0.30000000000000004] },
  { reason: 'the largest exact integers', value: [9007199254740991, -9007199254740991] },
  {
    reason: 'names that mean something elsewhere',
    value: { signature: 'x', cmd: 'y', '': 'empty', 0: 'digit', length: 1 },
  },
  { reason: 'digits as text stay text', value: ['0', '007', '9007199254740993', '1e3'] },
  { reason: 'a long text', value: 'long ä 😀 '.repeat(200) },
  { reason: 'depth', value: [[[[[[[[[[['deep']]]]]]]]]]] },
]
