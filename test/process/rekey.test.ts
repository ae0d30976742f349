import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHmac, randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { pino } from 'pino'
import { type Credentials, send } from '../../clients/typescript/index.js'
import { dialects } from '../../dialects/index.js'
import { chainMacOf } from '../../src/checkpoint.js'
import { readEnv, toConfig } from '../../src/config.js'
import { openData } from '../../src/data.js'
import { rekeyLock } from '../../src/rekey.js'
import { openVault, parseMasterKey } from '../../src/seal.js'
import { oldSecretBinding, secretBinding, type UserColumns, userText } from '../../src/store/bindings.js'
import { takeAlone } from '../../src/store/folder-lock.js'
import type { SecretColumns } from '../../src/store/keys.js'
import { OfflineTrail } from '../../src/store/offline-trail.js'
import { faultsOf, readFolder } from '../support/folder.js'
import { root } from '../support/instance.js'
import { main, type Ran, removeFolder, runCli, serverFor, type TestServer, temporaryFolder } from '../support/server.js'

const now = () => Math.floor(Date.now() / 1000)
const keyIn = (folder: string) => readFileSync(join(folder, 'master.key'), 'utf8').trim()

function vaultOf(key: string) {
  const bytes = parseMasterKey(key)
  assert.ok(bytes)
  return openVault(bytes, Buffer.alloc)
}

/** Users with tokens, a user with a password made under a key, and a second key whose secret is in a stored outcome. */
async function filled(server: TestServer): Promise<Credentials> {
  for (let n = 0; n < 30; n++) {
    const saved = await server.call('set-user', { id: `user-${n}`, user: { type: 3, token: `token-of-${n}` } })
    assert.equal(saved.json?.code, 3011)
  }
  await server.call('set-user', secretUser, { idempotencyKey: 'a-user-with-a-password' })
  const { json } = await server.call('keys/create', {}, { idempotencyKey: 'a-key-that-was-made' })
  const { key_id: apiKey, secret } = Object(json?.result)
  return { apiKey, secret }
}
const secretUser = { id: 'secret', user: { type: 3, password: 'a password to compare' } }

/** No two messages have the same bytes: secrets are shown to a message once. */
const begun = now()
let asked = 0
const unique = (): number => begun - ++asked

/** What must be the same before, during and after a change of the master key. */
async function asEver(server: TestServer, other: Credentials): Promise<void> {
  const shown = await server.call('get-user', { id: 'user-7' }, { timestamp: unique() })
  assert.deepEqual([shown.json?.code, Object(shown.json?.result).token], [3001, 'token-of-7'], server.log())
  assert.equal((await send(server.url, 'whoami', {}, other, { timestamp: now() })).json?.code, 9011)
  const told = await server.call('set-user', secretUser, { idempotencyKey: 'a-user-with-a-password' })
  assert.deepEqual([told.json?.code, told.json?.replayed], [3011, true])
  const changed = { ...secretUser, user: { type: 3, password: 'another password' } }
  const mismatch = await server.call('set-user', changed, { idempotencyKey: 'a-user-with-a-password' })
  assert.equal(mismatch.json?.code, 1410)
  const outcome = await server.call('keys/create', {}, { idempotencyKey: 'a-key-that-was-made', timestamp: unique() })
  assert.deepEqual([outcome.json?.replayed, Object(outcome.json?.result).secret], [true, other.secret])
  assert.equal(
    (await send(server.url, 'ping', {}, { apiKey: 'nobody', secret: 'x' }, { timestamp: now() })).json?.code,
    1401,
  )
}

/** Every sealed value of a folder that a key does not open. */
function unopened(folder: string, key: string): string[] {
  const vault = vaultOf(key)
  const reader = readFolder(folder)
  const keys = reader
    .rows<SecretColumns>('select * from keys')
    .flatMap((row) => [
      { sealed: row.secret, binding: secretBinding(row) },
      ...(row.old_secret === null ? [] : [{ sealed: row.old_secret, binding: oldSecretBinding(row) }]),
    ])
  const users = reader.rows<UserColumns>('select * from users')
  const others = reader.rows<{ sealed: string; binding: string }>(
    `select token as sealed, 'users.token:' || account || ':' || id as binding from users where token is not null
     union all select outcome, 'claims.outcome:' || request_id from claims where sealed = 1
     union all select value, 'keys.decoy' from meta where name = 'decoy'`,
  )
  reader.close()
  const sealed = [...keys, ...others]
  assert.ok(sealed.length > 30)
  const untagged = users.filter((row) => !vault.isTagged(userText(row), row.tag)).map(({ id }) => id)
  const closed = sealed.flatMap(({ sealed: text, binding }) => {
    try {
      vault.open(text, binding)
      return []
    } catch {
      return [binding]
    }
  })
  return [...closed, ...untagged]
}

