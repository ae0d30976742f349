import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { hasPrograms, type Ran, run, runCli } from '../support/server.js'

const secret = 'cs_k8vXo3wq2ZrT9bYc1dEfGhIjKlMnOpQrStUvWxYz0121abc9z'
const otherSecret = 'cs_ZZvXo3wq2ZrT9bYc1dEfGhIjKlMnOpQrStUvWxYz012zzzzzz'
const adminKey = { cdn: 1, api_key: 'ck_owner', secret: otherSecret }

type Language = 'php' | 'python3' | 'node' | 'sh'

/**
 * A client with a fault: it reads its secret from the file `secret`, writes the body that it sends to the file `body` and
 * the MAC that it worked out to the file `mac`. Each gets a few lines before it that all clients of its language have.
 */
type Row = readonly [what: string, language: Language, client: string, cause: RegExp]

const preludes: Readonly<Record<Language, string>> = {
  php: `
    $secret = trim(file_get_contents('secret'));
    $message = ['cmd' => 'set-user', 'id' => 'a/b', 'comment' => 'Grüße 😀', 'api_key' => 'ck_42', 'timestamp' => 1795332418];
    $plain = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE;
    function mac($text, $secret) { return base64_encode(hash_hmac('sha256', $text, $secret, true)); }
    function send($body, $mac) { file_put_contents('body', $body); file_put_contents('mac', $mac); }
    function signed($text, $mac) { return substr($text, 0, -1) . ',"signature":' . json_encode($mac, JSON_UNESCAPED_SLASHES) . '}'; }
  `,
  python3: `
import base64, hashlib, hmac, json, urllib.parse
secret = open('secret').read().strip()
message = {'cmd': 'set-user', 'id': 'a/b', 'comment': 'Grüße', 'api_key': 'ck_42', 'timestamp': 1795332418}
compact = dict(separators=(',', ':'), ensure_ascii=False)
def mac(text, key=secret, algorithm='sha256'):
    text = text if isinstance(text, bytes) else text.encode()
    key = key if isinstance(key, bytes) else key.encode()
    return base64.b64encode(hmac.new(key, text, algorithm).digest()).decode()
def send(body, mac):
    open('body', 'wb').write(body if isinstance(body, bytes) else body.encode())
    open('mac', 'w').write(mac)
def signed(text, mac): return text[:-1] + ',"signature":"' + mac + '"}'
`,
  node: `
    const { createHash, createHmac } = require('node:crypto')
    const { readFileSync, writeFileSync } = require('node:fs')
    const secret = readFileSync('secret', 'utf8').trim()
    const message = { cmd: 'set-user', id: 'a/b', comment: 'Grüße', api_key: 'ck_42', timestamp: 1795332418 }
    const mac = (text, key = secret, algorithm = 'sha256') => createHmac(algorithm, key).update(text).digest('base64')
    const send = (body, mac) => { writeFileSync('body', body); writeFileSync('mac', mac) }
    const signed = (text, mac) => text.slice(0, -1) + ',"signature":"' + mac + '"}'
  `,
  sh: `
    secret=$(cat secret)
    text='{"cmd":"ping","api_key":"ck_42","timestamp":1795332418}'
    mac() { openssl dgst -sha256 -hmac "$secret" -binary | openssl base64 -A; }
    send() { printf '%s' "\${text%?},\\"signature\\":\\"$1\\"}" > body; printf '%s' "$1" > mac; }
  `,
}

const programs: Readonly<Record<Language, readonly [string, ...string[]]>> = {
  php: ['php', '-r'],
  python3: ['python3', '-c'],
  node: ['node', '-e'],
  sh: ['sh', '-c'],
}

