import assert from 'node:assert/strict'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { takeAlone } from '../../src/store/folder-lock.js'
import { openSqlite } from '../../src/store/sqlite.js'
import { root } from '../support/instance.js'
import { hasPrograms, main, type Ran, removeFolder, run, runCli, temporaryFolder } from '../support/server.js'

const folder = temporaryFolder()
test.after(() => removeFolder(folder))
const ready = join(folder, 'ready')
await runCli(['init', '--data', ready])
let made = 0
const fresh = () => join(folder, `data-${made++}`)

/** A data folder, with a change that somebody or something made to it. */
function changed(change: (data: string) => unknown): string {
  const data = fresh()
  cpSync(ready, data, { recursive: true })
  change(data)
  return data
}

interface Start {
  readonly data?: string
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly under?: readonly string[]
  readonly program?: string
}

/** One that starts after all must not keep the test waiting. */
function start({ data = ready, flags = [], env = {}, under = [], program = main }: Start): Promise<Ran> {
  const command = [...under, process.execPath, program, 'serve', '--data', data, '--port', '0', ...flags]
  return run('timeout', ['60', ...command], { env })
}

/** Says what happened and what to do, without a trace, and ends so. */
function assertTold({ status, stdout, stderr }: Ran, exit: number, happened: RegExp, next: RegExp): void {
  assert.deepEqual([status, stdout], [exit, ''], stderr)
  assert.match(stderr, happened)
  assert.match(stderr, next)
  assert.doesNotMatch(stderr, / {4}at |\bError:|undefined/)
}

/** A root that may do what the permissions of files allow, as other users may. */
const bounded = process.getuid?.() === 0 ? ['setpriv', '--inh-caps=-all', '--bounding-set=-all'] : []

test('every error at the start says what happened and what to do next, and the exit code tells a supervisor whether to try again', async () => {
  const own = (text: string) => {
    const modules = fresh()
    mkdirSync(modules)
    writeFileSync(join(modules, 'mine.mjs'), text)
    return { COUNTERSIGN_COMMANDS: modules }
  }
  const file = join(folder, 'file')
  writeFileSync(file, 'x'.repeat(40))
  const noise = (data: string) => writeFileSync(join(data, 'countersign.db'), Buffer.alloc(20_000, 'no database'))
  const strange = fresh()
  mkdirSync(strange)
  writeFileSync(join(strange, 'notes.txt'), 'mine')
  const rows: readonly (readonly [start: Start, exit: number, happened: RegExp, next: RegExp])[] = [
    [{ flags: ['--host', '192.0.2.1'] }, 1, /no address of this machine.*192\.0\.2\.1/, /--host/],
    [{ env: { COUNTERSIGN_METRICS: '192.0.2.1:9464' } }, 1, /no address.*192\.0\.2\.1/, /COUNTERSIGN_METRICS/],
    [{ data: strange }, 78, /holds no Countersign data/, /give another folder/],
    [{ data: file }, 78, /file: a file is where a folder should be/, /give another folder/],
    [{ data: join(file, 'below') }, 78, /below: a file is where a folder should be/, /give another folder/],
    [
      { data: changed((data) => rmSync(join(data, 'master.key'))) },
      78,
      /master\.key: the master key is missing/,
      /put it back/,
    ],
    [
      { data: changed((data) => writeFileSync(join(data, 'master.key'), 'short')) },
      78,
      /master\.key/,
      /expected 32 bytes/,
    ],
    [{ env: { COUNTERSIGN_MASTER_KEY: 'ab'.repeat(32) } }, 78, /not the one/, /put that back/],
    [
      { env: { COUNTERSIGN_MASTER_KEY_FILE: folder } },
      78,
      /the master key cannot be read \(EISDIR\)/,
      /file that this user may read/,
    ],
    [
      { data: fresh(), env: { COUNTERSIGN_MASTER_KEY_FILE: '/nowhere/key' } },
      78,
      /nowhere\/key.*missing/,
      /openssl rand/,
    ],
    [{ data: changed(noise) }, 1, /is not a database/, /countersign restore FILE/],
    [{ env: { COUNTERSIGN_COMMANDS: '/nowhere' } }, 78, /\/nowhere/, /COUNTERSIGN_COMMANDS/],
    [{ env: own('export default {') }, 78, /mine\.mjs: SyntaxError/, /Unexpected end/],
    [{ env: own('\nnothing()') }, 78, /mine\.mjs: ReferenceError: nothing/, /mine\.mjs:2/],
    [{ env: own('export default 1') }, 78, /mine\.mjs/, /declaration|command/],
  ]
  const ends = await Promise.all(rows.map(([one]) => start(one)))
  for (const [index, [, exit, happened, next]] of rows.entries()) {
    const ran = ends[index]
    assert.ok(ran)
    assertTold(ran, exit, happened, next)
  }
})

