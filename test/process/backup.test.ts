import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { nanoid } from 'nanoid'
import { pino } from 'pino'
import { isAuthentic, signMessage } from '../../clients/typescript/index.js'
import { readEnv, toConfig } from '../../src/config.js'
import { initialise } from '../../src/data.js'
import { faultsOf, readFolder } from '../support/folder.js'
import { root } from '../support/instance.js'
import { main, removeFolder, runCli, serverFor, type TestServer, temporaryFolder } from '../support/server.js'
import { until } from '../support/until.js'

const now = () => Math.floor(Date.now() / 1000)
/** Long enough for a slow machine to start a gateway in, short enough to wait for. */
const window = 15
const env = { COUNTERSIGN_WINDOW: String(window), COUNTERSIGN_KEEP: '3600' }

/** A message as a client keeps it until it was answered. */
interface Kept {
  readonly id: string
  readonly key: string | undefined
  readonly body: string
}

function kept(server: TestServer, id: string, key: string | undefined): Kept {
  const envelope = { timestamp: now(), idempotencyKey: key }
  return { id, key, body: signMessage('set-user', { id, user: { type: 3 } }, server.owner, envelope).body }
}

async function send({ url }: Pick<TestServer, 'url'>, body: string) {
  const response = await fetch(`${url}/control`, { method: 'POST', body })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: JSON.parse(text) }
}

/** Creates users until it is told to end; every one that was answered. */
function loadOn(server: TestServer, name: string): { readonly end: () => Promise<Kept[]> } {
  let ending = false
  const done: Kept[] = []
  const work = async (worker: number) => {
    for (let n = 0; !ending; n++) {
      const id = `${name}-${worker}-${n}`
      const message = kept(server, id, n % 2 === 0 ? `key-of-${id}` : undefined)
      assert.equal((await send(server, message.body)).json.code, 3011)
      done.push(message)
    }
  }
  const running = Promise.all([0, 1, 2, 3].map(work))
  return {
    end: async () => {
      ending = true
      await running
      return done
    },
  }
}

test('a backup under load, run on, restored: everything sent before is refused, or told its outcome, and nothing runs twice', async (t) => {
  const folder = temporaryFolder()
  const file = join(temporaryFolder(), 'backup.db')
  const server = await serverFor(t, { folder, env })
  const before = loadOn(server, 'before')
  await until('the load is on', async () => (await server.call('get-user', { id: 'before-3-5' })).json?.code === 3001)
  const made = await runCli(['backup', file, '--data', folder], { env })
  assert.equal(made.status, 0, made.stderr)
  const sent = await before.end()
  const later = loadOn(server, 'later')
  await until('it ran on', async () => (await server.call('get-user', { id: 'later-3-5' })).json?.code === 3001)
  sent.push(...(await later.end()))
  assert.equal(await server.stop(), 0)

  const restored = await runCli(['restore', file, '--data', folder], { env })
  assert.equal(restored.status, 0, restored.stderr)
  const { floor } = JSON.parse(restored.stdout)
  assert.ok(floor > now() && floor <= now() + window, 'the floor is now + window')
  const users = () => {
    const reader = readFolder(folder)
    const found = reader.rows<{ id: string }>('select id from users order by id').map(({ id }) => id)
    reader.close()
    return found
  }
  const there = users()
  assert.ok(there.includes('before-0-0') && !there.includes('later-0-0'))

  const anew = await serverFor(t, { folder, env })
  assert.match(anew.log(), /every message is answered 1503 until/)
  for (const { body } of [...sent.slice(0, 3), ...sent.slice(-3)]) {
    const reply = await send(anew, body)
    assert.deepEqual([reply.status, reply.json.code], [503, 1503])
    assert.ok(Number(reply.headers.get('retry-after')) > 0)
    const { signature } = JSON.parse(body)
    const hex = Buffer.from(signature, 'base64').toString('hex')
    assert.ok(isAuthentic(reply.headers.get('countersign-reply'), hex, 503, reply.text, anew.owner.secret))
  }
  assert.equal((await anew.call('ping')).json?.code, 1503, 'reads wait as well')
  await until('the clock has passed the floor', async () => (await anew.call('ping')).json?.code === 9001, 30)
  for (const { body } of sent) assert.equal((await send(anew, body)).json.code, 1402)
  assert.deepEqual(users(), there, 'nothing ran')
  // A client that signs its retry anew is told the outcome of what the backup knows.
  const known = sent.filter(({ id, key }) => key && there.includes(id))
  assert.ok(known.length > 2)
  for (const { id, key } of known.slice(0, 20)) {
    const { json } = await anew.call('set-user', { id, user: { type: 3 } }, { idempotencyKey: key })
    assert.deepEqual([json?.code, json?.replayed], [3011, true], id)
  }
  assert.equal(await anew.stop(), 0)
  assert.deepEqual(faultsOf(folder), [])
  removeFolder(folder)
  removeFolder(join(file, '..'))
})

