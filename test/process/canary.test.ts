import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { type AuditRow, readFolder } from '../support/folder.js'
import { mac } from '../support/instance.js'
import { exchange, post, type RawReply } from '../support/raw.js'
import { removeFolder, runCli, startServer, temporaryFolder } from '../support/server.js'

/** What must never be seen again. */
const canaries = {
  imported: 'canary-8d1f-imported-by-command',
  fromFile: 'canary-8d1f-imported-from-a-file',
  refused: 'canary-8d1f-refused-with-its-key',
  short: 'canary-8d1f-too-short',
  password: 'canary-8d1f-password-of-a-user',
  changed: 'canary-8d1f-password-afterwards',
  pass: 'canary-8d1f-pass-of-a-stream-user',
  local: 'canary-8d1f-password-from-a-file',
  token: 'canary-8d1f-token-of-a-user',
  outcome: 'canary-8d1f-secret-in-an-outcome',
  misplaced: 'canary-8d1f-put-where-it-does-not-belong',
} as const

const secretive = `export default ({ Type }) => ({
  name: 'test/secret',
  summary: 'Answer with a secret',
  permission: 'tests:write',
  params: Type.Object({ fail: Type.Optional(Type.Boolean()), given: Type.Optional(Type.String()) }, { additionalProperties: false }),
  result: Type.Object({ shown: Type.Union([Type.String(), Type.Null()], { secret: true }) }, { additionalProperties: false }),
  codes: { MADE: { code: 10001, message: 'Made' } },
  run: async ({ fail }) => {
    if (fail) throw new Error('the command is broken')
    return ['MADE', { shown: '${canaries.outcome}' }]
  },
})
`

const own = temporaryFolder()
writeFileSync(join(own, 'secret.mjs'), secretive)
const env = { COUNTERSIGN_LOG_LEVEL: 'trace', COUNTERSIGN_COMMANDS: own }
const server = await startServer({ env })
const { folder, owner, port } = server
test.after(async () => {
  await server.stop('SIGKILL')
  removeFolder(folder)
  removeFolder(own)
})

const now = () => Math.floor(Date.now() / 1000)
const signatures: string[] = []
const replies: RawReply[] = []
/** What the command line said; stderr is talk and log in one. */
let talk = ''

/** Sends bytes, and remembers the reply. */
async function sent(bytes: Buffer): Promise<{ code: number; result?: Record<string, unknown> }> {
  const reply = await exchange(port, bytes)
  replies.push(reply)
  return JSON.parse(reply.body)
}

/** A signed message, whose signature is remembered in both spellings; members of the envelope may be given too. */
function signed(members: object, { apiKey, secret } = owner): string {
  const text = JSON.stringify({ api_key: apiKey, timestamp: now(), ...members })
  const signature = mac(secret, text)
  signatures.push(signature, Buffer.from(signature, 'base64').toString('hex'))
  return `${text.slice(0, -1)},"signature":"${signature}"}`
}

const call = (cmd: string, params: object, key?: string, by?: Credentials) =>
  sent(post(signed({ cmd, idempotency_key: key, ...params }, by)))

async function useSecretsProperly(): Promise<void> {
  const { imported, password, changed, pass, token, outcome } = canaries
  const created = await call('accounts/create', { account: 7 })
  assert.equal(created.code, 9201)
  assert.equal((await call('keys/import', { key: 'VENDOR7', secret: imported, account: 7 }, 'import-key-7')).code, 6151)
  const vendor = { apiKey: 'VENDOR7', secret: imported }
  assert.equal((await call('whoami', {}, undefined, vendor)).code, 9011)
  const user = { type: 3, password, token }
  assert.equal((await call('set-user', { id: 'alice', user }, 'make-alice-1')).code, 3011)
  assert.equal((await call('set-user', { id: 'alice', user: { password: changed } })).code, 3011)
  assert.equal((await call('get-user', { id: 'alice' })).result?.token, token, 'the owner is shown it')
  assert.equal(
    (await call('sevu.addstreamuser', { app: 'a', stream: 's', user: 'u', pass }, 'add-stream-1')).code,
    2061,
  )
  const made = await call('test/secret', {}, 'make-secret-1')
  const twin = await call('test/secret', { timestamp: now() - 1 }, 'make-secret-1')
  assert.deepEqual([made.result?.shown, twin.result?.shown], [outcome, outcome], 'whoever signs owns it')
}