const broken: readonly Row[] = [
  [
    'PHP escapes slashes when it signs, but not when it sends',
    'php',
    `$m = mac(json_encode($message, JSON_UNESCAPED_UNICODE), $secret); send(signed(json_encode($message, $plain), $m), $m);`,
    /^cause: slashes were signed as \\\/ but sent plain/,
  ],
  [
    'PHP escapes slashes when it sends, but not when it signs',
    'php',
    `$m = mac(json_encode($message, $plain), $secret); send(signed(json_encode($message, JSON_UNESCAPED_UNICODE), $m), $m);`,
    /^cause: slashes were signed plain but sent as \\\//,
  ],
  [
    'PHP escapes slashes and Unicode only when it signs',
    'php',
    `$m = mac(json_encode($message), $secret); send(signed(json_encode($message, $plain), $m), $m);`,
    /^cause: .*(json_encode|\\\/.*\\uXXXX)/,
  ],
  [
    'PHP signs pretty-printed text and sends compact',
    'php',
    `$m = mac(json_encode($message, $plain | JSON_PRETTY_PRINT), $secret); send(signed(json_encode($message, $plain), $m), $m);`,
    /^cause: the pretty-printed text was signed/,
  ],
  [
    'PHP encodes the hex MAC in base64 again',
    'php',
    `$text = json_encode($message); $m = base64_encode(hash_hmac('sha256', $text, $secret)); send(signed($text, $m), $m);`,
    /^cause: the MAC was encoded twice: base64 of its hex/,
  ],
  [
    'PHP swaps key and message',
    'php',
    `$text = json_encode($message); $m = mac($secret, $text); send(signed($text, $m), $m);`,
    /^cause: key and message were swapped/,
  ],
  [
    'PHP signs with an empty signature in its place',
    'php',
    `$message['signature'] = ''; $m = mac(json_encode($message), $secret); $message['signature'] = $m; send(json_encode($message), $m);`,
    /^cause: the text was signed with an empty signature member/,
  ],
  [
    'PHP signs with a null signature in its place',
    'php',
    `$message['signature'] = null; $m = mac(json_encode($message), $secret); $message['signature'] = $m; send(json_encode($message), $m);`,
    /^cause: the text was signed with a signature member that is null/,
  ],
  [
    'PHP sorts the members for signing',
    'php',
    `$sorted = $message; ksort($sorted); $m = mac(json_encode($sorted), $secret); send(signed(json_encode($message), $m), $m);`,
    /^cause: the members were sorted/,
  ],
  [
    'PHP signs the form, not its field',
    'php',
    `$text = json_encode($message); $m = mac(http_build_query(['json' => $text]), $secret); send(http_build_query(['json' => signed($text, $m)]), $m);`,
    /^cause: the form around the JSON was signed/,
  ],
  [
    'PHP hashes secret and body without HMAC',
    'php',
    `$text = json_encode($message); $m = base64_encode(hash('sha256', $secret . $text, true)); send(signed($text, $m), $m);`,
    /^cause: SHA-256 of secret and body/,
  ],
  [
    'Python signs with spaces and sends without',
    'python3',
    `m = mac(json.dumps(message, ensure_ascii=False)); send(signed(json.dumps(message, **compact), m), m)`,
    /^cause: spaces after the separators were signed but not sent/,
  ],
  [
    'Python signs compact text and sends json.dumps',
    'python3',
    `m = mac(json.dumps(message, separators=(',', ':'))); message['signature'] = m; send(json.dumps(message), m)`,
    /^cause: the compact text was signed/,
  ],
  [
    'Python escapes Unicode only when it signs',
    'python3',
    `m = mac(json.dumps(message, separators=(',', ':'))); send(signed(json.dumps(message, **compact), m), m)`,
    /^cause: characters beyond ASCII were signed as \\uXXXX/,
  ],
  [
    'Python escapes Unicode only when it sends',
    'python3',
    `m = mac(json.dumps(message, **compact)); send(signed(json.dumps(message, separators=(',', ':')), m), m)`,
    /^cause: characters beyond ASCII were signed as they are/,
  ],
  [
    'Python signs json.dumps with sort_keys, its spaces and escapes, and sends compact',
    'python3',
    `m = mac(json.dumps(message, sort_keys=True)); send(signed(json.dumps(message, **compact), m), m)`,
    /^cause: the members were sorted.*json\.dumps/,
  ],
  [
    'Python sends upper-case hex',
    'python3',
    `text = json.dumps(message); m = hmac.new(secret.encode(), text.encode(), 'sha256').hexdigest().upper(); send(signed(text, m), m)`,
    /^cause: the MAC is in upper-case hex/,
  ],
  [
    'Python sends URL-safe base64',
    'python3',
    `text = json.dumps(message); m = base64.urlsafe_b64encode(hmac.new(secret.encode(), text.encode(), 'sha256').digest()).decode().rstrip('='); send(signed(text, m), m)`,
    /^cause: the MAC is (in the URL-safe alphabet|base64 without its padding)/,
  ],
  [
    'Python uses SHA-1',
    'python3',
    `text = json.dumps(message); m = mac(text, algorithm='sha1'); send(signed(text, m), m)`,
    /^cause: HMAC-SHA1 was used: use HMAC-SHA256/,
  ],
  [
    'Python uses SHA-512',
    'python3',
    `text = json.dumps(message); m = mac(text, algorithm='sha512'); send(signed(text, m), m)`,
    /^cause: HMAC-SHA512 was used/,
  ],
  [
    'Python uses MD5',
    'python3',
    `text = json.dumps(message); m = mac(text, algorithm='md5'); send(signed(text, m), m)`,
    /^cause: HMAC-MD5 was used/,
  ],
  [
    'Python decodes the secret from base64',
    'python3',
    `text = json.dumps(message); m = mac(text, base64.urlsafe_b64decode(secret[3:46] + '=')); send(signed(text, m), m)`,
    /^cause: the secret was base64-decoded without its cs_/,
  ],
  [
    'Python reads the secret with its newline',
    'python3',
    `text = json.dumps(message); m = mac(text, open('secret').read()); send(signed(text, m), m)`,
    /^cause: the secret was read from its file with the newline/,
  ],
  [
    'Python signs before it adds the api_key',
    'python3',
    `key = message.pop('api_key'); m = mac(json.dumps(message)); message['api_key'] = key; send(signed(json.dumps(message), m), m)`,
    /^cause: the member "api_key" was added after signing/,
  ],
  [
    'Python reads the clock twice',
    'python3',
    `m = mac(json.dumps(message)); message['timestamp'] += 2; send(signed(json.dumps(message), m), m)`,
    /^cause: another timestamp was signed than was sent/,
  ],
  [
    'Python signs Latin-1 and sends UTF-8',
    'python3',
    `text = json.dumps(message, ensure_ascii=False); m = mac(text.encode('latin-1')); send(signed(text, m), m)`,
    /^cause: the body was signed as Latin-1/,
  ],
  [
    'Python sends a byte order mark',
    'python3',
    `text = json.dumps(message); m = mac(text); send(b'\\xef\\xbb\\xbf' + signed(text, m).encode(), m)`,
    /^cause: the body was sent with a byte order mark/,
  ],
  [
    'Python signs CR LF line ends and sends LF',
    'python3',
    `text = json.dumps(message, indent=2); m = mac(text.replace('\\n', '\\r\\n')); send(text[:-2] + ',\\n  "signature": "' + m + '"\\n}', m)`,
    /^cause: CR LF line ends were signed/,
  ],
  [
    'Node signs milliseconds and sends seconds',
    'node',
    `const m = mac(JSON.stringify({ ...message, timestamp: 1795332418123 })); send(signed(JSON.stringify(message), m), m)`,
    /^cause: the timestamp was signed in milliseconds/,
  ],
  [
    'Node signs the members in another order',
    'node',
    `const { api_key, timestamp, ...rest } = message; const m = mac(JSON.stringify({ timestamp, ...rest, api_key })); send(signed(JSON.stringify(message), m), m)`,
    /^cause: the members were signed in another order/,
  ],
  [
    'Node uses a plain hash',
    'node',
    `const text = JSON.stringify(message); const m = createHash('sha256').update(text).digest('base64'); send(signed(text, m), m)`,
    /^cause: a plain SHA-256 of the body was used/,
  ],
  [
    'Node uses the public id as the secret',
    'node',
    `const text = JSON.stringify(message); const m = mac(text, message.api_key); send(signed(text, m), m)`,
    /^cause: the key’s public id was used as the secret/,
  ],
  [
    'Node uses the secret of the admin key',
    'node',
    `const text = JSON.stringify(message); const m = mac(text, JSON.parse(readFileSync('data/admin-key.json')).secret); send(signed(text, m), m)`,
    /^cause: it was signed with the secret in the data folder’s admin-key\.json/,
  ],
  [
    'Node signs the timestamp as a string',
    'node',
    `const m = mac(JSON.stringify({ ...message, timestamp: '1795332418' })); send(signed(JSON.stringify(message), m), m)`,
    /^cause: the timestamp was signed as a number but sent as a string, or/,
  ],
  [
    'Node puts the timestamp before the body',
    'node',
    `const text = JSON.stringify(message); const m = mac(message.timestamp + '.' + text); send(signed(text, m), m)`,
    /^cause: the timestamp was put before the body/,
  ],
  [
    'Node leaves the comma of the signature',
    'node',
    `const m = mac(JSON.stringify(message).slice(0, -1) + ',}'); send(signed(JSON.stringify(message), m), m)`,
    /^cause: the comma or space beside the signature/,
  ],
  [
    'the shell signs with echo',
    'sh',
    `send "$(echo "$text" | mac)"`,
    /^cause: a newline at the end was signed that was not sent/,
  ],
  [
    'the shell sends with echo',
    'sh',
    `send "$(printf '%s' "$text" | mac)"; echo >> body`,
    /^cause: the body was sent with white space at its end that was not signed/,
  ],
  [
    'the shell keeps what openssl prints before the MAC',
    'sh',
    `send "$(printf '%s' "$text" | openssl dgst -sha256 -hmac "$secret")"`,
    /^cause: something stands before or after the MAC/,
  ],
  [
    'the shell decodes the secret and signs with echo',
    'sh',
    `secret=$(printf '%s' "$secret" | cut -c4-); send "$(echo "$text" | mac)"`,
    /^cause: a newline at the end was signed that was not sent, and the secret was used without its cs_/,
  ],
]

