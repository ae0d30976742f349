import assert from 'node:assert/strict'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readFolder } from '../support/folder.js'
import { removeFolder, runCli, serverFor, temporaryFolder } from '../support/server.js'

const folder = temporaryFolder()
test.after(() => removeFolder(folder))
let made = 0
const fresh = () => join(folder, `data-${made++}`)
const copy = () => {
  const data = fresh()
  cpSync(ready, data, { recursive: true })
  return data
}
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
const modes = (data: string) => Object.fromEntries(readdirSync(data).map((name) => [name, mode(join(data, name))]))

/** Initialised once; tests that change it make their own. */
const ready = fresh()
await runCli(['init', '--data', ready])

test('init makes a folder for its owner alone: database, master key, and the owner key of the account', async () => {
  const data = join(fresh(), 'below')
  const { status, stdout, stderr } = await runCli(['init', '--data', data, '--cdn', '158', '--json'])
  assert.equal(status, 0, stderr)
  assert.equal(mode(data), '700')
  assert.deepEqual(modes(data), {
    'admin-key.json': '600',
    'countersign.db': '600',
    'countersign.lock': '600',
    'master.key': '600',
  })
  const key = JSON.parse(readFileSync(join(data, 'admin-key.json'), 'utf8'))
  assert.deepEqual(Object.keys(key), ['cdn', 'api_key', 'secret'])
  assert.match(key.api_key, /^ck_[\w-]{20,}$/)
  assert.match(key.secret, /^cs_[\w-]{43,}$/)
  assert.deepEqual(JSON.parse(stdout), {
    cdn: 158,
    api_key: key.api_key,
    admin_key_file: join(data, 'admin-key.json'),
  })
  assert.ok(!(stdout + stderr).includes(key.secret), 'the secret is in the file only')
})

test('init on an initialised folder changes nothing and ends with 6', async () => {
  const before = readFileSync(join(ready, 'admin-key.json'))
  const { status, stderr, stdout } = await runCli(['init', '--data', ready, '--cdn', '2'])
  assert.deepEqual([status, stdout], [6, ''])
  assert.match(stderr, /initialised already/)
  assert.deepEqual(readFileSync(join(ready, 'admin-key.json')), before)
})

test('serve initialises an empty folder, says where it listens but not the secret, and all its files are its own', async (t) => {
  const data = fresh()
  mkdirSync(data, { mode: 0o755 })
  const server = await serverFor(t, { folder: data })
  assert.match(server.log(), /initialised .*listening on http:\/\/127\.0\.0\.1:[0-9]+\/control\n/s)
  assert.equal((await server.call('set-user', { id: 'a', user: { type: 3 } })).json?.code, 3011)
  assert.equal(mode(data), '700')
  assert.deepEqual(new Set(Object.values(modes(data))), new Set(['600']), 'the log and the shared memory too')
  assert.ok(!server.log().includes(server.owner.secret))
  assert.equal(await server.stop(), 0)
})

test('files that were opened to others are closed again at the next start', async (t) => {
  const data = copy()
  chmodSync(data, 0o755)
  for (const name of readdirSync(data)) chmodSync(join(data, name), 0o644)
  const server = await serverFor(t, { folder: data })
  assert.equal(mode(data), '700')
  assert.deepEqual(new Set(Object.values(modes(data))), new Set(['600']))
  assert.equal(await server.stop(), 0)
})