const verify = (folder: string, ...args: string[]): Promise<Ran> =>
  runCli(['audit', 'verify', '--data', folder, ...args])

test('the master key is changed under a serving gateway: nobody notices, everything is sealed anew, the audit trail holds over it', async (t) => {
  const server = await serverFor(t)
  const { folder } = server
  const other = await filled(server)
  const oldKey = keyIn(folder)
  let ending = false
  let written = 0
  const load = Promise.all(
    [0, 1, 2, 3].map(async (worker) => {
      for (let n = 0; !ending; n++) {
        const id = `load-${worker}-${n}`
        const saved = await server.call('set-user', { id, user: { type: 3, token: `token-of-${id}` } })
        assert.equal(saved.json?.code, 3011)
        written++
      }
    }),
  )
  const heads: string[] = []
  for (let turn = 0; turn < 2; turn++) {
    await asEver(server, other)
    const exported = await runCli(['audit', 'export', '--data', folder])
    heads.push(exported.stdout)
    const changed = await runCli(['rekey', '--data', folder])
    assert.equal(changed.status, 0, changed.stderr)
    assert.match(changed.stderr, /backups made before now need it/)
    await asEver(server, other)
  }
  ending = true
  await load
  assert.ok(written > 20)
  assert.equal(await server.stop(), 0)
  const newKey = keyIn(folder)
  assert.notEqual(newKey, oldKey)
  assert.equal(readFileSync(join(folder, 'master.key.old'), 'utf8').trim(), oldKey)
  assert.ok(existsSync(join(folder, 'master.key.old-2')) && !existsSync(join(folder, 'master.key.next')))
  assert.deepEqual(unopened(folder, newKey), [])
  const reader = readFolder(folder)
  assert.deepEqual(reader.rows("select name from meta where name = 'previous_master_key'"), [])
  assert.deepEqual(reader.rows("select count(*) as n from audit where command = 'rekey' and code = 9151"), [{ n: 2 }])
  reader.close()

  const whole = await verify(folder, '--checkpoint', join(folder, 'audit.head'))
  assert.equal(whole.status, 0, whole.stderr)
  const file = join(folder, '..', 'export.jsonl')
  writeFileSync(file, (await runCli(['audit', 'export', '--data', folder])).stdout)
  assert.equal((await verify(folder, '--file', file)).status, 0)
  const again = await serverFor(t, { folder })
  await asEver(again, other)
})

test('a head that was signed under a key before is still one that this instance signed', async (t) => {
  const folder = temporaryFolder()
  const first = await serverFor(t, { folder })
  await filled(first)
  assert.equal(await first.stop(), 0)
  const head = join(folder, '..', 'earlier.head')
  copyFileSync(join(folder, 'audit.head'), head)
  for (let turn = 0; turn < 2; turn++) assert.equal((await runCli(['rekey', '--data', folder])).status, 0)
  assert.equal((await verify(folder, '--checkpoint', head)).status, 0)
  const second = await serverFor(t, { folder })
  await second.call('ping')
  assert.equal(await second.stop(), 0)
  assert.doesNotMatch(second.log(), /disagree/)
  removeFolder(folder)
})

test('after a change of the master key, rows from before it that are edited, hashed anew under the old key, or cut off are noticed', async (t) => {
  const folder = temporaryFolder()
  const server = await serverFor(t, { folder })
  await filled(server)
  assert.equal(await server.stop(), 0)
  const oldKey = keyIn(folder)
  assert.equal((await runCli(['rekey', '--data', folder])).status, 0)
  const file = join(folder, 'countersign.db')
  const whole = readFileSync(file)
  const rows: readonly (readonly [what: string, sql: string, says: RegExp])[] = [
    ['a row before', "update audit set target = 'x' where seq = 3", /row 3 is not as it was written/],
    ['a row after', "update audit set target = 'x' where command = 'rekey'", /is not as it was written/],
    [
      'the record',
      "update meta set value = replace(value, '\"seq\":', '\"seq\":1') where name like 'audit_seam:%'",
      /change of the master key/,
    ],
    ['the end', 'delete from audit where seq > 5', /tail was cut off/],
    ['no record', "delete from meta where name like 'audit_seam:%'", /row 1 is not as it was written/],
  ]
  for (const [what, sql, says] of rows) {
    writeFileSync(file, whole)
    const database = new Database(file)
    database.exec(sql)
    database.close()
    const verdict = await verify(folder)
    assert.equal(verdict.status, 1, what)
    assert.match(verdict.stdout, says, what)
  }
  writeFileSync(file, whole)
  rehash(file, oldKey)
  const verdict = await verify(folder)
  assert.equal(verdict.status, 1)
  assert.match(verdict.stdout, /is not the one that the checkpoint/)
  removeFolder(folder)
})