test('a backup is consistent, for its owner alone, holds no secret and no master key, and writes over nothing', async (t) => {
  const server = await serverFor(t)
  const place = temporaryFolder()
  const file = join(place, 'countersign.db')
  const load = loadOn(server, 'user')
  await server.call('set-user', { id: 'token', user: { type: 1, token: 'a-token-to-look-for' } })
  const made = await runCli(['backup', file, '--data', server.folder])
  await load.end()
  assert.equal(made.status, 0, made.stderr)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(place), ['countersign.db'])
  const bytes = readFileSync(file).toString('latin1')
  const master = readFileSync(join(server.folder, 'master.key'), 'utf8').trim()
  const raw = Buffer.from(master, 'base64').toString('latin1')
  for (const secret of [master, raw, server.owner.secret, 'a-token-to-look-for']) assert.ok(!bytes.includes(secret))

  const again = await runCli(['backup', file, '--data', server.folder])
  assert.deepEqual([again.status, again.stdout], [6, ''])
  assert.equal(readFileSync(file).toString('latin1'), bytes)
  const elsewhere = await runCli(['backup', join(place, 'no', 'such', 'folder.db'), '--data', server.folder])
  assert.notEqual(elsewhere.status, 0)

  copyFileSync(join(server.folder, 'master.key'), join(place, 'master.key'))
  assert.deepEqual(faultsOf(place), [])
  assert.equal(await server.stop(), 0)
  const doctor = await runCli(['doctor', '--data', server.folder, '--json'], { env: { COUNTERSIGN_PORT: '0' } })
  const { findings } = JSON.parse(doctor.stdout)
  const found = findings.find(({ check }: { check: string }) => check === 'backup')
  assert.deepEqual([found.level, found.text], ['ok', 'the last one was made 0 hours ago'])
  removeFolder(place)
})

/** A folder with some data, and a backup of it. */
async function withBackup(t: Parameters<typeof serverFor>[0]) {
  const folder = temporaryFolder()
  const server = await serverFor(t, { folder })
  const file = join(temporaryFolder(), 'backup.db')
  for (let n = 0; n < 40; n++)
    await server.call('set-user', { id: `user-${n}`, user: { type: 3, comment: 'x'.repeat(500) } })
  const made = await runCli(['backup', file, '--data', folder])
  assert.equal(made.status, 0, made.stderr)
  t.after(() => {
    removeFolder(folder)
    removeFolder(join(file, '..'))
  })
  return { folder, file, server }
}

function spoil(file: string, work: (database: Database.Database) => void): void {
  const database = new Database(file)
  work(database)
  database.close()
}

function rootPage(file: string, table: string): number {
  const database = new Database(file, { readonly: true })
  const page = database.prepare('select rootpage from sqlite_master where name = ?').pluck().get(table)
  database.close()
  return Number(page)
}

