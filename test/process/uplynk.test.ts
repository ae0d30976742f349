import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { send } from '../../clients/typescript/index.js'
import { root } from '../support/instance.js'
import { hasPrograms, run, runCli, serverFor, type TestServer } from '../support/server.js'
import { formOf, msgOf, type Signer, type UplynkReply } from '../support/uplynk.js'

type Calls = readonly (readonly [path: string, params: object])[]
type Answers = readonly (readonly [msg: string, sig: string, reply: UplynkReply])[]
type Client = (url: string, by: Signer, calls: Calls) => Promise<Answers>

const program =
  (name: string, file: string, ...style: string[]): Client =>
  async (url, { owner, secret }, calls) => {
    const args = [join(root, 'test/process/clients', file), url, owner, secret, ...style]
    const { status, stdout, stderr } = await run(name, args, { input: JSON.stringify(calls) })
    assert.equal(status, 0, stderr + stdout)
    return JSON.parse(stdout)
  }

interface Style {
  readonly needs: string
  readonly client: Client
  /** What is peculiar about what it sends; checked, so that the test says what it means. */
  readonly sends: RegExp
}

const styles: Readonly<Record<string, Style>> = {
  'Python 3': { needs: 'python3', client: program('python3', 'uplynk.py', 'python3'), sends: /^[^\n]+ [0-9a-f]{64}$/ },
  'Python 2, with line feeds inside msg': {
    needs: 'python3',
    client: program('python3', 'uplynk.py', 'python2'),
    sends: /^\S{76}\n/,
  },
  'upper-case hex': {
    needs: 'python3',
    client: program('python3', 'uplynk.py', 'upper'),
    sends: / (?=.*[A-F])[0-9A-F]{64}$/,
  },
  'PHP, with a line feed after sig': {
    needs: 'php',
    client: program('php', 'uplynk.php'),
    sends: /^[^\n]+ [0-9a-f]{64}$/,
  },
}

const ownerOf = ({ owner }: TestServer): Signer => ({ owner: owner.apiKey, secret: owner.secret })

const replies = (answers: Answers): UplynkReply[] => answers.map(([, , reply]) => reply)

/** The reply to a single call. */
async function one(client: Client, url: string, by: Signer, path: string, params = {}): Promise<UplynkReply> {
  const [reply] = replies(await client(url, by, [[path, params]]))
  return reply ?? assert.fail('no reply')
}

for (const [name, { needs, client, sends }] of Object.entries(styles)) {
  for (const slash of ['', '/']) {
    test(`${name}${slash && ', with a final slash'}: all five calls of a client of Uplynk’s, after changing URL and credentials`, async (t) => {
      if (!hasPrograms(t, needs)) return
      const server = await serverFor(t)
      const url = `${server.url}/control`
      const call = (command: string, params = {}, by = ownerOf(server)) =>
        one(client, url, by, `/api2/subowners/${command}${slash}`, params)

      const username =
        'ptvn.dave / Zoë, with more characters than one line of base64 has, whatever zlib makes of it: 0123456789'
      const created = await call('create', { username, password: 'lamepass', permissions: ['slice'] })
      const { id = '', api_key: secret } = created
      assert.deepEqual(Object.keys(created).sort(), [
        'all_api_keys',
        'api_key',
        'error',
        'id',
        'key_id',
        'permissions',
        'username',
      ])
      assert.match(id, /^[0-9a-f]{32}$/)
      assert.deepEqual([created.error, created.username, created.permissions], [0, username, ['slice']])
      assert.deepEqual(created.all_api_keys, { [String(secret)]: { enabled: true } })
      const { error: _, ...subowner } = created
      assert.deepEqual(await call('list'), { subowners: [subowner], error: 0 })
      assert.deepEqual(await call('get', { id }), created)

      const limited = { owner: id, secret: String(secret) }
      assert.equal((await call('list', {}, limited)).error, 1403)
      const updated = await call('update', { id, permissions: ['api'], newkey: 1, grace: 0 })
      const renewed = { owner: id, secret: String(updated.api_key) }
      assert.deepEqual([updated.error, updated.permissions, updated.id], [0, ['api'], id])
      assert.deepEqual(updated.all_api_keys, {
        [limited.secret]: { enabled: false },
        [renewed.secret]: { enabled: true },
      })
      assert.equal((await call('list', {}, limited)).error, 1401)
      assert.equal((await call('list', {}, renewed)).error, 0)

      // The path is not signed: within a second get and delete are the same bytes.
      const calls: Calls = [
        [`/api2/subowners/get${slash}`, { id }],
        [`/api2/subowners/delete${slash}`, { id }],
        [`/api2/subowners/get${slash}`, { id }],
      ]
      const answers = await client(url, ownerOf(server), calls)
      const [got, deleted, gone] = replies(answers)
      assert.equal(new Set(answers.map(([msg, sig]) => `${msg} ${sig}`)).size, 1)
      assert.deepEqual([got?.error, deleted, gone?.error], [0, { msg: 'Deleted', error: 0 }, 4010])
      assert.equal((await call('list', {}, renewed)).error, 1401)

      const [[msg, sig] = ['', '']] = await client(url, ownerOf(server), [
        ['/api2/subowners/list', { padding: username }],
      ])
      assert.match(`${msg} ${sig}`, sends)
    })
  }
}