/** What somebody could do who has the old key: changes a row and hashes all up to the seam anew. */
function rehash(file: string, oldKey: string): void {
  const key = vaultOf(oldKey).derive('audit')
  const database = new Database(file)
  database.exec("update audit set target = 'somebody else' where seq = 3")
  const rows = database
    .prepare("select * from audit where seq < (select seq from audit where command = 'rekey') order by seq")
    .all()
  let previous = ''
  for (const row of rows as { node: string; seq: number }[]) {
    const { hash: _hash, node, seq, ...entry } = row as { hash: string; node: string; seq: number }
    const text = JSON.stringify([previous, node, seq, ...Object.values(entry)])
    previous = createHmac('sha256', key).update(text).digest('hex')
    database.prepare('update audit set hash = ? where seq = ?').run(previous, seq)
  }
  database.close()
}

test('a change of the master key that is killed at any moment is finished by the next one, and gateways start in between', async (t) => {
  const folder = temporaryFolder()
  let server = await serverFor(t, { folder })
  const other = await filled(server)
  const database = new Database(join(folder, 'countersign.db'))
  // So that sealing everything anew takes a while.
  const vault = vaultOf(keyIn(folder))
  const insert = database.prepare("insert into claims values (?, ?, 1, 'p', 'c', ?, '', '', 1, ?, 1, ?, 0)")
  database.transaction(() => {
    for (let n = 0; n < 20_000; n++) {
      const id = `zz-${n}`
      insert.run(id, id, now(), vault.seal('{}', `claims.outcome:${id}`), now())
    }
  })()
  database.close()
  let cutShort = 0
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, [main, 'rekey', '--data', folder], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    if (round % 2 === 0) await delay(randomInt(150, 900))
    else while (!existsSync(join(folder, 'master.key.next')) && child.exitCode === null) await delay(5)
    await delay(randomInt(0, 40))
    child.kill('SIGKILL')
    await ended
    if (existsSync(join(folder, 'master.key.next'))) cutShort++
    await asEver(server, other)
    assert.equal(await server.stop(round % 2 === 0 ? 'SIGTERM' : 'SIGKILL'), round % 2 === 0 ? 0 : 'SIGKILL')
    server = await serverFor(t, { folder })
    await asEver(server, other)
  }
  assert.ok(cutShort > 0, 'else nothing was tested')
  const done = await runCli(['rekey', '--data', folder])
  assert.equal(done.status, 0, done.stderr)
  await asEver(server, other)
  assert.equal(await server.stop(), 0)
  assert.deepEqual(unopened(folder, keyIn(folder)), [])
  assert.equal((await verify(folder)).status, 0)
  removeFolder(folder)
})

test('old audit rows that are cut while the master key is changed leave a chain that holds', async (t) => {
  const folder = temporaryFolder()
  const server = await serverFor(t, { folder })
  for (let i = 0; i < 5; i++)
    assert.equal((await server.call('set-user', { id: `u${i}`, user: { type: 3 } })).json?.code, 3011)
  const config = toConfig(
    readEnv({ COUNTERSIGN_DATA: folder }),
    dialects.map(({ name }) => name),
  )
  const { db, vault, node } = await openData(config, {
    now: Date.now,
    randomBytes,
    randomName: () => '',
    migrations: join(root, 'migrations'),
    logger: pino({ level: 'silent' }),
  })
  const trail = new OfflineTrail(db, chainMacOf(vault), node, (session) => vault.refresh(session))
  assert.equal((await runCli(['rekey', '--data', folder])).status, 0)
  const order = { before: now() + 1, now: now(), uid: 0, code: 1, onRows: () => undefined }
  assert.ok((await trail.cut(order)) > 0)
  await trail.close()
  const verified = await runCli(['audit', 'verify', '--data', folder])
  assert.equal(verified.status, 0, verified.stderr)
  assert.equal(await server.stop(), 0)
  removeFolder(folder)
})