const whole: readonly (readonly [what: string, language: Language, client: string])[] = [
  [
    'PHP with its own escapes',
    'php',
    `$text = json_encode($message); $m = mac($text, $secret); send(signed($text, $m), $m);`,
  ],
  [
    'Python with spaces and hex',
    'python3',
    `text = json.dumps(message); m = hmac.new(secret.encode(), text.encode(), 'sha256').hexdigest(); send(signed(text, m), m)`,
  ],
  [
    'a form field, signed inside',
    'php',
    `$text = json_encode($message); $m = mac($text, $secret); send(http_build_query(['json' => signed($text, $m)]), $m);`,
  ],
  ['the shell, for the header', 'sh', `printf '%s' "$text" > body; printf '%s' "$text" | mac > mac`],
]

describe('sign --explain', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-'))
    writeFileSync(join(folder, 'secret'), `${secret}\n`)
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'data/admin-key.json'), JSON.stringify(adminKey))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  async function explained(language: Language, client: string): Promise<Ran> {
    const [program, flag = ''] = programs[language]
    const made = await run(program, [flag, preludes[language] + client], { cwd: folder })
    assert.equal(made.status, 0, made.stderr)
    const args = ['sign', '--secret-file', 'secret', '--explain', readFileSync(join(folder, 'mac'), 'utf8')]
    const told = await runCli(args, { cwd: folder, input: readFileSync(join(folder, 'body')) })
    assert.ok(!`${told.stdout}${told.stderr}`.includes(secret), 'the secret is not printed')
    return told
  }

  for (const [what, language, client, expected] of broken) {
    test(`names the cause when ${what}`, async (t) => {
      if (!hasPrograms(t, language, ...(language === 'sh' ? ['openssl'] : []))) return
      const { status, stdout } = await explained(language, client)
      assert.match(stdout.split('\n').find((line) => /^(cause|right)/.test(line)) ?? stdout, expected)
      assert.equal(status, 0)
    })
  }

  for (const [what, language, client] of whole) {
    test(`says that the MAC is right: ${what}`, async (t) => {
      if (!hasPrograms(t, language, ...(language === 'sh' ? ['openssl'] : []))) return
      const { status, stdout } = await explained(language, client)
      assert.match(stdout, /^right: /m)
      assert.equal(status, 0)
    })
  }

  test('a MAC that nothing explains ends with 1, and the bytes that must be signed are shown at both ends', async () => {
    const text = `{"cmd":"ping","note":"${'x'.repeat(200)}\\n","timestamp":1795332418}`
    const body = text.replace(/\}$/, ',"signature":"AAAA"}')
    const args = ['sign', '--secret-file', 'secret', '--explain', Buffer.alloc(32, 7).toString('base64')]
    const { status, stdout } = await runCli(args, { cwd: folder, input: body })
    assert.equal(status, 1)
    assert.match(stdout, new RegExp(`^must be signed: ${text.length} bytes$`, 'm'))
    assert.ok(stdout.includes('first text: {"cmd":"ping","note":"xxxx'))
    assert.ok(stdout.includes('xxx\\\\n","timestamp":1795332418}\n'))
    assert.match(stdout, /^last hex: .* 31 38 7d$/m)
    assert.match(stdout, /^cause: not found/m)
  })

  test('what is no MAC at all is said to be none', async () => {
    for (const given of ['garbage', '', '{"signature":"AAAA"}']) {
      const told = await runCli(['sign', '--secret-file', 'secret', '--explain', given], { cwd: folder, input: '{}' })
      assert.equal(told.status, 1)
      assert.match(told.stdout, /^cause: this is no MAC: it has \d+ characters?, /m)
    }
  })

  test('a body that holds the secret is not shown', async () => {
    const body = JSON.stringify({ cmd: 'ping', api_key: secret, timestamp: 1795332418 })
    const { stdout, stderr } = await runCli(['sign', '--secret-file', 'secret', '--explain', 'AAAA'], {
      cwd: folder,
      input: body,
    })
    assert.match(stdout, /not shown: the body holds the secret/)
    assert.match(stdout, /api_key is the secret, not the public id/)
    assert.ok(!`${stdout}${stderr}`.includes(secret))
    assert.ok(!stdout.replaceAll(' ', '').includes(Buffer.from(secret).toString('hex')))
  })
})