test('a vendor’s credentials that were imported go on working, as owner and as signing secret', async (t) => {
  if (!hasPrograms(t, 'python3')) return
  const server = await serverFor(t)
  const vendor = { owner: 'f534c6e0ebba4d70b2b4c31659e50952', secret: 'dyWViZwTqm/etPT4SB0sTdfz2msh3D9u+iihl4dG' }
  const file = join(server.folder, 'vendor-secret.txt')
  writeFileSync(file, vendor.secret, { mode: 0o600 })
  const args = ['--cdn', '1', '--api-key', vendor.owner, '--secret-file', file, '--data', server.folder]
  const imported = await runCli(['key', 'import', ...args])
  assert.equal(imported.status, 0, imported.stderr)
  const python = program('python3', 'uplynk.py', 'python3')
  assert.deepEqual(await one(python, `${server.url}/control`, vendor, '/api2/subowners/list'), {
    subowners: [],
    error: 0,
  })
})

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly json: UplynkReply
}

async function form(url: string, body: string, method = 'POST'): Promise<Answer> {
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const reply = await fetch(url, { method, headers, ...(method === 'POST' && { body }) })
  return { status: reply.status, headers: reply.headers, json: JSON.parse(await reply.text()) }
}

const vendorPaths = ['/stable/', '/stable', '/dev/', '/dev', '/api2/subowners/list', '/api2/subowners/list/']

test('COUNTERSIGN_VENDOR_PATHS=on serves the endpoint at /stable/, /dev/ and /api2/<command>', async (t) => {
  const server = await serverFor(t, { env: { COUNTERSIGN_VENDOR_PATHS: 'on' } })
  const { apiKey, secret } = server.owner
  const signed = (id: string) =>
    formOf(msgOf({ id, _owner: apiKey, _timestamp: Math.floor(Date.now() / 1000) }), secret)
  for (const path of ['/api2/subowners/get', '/api2/subowners/get/', '/api2/subowners%2Fget']) {
    const reply = await form(server.url + path, signed(path))
    assert.deepEqual([reply.status, reply.json.error], [200, 4010], path)
    assert.ok(reply.headers.get('countersign-reply'), path)
  }
  for (const path of ['/stable/', '/dev/', '/stable', '/dev']) {
    const body = JSON.stringify({ cmd: 'ping', api_key: apiKey, timestamp: 1, signature: 'x' })
    assert.equal((await form(server.url + path, body)).json.code, 1401, path)
    const scaleengine = { command: 'ping', cdn: 1, api_key: apiKey, timestamp: 1, signature: 'x' }
    const reply = await form(server.url + path, String(new URLSearchParams({ json: JSON.stringify(scaleengine) })))
    assert.deepEqual([reply.status, reply.json.code], [200, 3], path)
  }
  for (const path of vendorPaths) {
    const reply = await form(server.url + path, '', 'GET')
    assert.deepEqual([reply.status, reply.headers.get('allow'), reply.json.code], [405, 'POST', 1405], path)
  }
  for (const path of ['/stable/x', '/dev/api2/subowners/list', '/stables', '/api2', '/API2/subowners/list']) {
    const reply = await form(server.url + path, signed(path))
    assert.deepEqual([reply.status, reply.json.code], [404, 1404], path)
  }
})

test('the paths of vendors are 404 unless they are turned on, and those of a dialect that is off in any case', async (t) => {
  const plain = await serverFor(t)
  const without = await serverFor(t, {
    env: { COUNTERSIGN_VENDOR_PATHS: 'on', COUNTERSIGN_DIALECTS: 'native,scaleengine' },
  })
  const off = [
    ...vendorPaths.map((path) => plain.url + path),
    `${without.url}/api2/subowners/list`,
    `${without.url}/control/api2/subowners/list`,
  ]
  for (const url of off) {
    const reply = await form(url, 'msg=a&sig=b')
    assert.deepEqual([reply.status, reply.json.code], [404, 1404], url)
  }
})

test('a subowner signs natively, too, with its key_id', async (t) => {
  const server = await serverFor(t)
  const { json } = await server.call('subowners/create', { username: 'a', password: 'b', permissions: ['api'] })
  const { key_id: apiKey, api_key: secret, id } = Object(json?.result)
  const you = await send(server.url, 'whoami', {}, { apiKey, secret }, { timestamp: Math.floor(Date.now() / 1000) })
  assert.deepEqual(Object(you.json?.result).principal, { id, kind: 'subowner' })
})

test('nothing of a msg, and no secret of a subowner, is written to the log', async (t: TestContext) => {
  const server = await serverFor(t, { env: { COUNTERSIGN_LOG_LEVEL: 'trace' } })
  const { apiKey, secret } = server.owner
  const canary = 'canary-4711'
  const call = async (command: string, params: object, owner = apiKey, key = secret) => {
    const msg = msgOf({ ...params, _owner: owner, _timestamp: Math.floor(Date.now() / 1000) })
    return (await form(`${server.url}/control/api2/${command}`, formOf(msg, key))).json
  }
  const created = await call('subowners/create', { username: 'a', password: canary })
  assert.equal(created.error, 0)
  assert.equal((await call('subowners/list', {}, canary)).error, 1401)
  assert.equal((await call('subowners/list', { _cmd: canary })).error, 1403)
  assert.equal((await call(`no/${canary}`, { _cmd: `no/${canary}` })).error, 1404)
  assert.equal((await call('subowners/list', {}, apiKey, canary)).error, 1401)
  await server.stop()
  assert.ok(server.log().includes('"dialect":"uplynk"'))
  for (const text of [canary, String(created.api_key), secret]) assert.ok(!server.log().includes(text), text)
})