test('another master key, none, or a broken one ends a verb with 78, says so, and leaves the folder as it was', async () => {
  const rows: readonly (readonly [change: (data: string) => void, env: Record<string, string>, said: RegExp])[] = [
    [() => undefined, { COUNTERSIGN_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') }, /not the one/],
    [(data) => writeFileSync(join(data, 'master.key'), Buffer.alloc(32, 7).toString('hex')), {}, /not the one/],
    [(data) => writeFileSync(join(data, 'master.key'), 'short'), {}, /expected 32 bytes/],
    [(data) => rmSync(join(data, 'master.key')), {}, /missing/],
    [() => undefined, { COUNTERSIGN_MASTER_KEY_FILE: '/nonexistent/key' }, /nonexistent/],
  ]
  const judge = async ([change, env, said]: (typeof rows)[number]) => {
    const data = copy()
    change(data)
    const { status, stderr, stdout } = await runCli(['user', 'set', 'alice', '--type', '3', '--data', data], { env })
    assert.deepEqual([status, stdout], [78, ''], stderr)
    assert.match(stderr, said)
    const file = readFolder(data)
    assert.deepEqual(file.rows('select id from users'), [])
    file.close()
  }
  await Promise.all(rows.map(judge))
})

test('a verb on a folder that is not initialised ends with 78 and makes nothing', async () => {
  const data = fresh()
  const { status, stderr } = await runCli(['user', 'set', 'alice', '--type', '3', '--data', data])
  assert.equal(status, 78)
  assert.match(stderr, /countersign init/)
  assert.throws(() => statSync(data))
})

test('every fault of the configuration is told at once, with 78, and nothing is started', async () => {
  const data = fresh()
  const { status, stderr, stdout } = await runCli(['serve', '--data', data, '--port', '99999'], {
    env: {
      COUNTERSIGN_WINDOW: '5 minutes',
      COUNTERSIGN_KEEP: '0',
      COUNTERSIGN_LOG_LEVEL: 'loud',
      COUNTERSIGN_TRUST_PROXY: '10.0.0.1/8, everybody',
      COUNTERSIGN_DIALECTS: 'native,klingon',
      COUNTERSIGN_PUBLIC_URL: 'ftp://x',
      COUNTERSIGN_VENDOR_PATHS: 'yes',
      COUNTERSIGN_BODYLIMIT: '1024',
      COUNTERSIGN_SECRET: 'x',
    },
  })
  assert.deepEqual([status, stdout], [78, ''])
  for (const said of [
    /--port: .*99999/,
    /COUNTERSIGN_WINDOW: .*5 minutes/,
    /COUNTERSIGN_KEEP: .*"0"/,
    /COUNTERSIGN_LOG_LEVEL: .*loud/,
    /COUNTERSIGN_TRUST_PROXY: .*10\.0\.0\.1\/8/,
    /COUNTERSIGN_DIALECTS: .*klingon/,
    /COUNTERSIGN_PUBLIC_URL: .*ftp/,
    /COUNTERSIGN_VENDOR_PATHS: .*yes/,
    /COUNTERSIGN_BODYLIMIT .*COUNTERSIGN_BODY_LIMIT/,
    /COUNTERSIGN_SECRET is not a setting/,
  ]) {
    assert.match(stderr, said)
  }
  assert.throws(() => statSync(data))
})

test('what is typed wrongly ends with 2 and is told on stderr; help and version are data', async () => {
  const wrong = [
    [],
    ['sevre'],
    ['key'],
    ['key', 'improt'],
    ['serve', '--prot', '1'],
    ['call'],
    ['call', 'ping', '--json', 'no json', '--data', ready],
    ['call', 'ping', '--json', '[]', '--data', ready],
    ['account', 'create'],
    ['account', 'create', '--cdn', 'one', '--data', ready],
    ['account', 'create', '--cdn', '0', '--data', ready],
    ['init', '--cdn', '-1', '--data', ready],
    ['user', 'set', '--data', ready],
    ['user', 'set', 'a', '--json', '{', '--data', ready],
    ['init', 'extra', 'words', '--data', fresh()],
  ]
  const ends = await Promise.all(wrong.map((args) => runCli(args)))
  for (const [index, { status, stdout, stderr }] of ends.entries()) {
    assert.deepEqual([status, stdout], [2, ''], `${wrong[index]?.join(' ')}: ${stderr}`)
    assert.ok(stderr.length > 0 && !stderr.includes('    at '), `${wrong[index]?.join(' ')}: ${stderr}`)
  }
  for (const args of [['--help'], ['serve', '--help'], ['--version']]) {
    const { status, stdout, stderr } = await runCli(args)
    assert.deepEqual([status, stderr], [0, ''])
    assert.ok(stdout.length > 0)
  }
})
