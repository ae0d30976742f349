import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { root } from '../support/instance.js'
import { exchange, post } from '../support/raw.js'
import { hasPrograms, type Ran, removeFolder, run, runCli, serverFor, startServer } from '../support/server.js'

const env = { COUNTERSIGN_DIALECTS: 'native,scaleengine,astra', COUNTERSIGN_LOG_LEVEL: 'trace' }
const password = 'pass word: ä'
const server = await startServer({ env })
const { url, folder } = server
test.before(async () => {
  const file = join(folder, 'password.txt')
  writeFileSync(file, password, { mode: 0o600 })
  const user = ['user', 'set', 'login', '--type', '1', '--password-file', file, '--data', folder]
  assert.equal((await runCli(user)).status, 0)
})
test.after(async () => {
  await server.stop()
  removeFolder(folder)
})

/** The vendor's examples, as its documentation prints them. */
const examples = {
  set: `curl -X POST --user login -d @- http://server:8000/control/ <<END
{
"cmd": "set-user",
"id": "new-admin",
"user": {
"enable": true,
"type": 1,
"password": "secret"
}
}
END
`,
  toggle: `curl \\
-X POST \\
--user login \\
-d '{"cmd":"toggle-user", "id":"login"}' \\
http://server:8000/control/
`,
  remove: `curl -X POST --user login -d @- http://server:8000/control/ <<END
{
"cmd": "set-user",
"id": "new-admin",
"user": {
"remove": true
}
}
END
`,
}

/** Runs an example, with the URL and the login of this gateway. */
const shell = async (example: string, more = ''): Promise<Ran> => {
  const script = example
    .replace('http://server:8000', url)
    .replace('--user login', `--silent ${more} --user 'login:${password}'`)
  return run('sh', ['-c', script])
}

test('the vendor’s curl examples work as printed, but for URL and login', async (t) => {
  if (!hasPrograms(t, 'curl')) return
  assert.equal((await shell(examples.set)).stdout, '{"set-user":"ok"}')
  const made = await server.call('get-user', { id: 'new-admin' })
  assert.deepEqual([Object(made.json?.result).type, Object(made.json?.result).enable], [1, true])
  const toggled = await shell(examples.toggle.replace('"id":"login"', '"id":"new-admin"'))
  assert.equal(toggled.stdout, '{"toggle-user":"ok"}')
  assert.equal(Object((await server.call('get-user', { id: 'new-admin' })).json?.result).enable, false)
  assert.equal((await shell(examples.remove)).stdout, '{"set-user":"ok"}')
  assert.equal((await server.call('get-user', { id: 'new-admin' })).json?.code, 3000)
})

test('the example that turns its own user off keeps the last administrator, and says so', async (t) => {
  if (!hasPrograms(t, 'curl')) return
  const { stdout } = await shell(examples.toggle, `-w ' %{http_code}'`)
  assert.equal(stdout, '{"error":"This is the last enabled administrator","code":3014} 409')
})

test('curl is asked for a password when it gave none that is right, and credentials in the URL do as well', async (t) => {
  if (!hasPrograms(t, 'curl')) return
  const message = ['-s', '-d', '{"cmd":"get-user","id":"nobody"}']
  const wrong = await run('curl', [...message, '-i', '--user', 'login:wrong', `${url}/control`])
  assert.match(wrong.stdout, /^HTTP\/1\.1 401 /)
  assert.match(wrong.stdout, /^WWW-Authenticate: Basic realm="countersign"\r$/m)
  assert.match(wrong.stdout, /^Content-Type: application\/json; charset=utf-8\r$/m)
  assert.match(wrong.stdout, /^Cache-Control: no-store\r$/m)
  assert.match(wrong.stdout, /^X-Content-Type-Options: nosniff\r$/m)
  assert.ok(wrong.stdout.endsWith('\r\n\r\n{"error":"Unknown login or wrong password","code":1401}'))
  const inUrl = url.replace('//', `//login:${encodeURIComponent(password)}@`)
  const { stdout } = await run('curl', [...message, `${inUrl}/control/`])
  assert.equal(stdout, '{"error":"There is no such user","code":3000}')
})

const lines = ({ stdout }: Ran): unknown[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

for (const [program, file, ...needed] of [
  ['python3', 'astra.py'],
  ['php', 'astra.php', 'php-curl'],
] as const) {
  test(`a program in ${program} sets, shows, toggles and removes a user`, async (t: TestContext) => {
    if (!hasPrograms(t, program, ...needed)) return
    const id = `made by ${program}`
    const send = async (message: object, login = 'login') => {
      const args = [join(root, 'test/process/clients', file), `${url}/control/`, login, password]
      return lines(await run(program, args, { input: JSON.stringify(message) }))
    }
    assert.deepEqual(await send({ cmd: 'set-user', id, user: { type: '3', comment: 'ä/"', conlimit: '2' } }), [
      200,
      { 'set-user': 'ok' },
    ])
    assert.deepEqual(await send({ cmd: 'toggle-user', id }, '1/login'), [200, { 'toggle-user': 'ok' }])
    const [status, shown] = await send({ cmd: 'get-user', id })
    const { created_at, updated_at, ...user } = Object(shown)
    assert.ok(created_at > 0 && updated_at >= created_at)
    assert.deepEqual(
      [status, user],
      [200, { id, enable: false, type: 3, comment: 'ä/"', ip: '', expire: 0, conlimit: 2, token: null }],
    )
    assert.deepEqual(await send({ cmd: 'set-user', id, user: { remove: true } }), [200, { 'set-user': 'ok' }])
    assert.deepEqual(await send({ cmd: 'get-user', id }), [404, { error: 'There is no such user', code: 3000 }])
    assert.deepEqual(await send({ cmd: 'get-user', id }, 'nobody'), [
      401,
      { error: 'Unknown login or wrong password', code: 1401 },
    ])
  })
}

test('no password is logged, right or wrong, whatever the level', async () => {
  const authorization = `Authorization: Basic ${Buffer.from('login:canary-wrong').toString('base64')}`
  await exchange(server.port, post('{"cmd":"ping"}', [authorization]))
  const log = server.log()
  for (const secret of [
    password,
    'canary-wrong',
    ...[password, 'canary-wrong'].map((text) => base64(`login:${text}`)),
  ]) {
    assert.ok(!log.includes(secret), secret)
  }
})

const base64 = (text: string): string => Buffer.from(text).toString('base64')

test('where it is not named it does not exist: the same request is a native one without a key', async (t) => {
  const plain = await serverFor(t)
  const response = await fetch(`${plain.url}/control`, {
    method: 'POST',
    headers: { Authorization: `Basic ${base64(`login:${password}`)}` },
    body: '{"cmd":"get-user","id":"login"}',
  })
  const { code, message } = Object(await response.json())
  assert.deepEqual([response.status, code], [400, 1400])
  assert.match(message, /^api_key: missing/)
  assert.equal(response.headers.get('WWW-Authenticate'), null)
})
