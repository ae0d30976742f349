import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Credentials, send } from '../../clients/typescript/index.js'
import { generateToken } from '../../src/generate.js'
import { readFolder } from '../support/folder.js'
import { type Ran, runCli, startServer, type TestServer } from '../support/server.js'

const secretPattern = /cs_[A-Za-z0-9_-]{43}[0-9a-z]{6}/

describe('key create, list, rotate and revoke on the folder of a running server', () => {
  let server: TestServer
  before(async () => {
    server = await startServer()
  })
  after(async () => {
    await server.stop()
    rmSync(server.folder, { recursive: true, force: true })
  })

  const key = (verb: string, ...args: string[]): Promise<Ran> => runCli(['key', verb, '--data', server.folder, ...args])
  const answer = ({ stdout }: Ran) => JSON.parse(stdout)
  const file = (name: string) => join(server.folder, '..', `${server.folder.split('/').at(-1)}-${name}`)
  const codeOf = async (cmd: string, by: Credentials) =>
    (await send(server.url, cmd, {}, by, { timestamp: Math.floor(Date.now() / 1000) })).json?.code

  async function made(...args: string[]): Promise<Credentials> {
    const { key_id: apiKey, secret } = answer(await key('create', '--cdn', '1', ...args)).result
    return { apiKey, secret }
  }
  async function ended(by: Credentials): Promise<void> {
    assert.equal((await key('revoke', '--api-key', by.apiKey)).status, 0)
  }

  test('a made key acts as the owner of its account with no more than was given, and is no instance key', async () => {
    const limited = await made('--permissions', 'users:read, keys:read')
    const whole = await made()
    const codes = await Promise.all([
      codeOf('list-users', limited),
      codeOf('audit/list', limited),
      codeOf('audit/list', whole),
      codeOf('accounts/list', whole),
    ])
    assert.deepEqual(codes, [3031, 1403, 9101, 1403])
    const { keys } = answer(await key('list', '--json')).result
    const shown = keys.find((one: { key_id: string }) => one.key_id === limited.apiKey)
    assert.equal(shown.principal.kind, 'owner')
    assert.equal(shown.principal.id, keys[0].principal.id)
    assert.deepEqual(shown.permissions, ['users:read', 'keys:read'])
    await ended(limited)
    await ended(whole)
  })

  test('the audit trail names the local user as who made the key', async () => {
    const by = await made('--comment', 'for the panel')
    const folder = readFolder(server.folder)
    const rows = folder.rows<{ principal: string; account: number; detail: string }>(
      `select principal, account, detail from audit where command = 'keys/create' order by seq desc limit 1`,
    )
    const [row] = folder.rows<{ created_by: string }>('select created_by from keys where key_id = ?', by.apiKey)
    folder.close()
    assert.equal(rows[0]?.principal, `local:${process.getuid?.()}`)
    assert.equal(rows[0]?.account, 1)
    assert.equal(row?.created_by, `local:${process.getuid?.()}`)
    assert.doesNotMatch(rows[0]?.detail ?? '', secretPattern)
    await ended(by)
  })

  test('a limit to addresses and an end are kept, and a bad address list makes no key', async () => {
    const bound = await made('--ips', '192.0.2.0/24,2001:db8::/32', '--expires-at', '4102444800')
    assert.equal(await codeOf('ping', bound), 1406)
    const listed = async () => (await key('list')).stdout.split('\n').find((line) => line.startsWith(bound.apiKey))
    assert.equal(await listed(), `${bound.apiKey}\ton\t*\t192.0.2.0/24,2001:db8::/32\t2100-01-01T00:00:00Z\t\t`)
    await ended(bound)
    assert.match((await listed()) ?? '', /^\S+\trevoked\t/)
    for (const ips of ['192.0.2.1/24', 'example.org', '0.0.0.0/33']) {
      const refused = await key('create', '--cdn', '1', '--ips', ips)
      assert.deepEqual([refused.status, answer(refused).code], [1, 1422], ips)
    }
    const before = answer(await key('list', '--json')).result.keys.length
    for (const ips of ['', ',', ' ']) {
      const refused = await key('create', '--cdn', '1', '--ips', ips)
      assert.deepEqual([refused.status, refused.stdout], [2, ''], `"${ips}" is not anywhere`)
    }
    assert.equal(answer(await key('list', '--json')).result.keys.length, before)
  })

  test('with --secret-file-out the secret is in a 0600 key file that "call" takes, and on neither stdout nor stderr', async () => {
    const out = file('key.json')
    const created = await key('create', '--cdn', '1', '--secret-file-out', out)
    assert.equal(created.status, 0, created.stderr)
    assert.doesNotMatch(created.stdout + created.stderr, secretPattern)
    assert.equal(answer(created).result.secret, null)
    assert.equal(statSync(out).mode & 0o777, 0o600)
    const called = await runCli(['call', 'ping', '--url', server.url, '--key-file', out])
    assert.equal(called.status, 0, called.stderr)
    const again = await key('create', '--cdn', '1', '--secret-file-out', out)
    assert.deepEqual([again.status, again.stdout], [6, ''])
    await ended({ apiKey: JSON.parse(readFileSync(out, 'utf8')).api_key, secret: '' })
    rmSync(out)
  })

  test('no file is left where no key was made, and no key is made where there can be no file', async () => {
    const out = file('none.json')
    const before = answer(await key('list', '--json')).result.keys.length
    assert.equal((await key('create', '--cdn', '77', '--secret-file-out', out)).status, 1)
    assert.equal(existsSync(out), false)
    assert.equal((await key('rotate', '--api-key', 'ck_unknown', '--secret-file-out', out)).status, 5)
    assert.equal(existsSync(out), false)
    const nowhere = await key('create', '--cdn', '1', '--secret-file-out', join(server.folder, 'no/such/key.json'))
    assert.deepEqual([nowhere.status, nowhere.stdout], [1, ''])
    assert.equal(answer(await key('list', '--json')).result.keys.length, before)
  })

  test('rotate keeps the id with both secrets alive during the grace time, and with --grace 0 the new one alone', async () => {
    const old = await made()
    const second = answer(await key('rotate', '--api-key', old.apiKey)).result
    assert.equal(second.key_id, old.apiKey)
    assert.deepEqual([await codeOf('ping', old), await codeOf('ping', { ...old, secret: second.secret })], [9001, 9001])
    const out = file('rotated.json')
    await key('rotate', '--api-key', old.apiKey, '--grace', '0', '--secret-file-out', out)
    const third = JSON.parse(readFileSync(out, 'utf8'))
    rmSync(out)
    assert.equal(third.api_key, old.apiKey)
    const codes = await Promise.all(
      [old.secret, second.secret, third.secret].map((secret) => codeOf('ping', { ...old, secret })),
    )
    assert.deepEqual(codes, [1401, 1401, 9001])
    await ended(old)
  })

  test('revoke works at once on the running server, with --cascade on what the key made too', async () => {
    const parent = await made()
    const { json } = await send(server.url, 'keys/create', {}, parent, { timestamp: Math.floor(Date.now() / 1000) })
    const { key_id: apiKey, secret } = Object(json?.result)
    const child = { apiKey, secret }
    assert.equal(await codeOf('ping', child), 9001)
    const revoked = await key('revoke', '--api-key', parent.apiKey, '--cascade')
    assert.deepEqual(answer(revoked).result.revoked, [parent.apiKey, child.apiKey])
    assert.deepEqual([await codeOf('ping', parent), await codeOf('ping', child)], [1407, 1407])
  })

  test('another account’s key is out of reach, and a secret in an argument is refused without being repeated', async () => {
    const { stdout } = await runCli(['account', 'create', '--cdn', '158', '--data', server.folder])
    assert.equal(JSON.parse(stdout).code, 9201)
    const by = answer(await key('create', '--cdn', '158')).result
    assert.equal((await key('revoke', '--cdn', '1', '--api-key', by.key_id)).status, 5)
    assert.equal(await codeOf('ping', { apiKey: by.key_id, secret: by.secret }), 9001)
    for (const verb of ['revoke', 'rotate']) {
      const refused = await key(verb, '--api-key', by.secret)
      assert.equal(refused.status, 2)
      assert.doesNotMatch(refused.stdout + refused.stderr, secretPattern)
    }
  })

  test('create without an account, and an account number or moment that is none, end with 2', async () => {
    const rows = [['create'], ['create', '--cdn', 'one'], ['create', '--cdn', '1', '--expires-at', 'tomorrow']]
    for (const [verb = '', ...args] of rows) assert.equal((await key(verb, ...args)).status, 2, args.join(' '))
  })

  describe('key check', () => {
    const check = (input: string) => runCli(['key', 'check'], { input })
    const swapped = (text: string) => {
      const at = [...text].findIndex((char, index) => index > 3 && char !== text[index + 1])
      return text.slice(0, at) + text[at + 1] + text[at] + text.slice(at + 2)
    }
    const rows: readonly (readonly [
      what: string,
      text: (owner: Credentials) => string,
      status: number,
      says: RegExp,
    ])[] = [
      ['a secret', ({ secret }) => secret, 0, /^a secret of Countersign, whole/],
      ['a secret with one newline', ({ secret }) => `${secret}\n`, 0, /^a secret of Countersign, whole/],
      ['an id', ({ apiKey }) => apiKey, 0, /^a public id of Countersign/],
      ['a secret with two characters swapped', ({ secret }) => swapped(secret), 1, /checksum is wrong/],
      ['a secret that was cut', ({ secret }) => secret.slice(0, -1), 1, /has 51 characters instead of 52/],
      ['an access token', () => generateToken({ randomBytes }), 0, /^an access token of Countersign, whole/],
      [
        'an access token that was cut',
        () => generateToken({ randomBytes }).slice(0, -1),
        1,
        /an access token .* 51 characters/,
      ],
      ['a secret in quotes', ({ secret }) => `"${secret}"`, 1, /quotes around it/],
      ['an id that was cut', ({ apiKey }) => apiKey.slice(0, -1), 1, /not spelled like one/],
      ['another text', () => 'sk_live_51H', 1, /^no id and no secret/],
      ['nothing', () => '', 1, /^nothing/],
    ]
    for (const [what, text, status, says] of rows) {
      test(`tells ${what}, and does not repeat it`, async () => {
        const given = text(server.owner)
        const ran = await check(given)
        assert.match(ran.stdout, says)
        assert.equal(ran.status, status)
        if (given.length > 3) assert.ok(!`${ran.stdout}${ran.stderr}`.includes(given.trim().slice(3)))
      })
    }

    test('reads a file, needs no data folder, and takes no secret as an argument', async () => {
      const path = file('check.txt')
      writeFileSync(path, server.owner.secret)
      const env = { COUNTERSIGN_DATA: '/nonexistent' }
      assert.equal((await runCli(['key', 'check', '--file', path], { env })).status, 0)
      rmSync(path)
      const argument = await runCli(['key', 'check', server.owner.secret])
      assert.equal(argument.status, 2)
      assert.ok(!argument.stderr.includes(server.owner.secret))
    })
  })
})
