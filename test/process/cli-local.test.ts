import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Credentials, send } from '../../clients/typescript/index.js'
import { type AuditRow, faultsOf, readFolder } from '../support/folder.js'
import { hasPrograms, removeFolder, run, runCli, serverFor, temporaryFolder } from '../support/server.js'

const folder = temporaryFolder()
const data = join(folder, 'data')
const secret = '8fc8c48da81e6a2a06a9556379bf798af508dc0792497c678b4c3532ba8b637f'
const secretFile = join(folder, 'secret.txt')
writeFileSync(secretFile, `${secret}\n`)
await runCli(['init', '--data', data])
test.after(() => removeFolder(folder))

const now = () => Math.floor(Date.now() / 1000)
const local = (...args: string[]) => runCli([...args, '--data', data])
const importing = (key: string, cdn: string, file = secretFile) =>
  local('key', 'import', '--cdn', cdn, '--api-key', key, '--secret-file', file)

test('account create, key import and user set answer like the commands they are, with the exit of the code', async () => {
  const short = join(folder, 'short.txt')
  writeFileSync(short, 'too short')
  const password = join(folder, 'password.txt')
  writeFileSync(password, 'a password\n')
  const rows: readonly (readonly [args: readonly string[], exit: number, code: number])[] = [
    [['account', 'create', '--cdn', '158', '--name', 'Vendor'], 0, 9201],
    [['account', 'create', '--cdn', '158'], 6, 9200],
    [['user', 'set', 'alice', '--type', '1', '--password-file', password], 0, 3011],
    [['user', 'set', 'alice', '--no-enable'], 1, 3014],
    [['user', 'set', 'bob', '--json', '{"type":1,"expire":0}', '--comment', 'second'], 0, 3011],
    [['user', 'set', 'alice', '--no-enable'], 0, 3011],
    [['user', 'set', 'alice', '--remove'], 0, 3013],
    [['user', 'set', 'alice', '--remove'], 5, 3012],
    [['user', 'set', 'carol', '--cdn', '158', '--type', '2'], 0, 3011],
    [['user', 'set', 'carol', '--type', '9'], 1, 1422],
    [['user', 'set', 'bob'], 1, 1422],
  ]
  for (const [args, exit, code] of rows) {
    const { status, stdout, stderr } = await local(...args)
    assert.deepEqual([status, JSON.parse(stdout).code], [exit, code], `${args.join(' ')}: ${stderr}`)
  }
  const keys: readonly (readonly [key: string, cdn: string, file: string, exit: number, code: number])[] = [
    ['APX4GKLM0RKQLSP2FBO1ROPKSSW47DZE', '158', secretFile, 0, 6151],
    ['APX4GKLM0RKQLSP2FBO1ROPKSSW47DZE', '158', secretFile, 6, 6150],
    ['APX4GKLM0RKQLSP2FBO1ROPKSSW47DZE', '1', secretFile, 6, 6150],
    ['OTHERKEY', '77', secretFile, 5, 6154],
    ['ck_mine', '158', secretFile, 1, 1422],
    ['OTHERKEY', '158', short, 1, 1422],
  ]
  for (const [key, cdn, file, exit, code] of keys) {
    const { status, stdout, stderr } = await importing(key, cdn, file)
    assert.deepEqual([status, JSON.parse(stdout).code], [exit, code], `${key} ${cdn}: ${stderr}`)
    assert.ok(!(stdout + stderr).includes(secret) && !stdout.includes('too short'), 'no secret is printed')
    if (cdn === '77') assert.match(JSON.parse(stdout).message, /no such account: create it first/)
  }
})