test('restore refuses what would do harm, says why, and changes nothing', async (t) => {
  const { folder, file, server } = await withBackup(t)
  const place = join(file, '..')
  const bad = join(place, 'bad.db')
  const restore = () => runCli(['restore', bad, '--data', folder])
  copyFileSync(file, bad)
  const running = await restore()
  assert.deepEqual([running.status, running.stdout], [8, ''])
  assert.match(running.stderr, /in use: stop the gateway/)
  assert.equal((await server.call('ping')).json?.code, 9001)
  assert.equal(await server.stop(), 0)
  const untouched = readFileSync(join(folder, 'countersign.db'))
  // A log that holds nothing comes and goes with whoever looks.
  const present = () =>
    readdirSync(folder)
      .filter((name) => !/-(wal|shm)$/.test(name))
      .sort()
  const names = present()

  const other = await serverFor(t)
  await runCli(['backup', join(place, 'other.db'), '--data', other.folder])
  await other.stop()
  const rows: readonly (readonly [what: string, make: () => void, status: number, says: RegExp])[] = [
    ['no file', () => rmSync(bad), 5, /no such file/],
    ['an empty file', () => writeFileSync(bad, ''), 1, /none of Countersign|no sound database/],
    ['random bytes', () => writeFileSync(bad, randomBytes(20_000)), 1, /not a database/],
    ['another program’s database', () => spoil(bad, (db) => db.exec('create table t (a)')), 1, /none of Countersign/],
    [
      'half of a backup',
      () => writeFileSync(bad, readFileSync(file).subarray(0, statSync(file).size / 2)),
      1,
      /sound database/,
    ],
    [
      'a damaged page',
      () => {
        const bytes = readFileSync(file)
        const start = 4096 * (rootPage(file, 'users') - 1)
        bytes.fill(0xff, start + 100, start + 4000)
        writeFileSync(bad, bytes)
      },
      1,
      /sound database/,
    ],
    [
      'a newer schema',
      () => {
        copyFileSync(file, bad)
        spoil(bad, (db) => {
          db.exec("insert into migrations values ('9999-later.sql', 1)")
          db.exec("update meta set value = '9999' where name = 'compatible_since'")
        })
      },
      78,
      /9999-later.sql/,
    ],
    ['another master key', () => copyFileSync(join(place, 'other.db'), bad), 78, /sealed under another master key/],
  ]
  for (const [what, make, status, says] of rows) {
    rmSync(bad, { force: true })
    writeFileSync(bad, '')
    if (what !== 'no file') rmSync(bad)
    make()
    const refused = await restore()
    assert.deepEqual([refused.status, refused.stdout], [status, ''], `${what}: ${refused.stderr}`)
    assert.match(refused.stderr, says, what)
    assert.ok(readFileSync(join(folder, 'countersign.db')).equals(untouched), what)
    assert.deepEqual(present(), names, what)
  }
})

test('a restore keeps what it replaces, even a damaged one, and works in a folder that holds the master key alone', async (t) => {
  const { folder, file, server } = await withBackup(t)
  assert.equal(await server.stop(), 0)
  const database = join(folder, 'countersign.db')
  writeFileSync(database, 'this was a database once')
  const broken = await runCli(['serve', '--data', folder, '--port', '0'])
  assert.equal(broken.status, 1)
  assert.match(broken.stderr, /not a database[\s\S]*countersign restore FILE/)
  const mended = await runCli(['restore', file, '--data', folder])
  assert.equal(mended.status, 0, mended.stderr)
  const { replaced } = JSON.parse(mended.stdout)
  assert.equal(readFileSync(replaced, 'utf8'), 'this was a database once')

  const empty = join(temporaryFolder(), 'data')
  mkdirSync(empty)
  copyFileSync(join(folder, 'master.key'), join(empty, 'master.key'))
  const moved = await runCli(['restore', file, '--data', empty])
  assert.equal(moved.status, 0, moved.stderr)
  for (const place of [folder, empty]) assert.deepEqual(faultsOf(place), [])
  removeFolder(join(empty, '..'))
})