async function useSecretsWrongly(): Promise<void> {
  const { imported, refused, misplaced, password } = canaries
  const rows: readonly (readonly [
    code: number,
    cmd: string,
    params: object,
    key?: string | undefined,
    by?: Credentials,
  ])[] = [
    [6150, 'keys/import', { key: 'VENDOR7', secret: refused, account: 7 }, 'import-again'],
    [1422, 'keys/import', { key: 'ck_no', secret: refused, account: 7 }],
    [6154, 'keys/import', { key: 'NOBODY', secret: refused, account: 99 }],
    [1422, 'keys/import', { key: 'NOBODY', secret: canaries.short, account: 7 }],
    [1422, 'set-user', { id: 'alice', user: { password: [misplaced] } }],
    [1422, 'set-user', { id: 'alice', user: { type: misplaced } }],
    [1422, 'set-user', { id: 'alice', user: { enable: password, token: { misplaced } } }],
    [1410, 'set-user', { id: 'alice', user: { password: misplaced } }, 'make-alice-1'],
    [
      1403,
      'keys/import',
      { key: 'X', secret: refused, account: 7 },
      undefined,
      { apiKey: 'VENDOR7', secret: imported },
    ],
    [1404, misplaced, { password }],
    [1400, 'ping', { cdn: misplaced }],
    [1400, 'ping', { audience: [misplaced] }],
    [1400, 'ping', { dry_run: misplaced }],
    [1400, 'ping', { idempotency_key: `${misplaced} ` }],
    [1403, 'ping', { audience: misplaced }],
    [1400, 'ping', { command: misplaced }],
    [1401, 'ping', {}, undefined, { apiKey: misplaced, secret: misplaced }],
    [1401, 'ping', {}, undefined, { apiKey: imported, secret: 'VENDOR7' }],
    [1400, 'ping', {}, undefined, { apiKey: owner.secret, secret: owner.apiKey }],
    [1500, 'test/secret', { fail: true, given: misplaced }],
  ]
  for (const [code, cmd, params, key, by] of rows) {
    assert.equal((await call(cmd, params, key, by)).code, code, `${cmd} ${JSON.stringify(params)}`)
  }
}