test('a port that is taken is named, be it that of the commands or that of the metrics', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await new Promise((resolve) => other.once('listening', resolve))
  const address = other.address()
  const port = String(typeof address === 'object' ? address?.port : '')
  const taken = new RegExp(`127\\.0\\.0\\.1:${port} is in use`)
  assertTold(await start({ flags: ['--port', port] }), 1, taken, /--port/)
  assertTold(await start({ env: { COUNTERSIGN_METRICS: port } }), 1, taken, /COUNTERSIGN_METRICS/)
})

test('a schema of a newer version is named, and nothing is changed', async () => {
  const data = changed(() => undefined)
  const db = openSqlite(join(data, 'countersign.db'))
  await db.transaction(async (session) => {
    await session.run(`insert into migrations (id, applied_at) values ('9999-later.sql', 1)`)
    await session.run(`update meta set value = '9999' where name = 'compatible_since'`)
  })
  await db.close()
  const before = readFileSync(join(data, 'countersign.db'))
  assertTold(await start({ data }), 78, /9999-later\.sql/, /newer version[\s\S]*backup made before the upgrade/)
  assert.deepEqual(readFileSync(join(data, 'countersign.db')), before)
})

test('a folder that somebody has to himself is in use, which is no fault of the storage', async (t) => {
  const data = changed(() => undefined)
  const lock = takeAlone(join(data, 'countersign.lock'))
  t.after(() => lock.release())
  assertTold(await start({ data }), 8, /data folder is in use/, /stop the gateway on it/)
})

test('a folder, a key or a port that this user may not use is named', async (t) => {
  if (bounded.length > 0 && !hasPrograms(t, 'setpriv')) return
  const closed = fresh()
  mkdirSync(closed, { mode: 0o500 })
  t.after(() => chmodSync(closed, 0o700))
  const locked = changed((data) => writeFileSync(join(data, '..', 'locked.key'), 'x'))
  const key = join(locked, '..', 'locked.key')
  chmodSync(key, 0)
  assertTold(
    await start({ data: join(closed, 'data'), under: bounded }),
    78,
    /closed|data-\d+\/data: this user may not/,
    /chown/,
  )
  assertTold(
    await start({ data: locked, under: bounded, env: { COUNTERSIGN_MASTER_KEY_FILE: key } }),
    78,
    /locked\.key: the master key cannot be read \(EACCES\)/,
    /this user may read/,
  )
  if (Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) <= 80) return
  assertTold(await start({ under: bounded, flags: ['--port', '80'] }), 1, /may not listen on .*:80/, /from 1024 on/)
})

test('without a SQLite that was built for this Node.js it says how to build it', async () => {
  const home = fresh()
  const packages = join(home, 'node_modules')
  mkdirSync(packages, { recursive: true })
  const partly = (part: string, without: RegExp) =>
    cpSync(join(root, part), join(home, part), {
      recursive: true,
      filter: (path) => !without.test(path.slice(root.length + 1)),
    })
  for (const part of ['dist', 'migrations', 'package.json']) partly(part, /^dist\/(test|bench)/)
  for (const name of readdirSync(join(root, 'node_modules')).filter((name) => name !== 'better-sqlite3'))
    symlinkSync(join(root, 'node_modules', name), join(packages, name))
  partly('node_modules/better-sqlite3', /better-sqlite3\/(build|deps|src)/)
  const ran = await start({ data: fresh(), program: join(home, 'dist/src/main.js') })
  assertTold(ran, 78, /better-sqlite3 was not built for this Node\.js/, /npm rebuild better-sqlite3/)
})
