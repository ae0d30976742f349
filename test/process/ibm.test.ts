import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/instance.js'
import { exchange } from '../support/raw.js'
import { hasPrograms, removeFolder, run, runCli, serverFor, startServer, temporaryFolder } from '../support/server.js'

/**
 * Links must lead back here, so the port must be known before the gateway starts: one below those that the system gives
 * to whoever asks for any, which other tests do meanwhile.
 */
async function freePort(): Promise<number> {
  const port = randomInt(20_000, 32_000)
  const probe = createServer()
  const free = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => resolve(true))
  })
  await new Promise((resolve) => probe.close(resolve))
  return free ? port : freePort()
}

const port = await freePort()
const url = `http://127.0.0.1:${port}`
const devices = `${url}/users/self/device-passwords`
const env = {
  COUNTERSIGN_DIALECTS: 'native,ibm',
  COUNTERSIGN_PUBLIC_URL: `${url}/`,
  COUNTERSIGN_LOG_LEVEL: 'trace',
  COUNTERSIGN_BODY_LIMIT: '4096',
}
const server = await startServer({ env, port })
let token = ''
test.before(async () => {
  const { stdout } = await runCli(['call', 'access-tokens/create', '--url', url, '--data', server.folder])
  token = JSON.parse(stdout).result.token
})
test.after(async () => {
  await server.stop()
  removeFolder(server.folder)
})

const curlWith = async (authorization: string, ...args: string[]) => {
  const { stdout } = await run('curl', ['-s', '-w', '\\n%{http_code}', '-H', authorization, ...args])
  const at = stdout.lastIndexOf('\n')
  return [Number(stdout.slice(at + 1)), stdout.slice(0, at)] as const
}
const curl = (...args: string[]) => curlWith(`Authorization: Bearer ${token}`, ...args)

test('curl makes a device, lists and revokes it, and whether it may log in follows', async (t) => {
  if (!hasPrograms(t, 'curl')) return
  const [status, text] = await curl(
    '-d',
    'device_name=Sample Device 4 für Zoë',
    '-d',
    'valid_from=1497571200',
    `${devices}.json`,
  )
  const { user_name, password, ...given } = JSON.parse(text)
  assert.deepEqual(
    [status, given],
    [200, { device_name: 'Sample Device 4 für Zoë', valid_from: 1_497_571_200, valid_until: null }],
  )
  const check = async () => (await server.call('device-passwords/check', { user_name, password })).json?.code
  assert.equal(await check(), 5061)
  const [, listed] = await curl(`${devices}.json?page=1&pagesize=50`)
  const { device_passwords, paging } = JSON.parse(listed)
  const { created_at, ...device } = device_passwords[0]
  assert.deepEqual([device, paging], [{ ...given, user_name }, []])
  assert.ok(Math.abs(created_at - Date.now() / 1000) < 60)
  assert.deepEqual(await curl('-X', 'DELETE', `${devices}/${user_name}.json`), [200, ''])
  assert.deepEqual(await curl('-X', 'DELETE', `${devices}/${user_name}.json`), [404, '{"error":"not_found"}'])
  assert.equal(await check(), 5060)
})

test('curl is told what is wrong in the vendor’s words', async (t) => {
  if (!hasPrograms(t, 'curl')) return
  const large = 'x'.repeat(5_000)
  for (const [args, status, error] of [
    [['-d', 'device_name=tv', `${devices}.json`], 400, 'input_validation_error'],
    [['-F', 'device_name=tv', `${devices}.json`], 400, 'input_validation_error'],
    [['-X', 'PUT', `${devices}.json`], 405, 'method_not_allowed'],
    [[`${devices}`], 404, 'not_found'],
    [[`${url}/users/self/channels.json`], 404, 'not_found'],
    [['-d', large, `${devices}.json`], 413, 'request_too_large'],
    [['-H', 'Content-Encoding: gzip', '-d', 'x', `${devices}.json`], 415, 'unsupported_media_type'],
  ] as const) {
    assert.deepEqual(await curl(...args), [status, JSON.stringify({ error })], args.join(' ').slice(0, 80))
  }
  for (const authorization of ['Authorization: Bearer wrong', 'Authorization:', 'Authorization: Basic bG9naW46eA==']) {
    assert.deepEqual(await curlWith(authorization, `${devices}.json`), [401, '{"error":"unauthorized"}'])
  }
})