test('what the command line did is in the audit trail as local:<uid>, in one chain with what the gateway did', async () => {
  const file = readFolder(data)
  const rows = file.rows<AuditRow>("select * from audit where dialect = 'local'")
  const users = file.rows<{ password: string }>("select password from users where id = 'alice' or password is not null")
  file.close()
  assert.ok(rows.length > 8)
  for (const row of rows) {
    assert.deepEqual([row.principal, row.key_id, row.address], [`local:${process.getuid?.()}`, null, 'local'])
  }
  assert.deepEqual(users, [])
  assert.ok(
    rows.some(({ command, target, account }) => command === 'set-user' && target === 'carol' && account === 158),
  )
  assert.deepEqual(faultsOf(data), [])
})

test('a running gateway notices at once what the command line changed', async (t) => {
  const server = await serverFor(t, { folder: data })
  const vendor: Credentials = { apiKey: 'LATECOMER', secret }
  const ask = async () => (await send(server.url, 'whoami', {}, vendor, { timestamp: now() })).json
  assert.equal((await ask())?.code, 1401)
  assert.equal((await importing('LATECOMER', '158')).status, 0)
  const known = await ask()
  assert.deepEqual([known?.code, Object(known?.result).cdn], [9011, 158])
  assert.equal((await local('user', 'set', 'dave', '--type', '3', '--comment', 'before')).status, 0)
  const seen = await server.call('get-user', { id: 'dave' })
  assert.equal(Object(seen.json?.result).comment, 'before')
  assert.equal((await server.call('set-user', { id: 'dave', user: { comment: 'after' } })).json?.code, 3011)
  assert.equal(await server.stop(), 0)
  assert.deepEqual(faultsOf(data), [])
})

test('sign prints what openssl computes: of a body without a signature, and of one with it the rest', async (t) => {
  if (!hasPrograms(t, 'openssl')) return
  const bodies: readonly (readonly [body: string, signed: string])[] = [
    ['{"cmd":"ping","timestamp":1}', '{"cmd":"ping","timestamp":1}'],
    ['{"cmd":"ping","timestamp":1,"signature":"x"}', '{"cmd":"ping","timestamp":1}'],
    ['{"signature":"x","cmd":"ping"}', '{"cmd":"ping"}'],
    ['{ "a": "\\/ ä",\n  "signature" : "x" ,\n  "b": 1.0 }\n', '{ "a": "\\/ ä" ,\n  "b": 1.0 }\n'],
    ['{"a":{"signature":"kept"},"sig\\u006eature":"x"}', '{"a":{"signature":"kept"}}'],
    ['not JSON at all', 'not JSON at all'],
    ['{"signature":"broken', '{"signature":"broken'],
    ['', ''],
  ]
  // Bytes do not survive a text pipe: openssl encodes them itself.
  const base64 = async (input: string) => {
    const script = 'openssl dgst -sha256 -hmac "$SECRET" -binary | openssl base64 -A'
    return (await run('sh', ['-c', script], { input, env: { SECRET: secret } })).stdout
  }
  for (const [body, signed] of bodies) {
    const { status, stdout, stderr } = await runCli(['sign', '--secret-file', secretFile], { input: body })
    assert.equal(status, 0, stderr)
    assert.equal(stdout, `${await base64(signed)}\n`, body)
  }
})

test('sign takes the secret of a key file too, and by default the one of the data folder', async () => {
  const keyFile = join(folder, 'key.json')
  writeFileSync(keyFile, JSON.stringify({ api_key: 'a', secret }))
  const plain = await runCli(['sign', '--secret-file', secretFile], { input: '{}' })
  const fromKey = await runCli(['sign', '--secret-file', keyFile], { input: '{}' })
  const fromFolder = await runCli(['sign', '--data', data], { input: '{}' })
  assert.equal(fromKey.stdout, plain.stdout)
  assert.match(fromFolder.stdout, /^[A-Za-z0-9+/]{43}=\n$/)
  assert.notEqual(fromFolder.stdout, plain.stdout)
  const absent = await runCli(['sign', '--secret-file', join(folder, 'absent')], { input: '{}' })
  assert.deepEqual([absent.status, absent.stdout], [78, ''])
})