test('of two changes of the master key at once one waits to be called again', async (t) => {
  const folder = temporaryFolder()
  const server = await serverFor(t, { folder })
  const lock = takeAlone(rekeyLock(folder))
  const refused = await runCli(['rekey', '--data', folder])
  assert.equal(refused.status, 8)
  assert.match(refused.stderr, /is being changed: wait/)
  lock.release()
  assert.equal((await runCli(['rekey', '--data', folder])).status, 0)
  assert.equal((await server.call('ping')).json?.code, 9001)
  assert.equal(await server.stop(), 0)
  assert.deepEqual(faultsOf(folder), [])
  removeFolder(folder)
})

test('a key that the environment holds is changed while nobody serves, and the operator is told what to do', async (t) => {
  const folder = temporaryFolder()
  const oldKey = Buffer.alloc(32, 7).toString('base64')
  const env = { COUNTERSIGN_MASTER_KEY: oldKey }
  const server = await serverFor(t, { folder, env })
  const other = await filled(server)
  const file = join(folder, '..', `${Date.now()}.key`)
  const rekey = (...args: string[]) => runCli(['rekey', '--data', folder, ...args], { env })
  const nowhere = await rekey()
  assert.equal(nowhere.status, 78)
  assert.match(nowhere.stderr, /--new-key-file/)
  const serving = await rekey('--new-key-file', file)
  assert.deepEqual([serving.status, existsSync(file)], [8, false])
  assert.equal(await server.stop(), 0)
  const done = await rekey('--new-key-file', file)
  assert.equal(done.status, 0, done.stderr)
  assert.match(done.stderr, /give COUNTERSIGN_MASTER_KEY what is in/)
  assert.equal((await runCli(['serve', '--data', folder, '--port', '0'], { env })).status, 78)
  const anew = await serverFor(t, { folder, env: { COUNTERSIGN_MASTER_KEY: readFileSync(file, 'utf8').trim() } })
  await asEver(anew, other)
  assert.equal(await anew.stop(), 0)
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('master')),
    [],
  )
  removeFolder(folder)
})

test('a version that does not know all migrations changes no master key: what newer ones seal would be lost', async (t) => {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  assert.equal((await runCli(['init', '--data', folder])).status, 0)
  const database = new Database(join(folder, 'countersign.db'))
  database.exec(`insert into migrations values ('9999-later.sql', 1)`)
  database.close()
  const before = keyIn(folder)
  const refused = await runCli(['rekey', '--data', folder])
  assert.equal(refused.status, 78)
  assert.match(refused.stderr, /9999-later\.sql.*run its "countersign rekey"/)
  assert.deepEqual([keyIn(folder), existsSync(join(folder, 'master.key.next'))], [before, false])
})

test('two sealed values that were swapped open nothing: neither key signs with the other’s secret, and doctor names both', async (t) => {
  const server = await serverFor(t)
  const other = await filled(server)
  const database = new Database(join(server.folder, 'countersign.db'))
  const swap = database.transaction(() => {
    const secret = (id: string) => database.prepare('select secret from keys where key_id = ?').pluck().get(id)
    const [mine, theirs] = [secret(server.owner.apiKey), secret(other.apiKey)]
    const set = database.prepare('update keys set secret = ? where key_id = ?')
    set.run(theirs, server.owner.apiKey)
    set.run(mine, other.apiKey)
    database.exec(`update users set token = (select token from users where id = 'user-1') where id = 'user-2'`)
  })
  swap.immediate()
  database.close()
  for (const [apiKey, secret] of [
    [server.owner.apiKey, server.owner.secret],
    [server.owner.apiKey, other.secret],
    [other.apiKey, other.secret],
    [other.apiKey, server.owner.secret],
  ] as const) {
    const reply = await send(server.url, 'whoami', {}, { apiKey, secret }, { timestamp: now() })
    assert.deepEqual([reply.status, reply.json?.code], [401, 1401])
  }
  const doctor = await runCli(['doctor', '--data', server.folder])
  assert.equal(doctor.status, 1)
  assert.match(
    doctor.stdout,
    new RegExp(`does not open the secrets of (${other.apiKey}|${server.owner.apiKey}), (ck_)`),
  )
})