test('a restore that is killed at any moment leaves the old database or the new one, and can be done again', async (t) => {
  const { folder, file, server } = await withBackup(t)
  await server.call('set-user', { id: 'later', user: { type: 3 } })
  assert.equal(await server.stop(), 0)
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, [main, 'restore', file, '--data', folder], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    await delay(randomInt(150, 700))
    child.kill('SIGKILL')
    await ended
    assert.deepEqual(faultsOf(folder), [])
    const reader = readFolder(folder)
    const [{ floor }] = reader.rows<{ floor: number }>(
      "select coalesce((select cast(value as integer) from meta where name = 'floor'), 0) as floor",
    ) as [{ floor: number }]
    const later = reader.rows("select id from users where id = 'later'").length
    reader.close()
    assert.equal(later === 1 ? floor : floor > now(), later === 1 ? 0 : true)
  }
  const done = await runCli(['restore', file, '--data', folder])
  assert.equal(done.status, 0, done.stderr)
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('.restoring')),
    [],
  )
})

test('migrate brings an older schema up to date while nobody serves, and says when there is nothing to do', async (t) => {
  const place = temporaryFolder()
  const folder = join(place, 'data')
  const first = join(place, 'first')
  mkdirSync(first)
  // As far back as this version still makes an owner's key.
  const all = readdirSync(join(root, 'migrations')).sort()
  const later = all.slice(all.indexOf('0025-ceilings.sql') + 1)
  for (const name of all.filter((one) => !later.includes(one)))
    copyFileSync(join(root, 'migrations', name), join(first, name))
  const around = {
    now: Date.now,
    randomBytes,
    randomName: nanoid,
    migrations: first,
    logger: pino({ level: 'silent' }),
  }
  await initialise(
    toConfig(readEnv({ COUNTERSIGN_DATA: folder, COUNTERSIGN_DIALECTS: 'native' }), ['native']),
    1,
    around,
  )

  const backup = await runCli(['backup', join(place, 'before.db'), '--data', folder])
  assert.equal(backup.status, 0, backup.stderr)
  const applied = await runCli(['migrate', '--data', folder])
  assert.equal(applied.status, 0, applied.stderr)
  const expected = { applied: later, waiting: [], schema: later.at(-1) }
  assert.deepEqual(JSON.parse(applied.stdout), expected, 'the backup left them undone')
  const none = await runCli(['migrate', '--data', folder])
  assert.deepEqual([none.status, JSON.parse(none.stdout).applied], [0, []])
  const server = await serverFor(t, { folder })
  const serving = await runCli(['migrate', '--data', folder])
  assert.deepEqual([serving.status, serving.stdout], [8, ''])
  assert.equal(await server.stop(), 0)
  removeFolder(place)
})

test('a restore refuses what was signed for the largest window that any gateway used, whichever was started last', async (t) => {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  const wide = 3_000
  for (const seconds of [wide, window]) {
    const server = await serverFor(t, { folder, env: { ...env, COUNTERSIGN_WINDOW: String(seconds) } })
    assert.equal(await server.stop(), 0)
    if (seconds === window) assert.match(server.log(), /COUNTERSIGN_WINDOW is 15 s here, but another process/)
  }
  const file = join(folder, '..', `${nanoid()}.db`)
  t.after(() => rmSync(file, { force: true }))
  assert.equal((await runCli(['backup', file, '--data', folder], { env })).status, 0)
  const restored = await runCli(['restore', file, '--data', folder], { env })
  assert.equal(restored.status, 0, restored.stderr)
  const { floor } = JSON.parse(restored.stdout)
  assert.ok(floor > now() + wide - 120, `the floor is ${floor - now()} s ahead`)
})