test('a Python program makes devices, follows the links over several pages, and revokes them', async (t) => {
  if (!hasPrograms(t, 'python3')) return
  const python = async (...args: string[]) => {
    const { status, stdout, stderr } = await run('python3', [
      join(root, 'test/process/clients/devices.py'),
      url,
      token,
      ...args,
    ])
    assert.equal(status, 0, stderr)
    return JSON.parse(stdout)
  }
  const names = ['a', 'b', 'c', 'd', 'e']
  const logins: string[] = []
  for (const name of names) {
    const made = await python('create', name, '0', '4102444800')
    assert.match(made.password, /^[0-9a-z]{26}$/)
    logins.push(made.user_name)
  }
  const pages: string[][] = await python('list', '2')
  assert.deepEqual([pages.map(({ length }) => length), pages.flat()], [[2, 2, 1], names])
  assert.deepEqual((await python('list', '5')).length, 1)
  for (const login of logins) assert.deepEqual(await python('revoke', login), { status: 200, body: '' })
  assert.deepEqual(await python('list', '50'), [[]])
})

test('every reply has the headers of the endpoint, the empty one too; a broken request at its paths is answered in its words', async () => {
  const send = (lines: readonly string[]) => exchange(port, Buffer.from(`${lines.join('\r\n')}\r\n\r\n`))
  const path = '/users/self/device-passwords.json'
  const authorization = `Authorization: Bearer ${token}`
  const rows = [
    [[`GET ${path} HTTP/1.1`, 'Host: evil.example', authorization], 200],
    [[`GET ${path} HTTP/1.1`, 'Host: a', 'Host: b', authorization], 400],
    [[`GET ${path} HTTP/1.1`, 'Host: a', authorization, authorization], 400],
    [[`PUT ${path} HTTP/1.1`, 'Host: a'], 405],
  ] as const
  for (const [lines, status] of rows) {
    const reply = await send(lines)
    assert.equal(reply.status, status)
    assert.equal(reply.headers.get('content-type'), 'application/json; charset=utf-8')
    assert.equal(reply.headers.get('cache-control'), 'no-store')
    assert.equal(reply.headers.get('x-content-type-options'), 'nosniff')
    assert.ok(reply.headers.get('x-request-id'))
    if (status !== 200) assert.deepEqual(Object.keys(JSON.parse(reply.body)), ['error'])
  }
  assert.equal((await send(rows[3][0])).headers.get('allow'), 'GET, POST')
})

test('a token works at its own paths alone, and is never logged', async () => {
  const response = await fetch(`${url}/control`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}` },
    body: '{"cmd":"device-passwords/list"}',
  })
  assert.deepEqual([response.status, Object(await response.json()).code], [400, 1400])
  assert.ok(!server.log().includes(token))
})

test('where it is not named its paths do not exist', async (t) => {
  const plain = await serverFor(t)
  for (const method of ['GET', 'POST', 'DELETE']) {
    const response = await fetch(`${plain.url}/users/self/device-passwords.json`, { method })
    assert.deepEqual([response.status, Object(await response.json()).code], [404, 1404])
  }
})

test('without COUNTERSIGN_PUBLIC_URL it does not start: 78, and what to set', async (t) => {
  const data = temporaryFolder()
  t.after(() => removeFolder(data))
  const { status, stderr } = await runCli(['serve', '--data', data, '--port', '0', '--dialects', 'native,ibm'])
  assert.equal(status, 78)
  assert.match(stderr, /names ibm, .*set COUNTERSIGN_PUBLIC_URL/)
})