async function sendBrokenThings(): Promise<void> {
  const { misplaced, password } = canaries
  const good = signed({ cmd: 'set-user', id: 'alice', user: { password } })
  const form = (text: string) => post(text, ['Content-Type: application/x-www-form-urlencoded'])
  const boundary = 'Content-Type: multipart/form-data; boundary=x'
  const rows: readonly (readonly [code: number, bytes: Buffer])[] = [
    [1400, post(good.slice(0, -1))],
    [1400, post(`{"secret":"${misplaced}" "x"}`)],
    [1400, post(`{"${misplaced}":1,"${misplaced}":2}`)],
    [1400, post(`"${misplaced}"`)],
    [1400, post(misplaced)],
    [1400, post(`{"cmd":"ping","api_key":"${owner.apiKey}","timestamp":"${misplaced}","signature":"x"}`)],
    [1401, post(good.replace('"alice"', '"mallory"'))],
    [1401, post(good.replace(/"signature":"[^"]*"/, `"signature":"${misplaced}"`))],
    [1400, post(good, [`Countersign-Signature: ${misplaced}`])],
    [1401, post('{"cmd":"ping","api_key":"x","timestamp":1}', [`Countersign-Signature: ${misplaced}`])],
    [1402, post(signed({ cmd: 'ping', secret: misplaced, timestamp: 1 }))],
    [1413, post(JSON.stringify({ secret: misplaced, filler: 'x'.repeat(300_000) }))],
    [1415, post(good, [`Content-Encoding: ${misplaced}`])],
    [1415, post(good, [`Content-Type: application/json; charset=${misplaced}`])],
    [1400, post(`{"secret":"${misplaced}"}`, [], `/control/${misplaced}`)],
    [1404, post(`password=${misplaced}`, [], `/control/${misplaced}`)],
    [1404, post(misplaced, [], `/${misplaced}?${misplaced}`)],
    [1405, Buffer.from(`GET /control?msg=${misplaced}&sig=${misplaced} HTTP/1.1\r\nHost: x\r\n\r\n`)],
    [1400, Buffer.from(`POST ${misplaced} ${misplaced}\r\n\r\n`)],
    [1400, Buffer.from(`POST /control HTTP/1.1\r\nHost: x\r\n${misplaced}\r\n\r\n`)],
    [1400, Buffer.from(`POST /control HTTP/1.1\r\nHost: x\r\nX: ${misplaced.repeat(600)}\r\n\r\n`)],
    [1400, post(good, [`Expect: ${misplaced}`])],
    [1400, post(good, ['Authorization: a', `Authorization: Basic ${misplaced}`])],
    [1405, Buffer.from(`CONNECT ${misplaced}:80 HTTP/1.1\r\nHost: x\r\n\r\n`)],
    [1400, form(`json=${misplaced}`)],
    [1400, form(`password=${misplaced}`)],
    [1400, form(`json={}&json=${misplaced}`)],
    [6, form(`json=${encodeURIComponent(JSON.stringify({ command: misplaced, api_key: misplaced }))}`)],
    [1400, post(`--x\r\nContent-Disposition: form-data; name="${misplaced}"\r\n\r\n${misplaced}\r\n--x--`, [boundary])],
    [9001, post(signed({ cmd: 'ping' }), [`X-Forwarded-For: ${misplaced}`])],
  ]
  for (const [code, bytes] of rows) assert.equal((await sent(bytes)).code, code, bytes.toString().slice(0, 200))
}

async function useTheCommandLine(): Promise<void> {
  const secretFile = join(own, 'secret.txt')
  writeFileSync(secretFile, canaries.fromFile)
  const passwordFile = join(own, 'password.txt')
  writeFileSync(passwordFile, canaries.local)
  const rows: readonly (readonly [status: number, args: readonly string[]])[] = [
    [0, ['key', 'import', '--cdn', '7', '--api-key', 'VENDOR8', '--secret-file', secretFile]],
    [6, ['key', 'import', '--cdn', '7', '--api-key', 'VENDOR8', '--secret-file', secretFile]],
    [0, ['user', 'set', 'bob', '--type', '3', '--password-file', passwordFile]],
    [1, ['user', 'set', 'bob', '--type', '9', '--password-file', passwordFile]],
    [1, ['call', 'keys/import', '--url', server.url, '--json', JSON.stringify({ secret: canaries.misplaced })]],
    [7, ['call', 'ping', '--url', 'http://127.0.0.1:1', '--json', JSON.stringify({ secret: canaries.misplaced })]],
  ]
  for (const [status, args] of rows) {
    const ran = await runCli([...args, '--data', folder], { env })
    assert.equal(ran.status, status, `${args.join(' ')}: ${ran.stderr}`)
    talk += ran.stdout + ran.stderr
  }
}

/** The names of what is found in a text or file, as it is, in hex, or in base64. */
function found(where: Buffer | string, secrets: readonly string[]): string[] {
  const bytes = Buffer.from(where)
  const spelled = (secret: string) => [secret, Buffer.from(secret).toString('hex'), ...base64(secret)]
  return secrets.filter((secret) => spelled(secret).some((text) => bytes.includes(text)))
}

/** The parts of a text's base64 that do not depend on what stands round it, at each of three places; 16 characters and more. */
const base64 = (text: string) =>
  [0, 1, 2].map((shift) =>
    Buffer.from(' '.repeat(shift) + text)
      .toString('base64')
      .slice(4, -8),
  )

test('no secret, password, token, signature or body comes back in a log, an error, the audit trail, the database or a backup', async () => {
  await useSecretsProperly()
  await useSecretsWrongly()
  await sendBrokenThings()
  await useTheCommandLine()
  const masterKey = readFileSync(join(folder, 'master.key'), 'utf8').trim()
  const secrets = [...Object.values(canaries), owner.secret, masterKey]
  const backup = join(own, 'backup.db')
  assert.equal((await runCli(['backup', backup, '--data', folder], { env })).status, 0)
  for (const name of readdirSync(own).filter((name) => name.startsWith('backup.db'))) {
    assert.deepEqual(found(readFileSync(join(own, name)), secrets), [], name)
  }
  const file = readFolder(folder)
  const audit = file.rows<AuditRow>('select * from audit')
  file.close()
  const database = () => readdirSync(folder).filter((name) => name.startsWith('countersign.db'))
  assert.deepEqual(database().sort(), ['countersign.db', 'countersign.db-shm', 'countersign.db-wal'])
  for (const name of database()) assert.deepEqual(found(readFileSync(join(folder, name)), secrets), [], name)
  assert.equal(await server.stop(), 0)
  for (const name of database()) assert.deepEqual(found(readFileSync(join(folder, name)), secrets), [], name)

  const log = server.log()
  assert.ok(log.includes('"level":20') && log.includes('"level":50'), 'answers and faults were logged')
  assert.ok(audit.length > 8)
  const places = { log, talk, audit: JSON.stringify(audit) }
  for (const [name, text] of Object.entries(places)) {
    assert.deepEqual(found(text, [...secrets, ...signatures]), [], name)
  }
  for (const { body, lines, status } of replies.filter((reply) => reply.status >= 400)) {
    const echoed = JSON.parse(body).cmd === canaries.misplaced
    const text = lines.join('\n') + (echoed ? '' : body)
    assert.deepEqual(found(text, [...secrets, ...signatures]), [], `${status} ${body}`)
  }
})
