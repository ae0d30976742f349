import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { send } from '../../clients/typescript/index.js'
import { root } from '../support/instance.js'
import { hasPrograms, type Ran, removeFolder, run, runCli, startServer } from '../support/server.js'

/** What the vendor's documentation signs with (sevu.removestreamuser). */
const vendor = {
  apiKey: 'APX4GKLM0RKQLSP2FBO1ROPKSSW47DZE',
  secret: '8fc8c48da81e6a2a06a9556379bf798af508dc0792497c678b4c3532ba8b637f',
}
const cdn = 158
const client = (name: string) => join(root, 'test/process/clients', name)

const server = await startServer()
const { url, folder } = server
const secretFile = join(folder, 'vendor-secret.txt')
writeFileSync(secretFile, vendor.secret, { mode: 0o600 })
const local = (...args: string[]) => runCli([...args, '--data', folder])
test.before(async () => {
  assert.equal((await local('account', 'create', '--cdn', String(cdn))).status, 0)
  const args = ['key', 'import', '--cdn', String(cdn), '--api-key', vendor.apiKey, '--secret-file', secretFile]
  assert.equal((await local(...args)).status, 0)
})
test.after(async () => {
  await server.stop()
  removeFolder(folder)
})

const answer = ({ status, stdout, stderr }: Ran) => {
  assert.equal(status, 0, stderr + stdout)
  return JSON.parse(stdout)
}

/** An honest second request of the same client has another timestamp. */
const nextSecond = () => delay(1_010 - (Date.now() % 1_000))

const php = async (request: object, carrier: string, flags = 0) => {
  const args = [
    client('streams.php'),
    `${url}/control`,
    vendor.apiKey,
    vendor.secret,
    String(cdn),
    carrier,
    String(flags),
  ]
  return answer(await run('php', args, { input: JSON.stringify(request) }))
}

const hasPhp = (t: TestContext): boolean => hasPrograms(t, 'php', 'php-curl')

const byVendor = (cmd: string, params: object) =>
  send(url, cmd, params, vendor, { timestamp: Math.floor(Date.now() / 1000) })

for (const [carrier, id] of [
  ['multipart', 1],
  ['urlencoded', 2],
  ['body', 3],
] as const) {
  test(`a PHP program of 2014 with its vendor's credentials removes a stream user: json as ${carrier}, 2081, then 2080`, async (t) => {
    if (!hasPhp(t)) return
    const user = { app: 'demo-origin', stream: 'mystream', user: 'username_1' }
    const added = await byVendor('sevu.addstreamuser', { ...user, pass: 'a password' })
    assert.deepEqual([added.json?.code, Object(added.json?.result).streamuser_id], [2061, id])

    const request = { command: 'sevu.removestreamuser', streamuser_id: String(id), ...user }
    const { handle_time, ...removed } = await php(request, carrier)
    assert.deepEqual(removed, { code: 2081, message: 'Stream User Removed', status: 'success' })
    assert.match(handle_time, /^[0-9]+\.[0-9]{4} seconds$/)

    await nextSecond()
    const { handle_time: _, ...again } = await php(request, carrier)
    assert.deepEqual(again, { code: 2080, message: 'Stream User could not be removed', status: 'failure' })
  })
}

test('what PHP escapes, and what it does not when told so, verifies: slashes, non-ASCII, pretty printing', async (t) => {
  if (!hasPhp(t)) return
  const [prettyPrint, unescapedSlashes, unescapedUnicode] = [128, 64, 256]
  const rows = [0, unescapedSlashes, unescapedUnicode, prettyPrint, prettyPrint | unescapedSlashes | unescapedUnicode]
  for (const carrier of ['multipart', 'urlencoded'] as const) {
    for (const flags of rows) {
      const user = `Zoë/"${flags}" + ${carrier} & 日本 😀`
      const reply = await php({ command: 'sevu.addstreamuser', app: 'a/b', stream: '*', user }, carrier, flags)
      assert.equal(reply.code, 2061, JSON.stringify(reply))
      const { json } = await byVendor('sevu.liststreamusers', { app: 'a/b' })
      assert.ok(Object(json?.result).data.some((row: { user: string }) => row.user === user))
    }
  }
})

test('a PHP program with another account, or another secret, is told so in its vendor numbers', async (t) => {
  if (!hasPhp(t)) return
  const args = (account: string, secret: string) => [
    client('streams.php'),
    `${url}/control`,
    vendor.apiKey,
    secret,
    account,
    'multipart',
  ]
  const input = JSON.stringify({ command: 'sevu.liststreamusers' })
  assert.equal(answer(await run('php', args('1', vendor.secret), { input })).code, 1)
  assert.equal(answer(await run('php', args('158', `${vendor.secret}0`), { input })).code, 3)
  assert.equal(answer(await run('php', args('158', vendor.secret), { input })).code, 2071)
})

for (const style of ['default', 'non-ascii', 'sorted', 'compact', 'pretty', 'pretty-sorted', 'first']) {
  test(`a Python program of the standard library is understood, and can check the reply: JSON ${style}`, async (t) => {
    if (!hasPrograms(t, 'python3')) return
    const id = `Zoë ${style} 日本 😀 \u2028`.trim()
    const python = async (message: object) => {
      const args = [client('sign.py'), `${url}/control`, server.owner.apiKey, server.owner.secret, style]
      return answer(await run('python3', args, { input: JSON.stringify(message) }))
    }
    const comment = 'tab\t, slash /, quote ", back\\slash, \u007f, ÄÖÜ'
    const saved = await python({ cmd: 'set-user', id, user: { type: 3, comment }, idempotency_key: `py-${style}` })
    assert.equal(saved.code, 3011, JSON.stringify(saved))
    const found = await python({ cmd: 'get-user', id })
    assert.deepEqual([found.result.id, found.result.comment], [id, comment])
    assert.equal((await python({ cmd: 'get-user', id: 'nobody' })).code, 3000)
  })
}

for (const how of ['-d', '--data-binary', 'stdin', 'header', 'form', 'multipart']) {
  test(`a shell with curl and openssl is understood, with the final slash and without: ${how}`, async (t) => {
    if (!hasPrograms(t, 'curl', 'openssl', 'od')) return
    const shell = async (path: string, members: string, { apiKey, secret } = server.owner) =>
      answer(await run('sh', [client('sign.sh'), `${url}${path}`, apiKey, secret, how, members]))
    for (const path of ['/control', '/control/']) {
      const dialect = how === 'form' || how === 'multipart' ? `"cdn":1,"command"` : '"cmd"'
      const id = `shell-${how}-${path.length}`
      const saved = await shell(path, `${dialect}:"set-user","id":"${id}","user":{"type":3,"comment":"50% & a=b+c ä"}`)
      assert.equal(saved.code, 3011, JSON.stringify(saved))
      const found = await server.call('get-user', { id })
      assert.equal(Object(found.json?.result).comment, '50% & a=b+c ä')
      const wrong = await shell(path, `${dialect}:"list-users"`, {
        apiKey: server.owner.apiKey,
        secret: 'another secret',
      })
      assert.equal(wrong.code, how === 'form' || how === 'multipart' ? 3 : 1401)
    }
  })
}
