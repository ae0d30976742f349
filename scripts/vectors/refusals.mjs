// Requests that a server must refuse, with the code that it must give.
import { timestamp } from './requests.mjs'

const tail = `"api_key":"vector-hex","timestamp":${timestamp}`
const plain = `{"cmd":"test/echo","value":1,${tail}}`
const withTimestamp = (spelled) => `{"cmd":"test/echo","value":1,"api_key":"vector-hex","timestamp":${spelled}}`
const withValue = (value) => `{"cmd":"test/echo","value":${value},${tail}}`
const [malformed, unauthenticated, stale, forbidden, unknown, invalid] = [1400, 1401, 1402, 1403, 1404, 1422]

/** Signed rightly, refused all the same. */
const wellSigned = [
  ['a name twice', `{"cmd":"test/echo","cmd":"test/echo","value":1,${tail}}`, malformed],
  ['a name twice, once escaped', `{"cmd":"test/echo","\\u0063md":"ping","value":1,${tail}}`, malformed],
  ['a name twice deeper down', withValue('{"a":1,"a":2}'), malformed],
  ['a name that JavaScript gives a meaning', withValue('{"__proto__":{}}'), malformed],
  ['half a surrogate pair', withValue('"\\ud83d"'), malformed],
  ['an integer that no double holds', withValue('9007199254740993'), malformed],
  ['a number that overflows', withValue('1e999'), malformed],
  ['JSON with a comma too many', withValue('[1,]'), malformed],
  ['JSON with a leading zero', withValue('01'), malformed],
  ['NaN is no JSON', withValue('NaN'), malformed],
  ['33 levels', withValue(`${'['.repeat(32)}${']'.repeat(32)}`), malformed],
  ['cmd and command together', `{"cmd":"test/echo","command":"test/echo","value":1,${tail}}`, malformed],
  ['no cmd', `{"value":1,${tail}}`, malformed],
  ['a timestamp in milliseconds', withTimestamp(`${timestamp}000`), malformed],
  ['a timestamp with a fraction', withTimestamp(`${timestamp}.0`), malformed],
  ['a timestamp with an exponent', withTimestamp('1.795332418e9'), malformed],
  ['no timestamp', '{"cmd":"test/echo","value":1,"api_key":"vector-hex"}', malformed],
  [
    'an idempotency_key that is too short',
    `{"cmd":"test/echo","value":1,"idempotency_key":"short",${tail}}`,
    malformed,
  ],
  ['a member of the envelope that is null', `{"cmd":"test/echo","value":1,"dry_run":null,${tail}}`, malformed],
  ['a second behind the window', withTimestamp(timestamp - 301), stale],
  ['a second ahead of the window', withTimestamp(timestamp + 301), stale],
  ['the account of somebody else', `{"cmd":"test/echo","value":1,"cdn":2,${tail}}`, forbidden],
  ['an audience that this instance is not', `{"cmd":"test/echo","value":1,"audience":"elsewhere",${tail}}`, forbidden],
  ['a command that there is not', `{"cmd":"test/ecko","value":1,${tail}}`, unknown],
  ['a command with a capital letter', `{"cmd":"Test/echo","value":1,${tail}}`, unknown],
  ['a parameter that there is not', `{"cmd":"test/echo","value":1,"extra":1,${tail}}`, invalid],
  ['a parameter that is missing', `{"cmd":"test/echo",${tail}}`, invalid],
  ['U+0000 in a parameter', withValue('"a\\u0000b"'), invalid],
]

export function refusals({ secretOf, digest }) {
  const secret = secretOf('vector-hex')
  const inBody = (text, signature) => `${text.slice(0, -1)},"signature":${JSON.stringify(signature)}}`
  const right = digest(secret, plain, 'base64')
  const hex = digest(secret, plain, 'hex')
  const row = (reason, signed, signature, body, code, header) => ({
    reason,
    api_key: 'vector-hex',
    signed,
    signature,
    genuine: signature === digest(secret, signed, 'base64'),
    body,
    ...(header !== undefined && { header }),
    code,
  })
  const wrongly = (reason, signature, code = unauthenticated) =>
    row(reason, plain, signature, inBody(plain, signature), code)
  return [
    ...wellSigned.map(([reason, signed, code]) => {
      const signature = digest(secret, signed, 'base64')
      return row(reason, signed, signature, inBody(signed, signature), code)
    }),
    row('no signature', plain, null, plain, malformed),
    wrongly('a signature that is null', null, malformed),
    wrongly('a signature that is a number', 1, malformed),
    wrongly('a signature that is a list', [right], malformed),
    wrongly('an empty signature', ''),
    wrongly('the signature without padding', right.replace(/=+$/, '')),
    wrongly('the signature with a newline behind it', `${right}\n`),
    wrongly('the signature with a space before it', ` ${right}`),
    wrongly('the signature with a bit set that base64 ignores', `${right.slice(0, -2)}${nextLetter(right.at(-2))}=`),
    wrongly('the signature in upper-case hex', hex.toUpperCase()),
    wrongly('the signature in the alphabet for URLs', digest(secret, plain, 'base64url')),
    wrongly('the secret decoded from hex', digest(Buffer.from(secret, 'hex'), plain, 'base64')),
    wrongly('another secret', digest(`${secret}0`, plain, 'base64')),
    wrongly('signed with a newline at the end', digest(secret, `${plain}\n`, 'base64')),
    wrongly('signed as it is written again, with spaces', digest(secret, plain.replaceAll(',', ', '), 'base64')),
    row(
      'pretty printed, the signature behind the white space before the brace: that space is cut out with it',
      `${plain.slice(0, -1)}\n}`,
      digest(secret, `${plain.slice(0, -1)}\n}`, 'base64'),
      inBody(`${plain.slice(0, -1)}\n}`, digest(secret, `${plain.slice(0, -1)}\n}`, 'base64')),
      unauthenticated,
    ),
    wrongly('SHA-256 without a secret', digest('', plain, 'base64')),
    wrongly('the MAC of a reply', digest(secret, `countersign-reply\n${hex}\n200\n${plain}`, 'base64')),
    row('changed after it was signed', plain, right, inBody(plain.replace('1,', '2,'), right), unauthenticated),
    row(
      'changed outside the signature’s member: another name before it',
      plain,
      right,
      `{"signature":"${right}","x":1,${plain.slice(1)}`,
      unauthenticated,
    ),
    row(
      'a key that nobody knows',
      plain.replace('vector-hex', 'vector-none'),
      digest(secret, plain.replace('vector-hex', 'vector-none'), 'base64'),
      inBody(
        plain.replace('vector-hex', 'vector-none'),
        digest(secret, plain.replace('vector-hex', 'vector-none'), 'base64'),
      ),
      unauthenticated,
    ),
    row('a signature in the body and one in the header', plain, right, inBody(plain, right), malformed, right),
    row('two signatures in the body', plain, right, inBody(inBody(plain, right), right), malformed),
    row('a header over another body', plain, right, ` ${plain}`, unauthenticated, right),
    row('a byte order mark', plain, right, `\ufeff${inBody(plain, right)}`, malformed),
    row(
      'a list',
      `[${plain}]`,
      digest(secret, `[${plain}]`, 'base64'),
      `[${plain}]`,
      malformed,
      digest(secret, `[${plain}]`, 'base64'),
    ),
  ]
}

/** Decodes to the same bytes: only its low bits differ. */
function nextLetter(letter) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return alphabet[alphabet.indexOf(letter) + 1]
}
