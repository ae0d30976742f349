import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import { dialects } from '../../dialects/index.js'
import { readEnv, toConfig } from '../../src/config.js'
import { examine } from '../../src/doctor.js'
import { root } from '../support/instance.js'
import { removeFolder, runCli, serverFor, startServer, temporaryFolder } from '../support/server.js'

interface Finding {
  readonly check: string
  readonly level: 'ok' | 'warn' | 'fail'
  readonly text: string
  readonly next?: string
}

/** `status` and what the doctor says of one check; `level` names the worst of its findings. */
interface Expected {
  readonly check: string
  readonly level: Finding['level']
  readonly says: RegExp
  readonly status: number
}

type Row = readonly [
  what: string,
  spoil: (folder: string) => void,
  expected: Expected,
  env?: Readonly<Record<string, string>>,
]

const far = Math.floor(Date.now() / 1000) + 100_000

function sql(folder: string, text: string): void {
  const database = new Database(join(folder, 'countersign.db'))
  database.pragma('foreign_keys = off')
  database.exec(text)
  database.close()
}

/** Overwrites the middle of the pages after the first, which hold tables and indexes. */
function damage(folder: string): void {
  const file = join(folder, 'countersign.db')
  const bytes = readFileSync(file)
  for (let page = 4096 * 4; page + 4096 <= bytes.length; page += 4096) bytes.fill(0xff, page + 1000, page + 4000)
  writeFileSync(file, bytes)
}

const fails = (check: string, says: RegExp): Expected => ({ check, level: 'fail', says, status: 1 })
const warns = (check: string, says: RegExp): Expected => ({ check, level: 'warn', says, status: 0 })
const fine = (check: string, says: RegExp): Expected => ({ check, level: 'ok', says, status: 0 })
const misconfigured = (says: RegExp): Expected => ({ check: 'configuration', level: 'fail', says, status: 78 })
const nothing = () => undefined

const rows: readonly Row[] = [
  [
    'an unknown setting',
    nothing,
    misconfigured(/COUNTERSIGN_PROT is not a setting.*COUNTERSIGN_PORT/),
    { COUNTERSIGN_PROT: '1' },
  ],
  [
    'a setting that cannot be read',
    nothing,
    misconfigured(/COUNTERSIGN_WINDOW: expected a whole number/),
    { COUNTERSIGN_WINDOW: 'x' },
  ],
  [
    'a folder that is not there',
    (folder) => rmSync(folder, { recursive: true }),
    fails('data folder', /holds no data yet/),
  ],
  [
    'a folder of something else',
    (folder) => rmSync(join(folder, 'countersign.db')),
    fails('data folder', /is not empty and holds no Countersign data/),
  ],
  ['a folder open to others', (folder) => chmodSync(folder, 0o755), fails('file modes', /is open to others \(0755\)/)],
  [
    'a master key open to others',
    (folder) => chmodSync(join(folder, 'master.key'), 0o644),
    fails('file modes', /master\.key is open to others \(0644\)/),
  ],
  [
    'a database open to others',
    (folder) => chmodSync(join(folder, 'countersign.db'), 0o660),
    fails('file modes', /countersign\.db is open to others \(0660\)/),
  ],
  ['damaged pages', damage, fails('database', /./)],
  [
    'a database that was cut short',
    (folder) => truncateSync(join(folder, 'countersign.db'), 10_000),
    fails('database', /./),
  ],
  [
    'a file that is no database',
    (folder) => writeFileSync(join(folder, 'countersign.db'), 'x'.repeat(8192)),
    fails('database', /not a database/),
  ],
  [
    'a row without its parent',
    (folder) => sql(folder, 'delete from accounts'),
    fails('database', /keys row .* accounts is missing/),
  ],
  [
    'a newer schema',
    (folder) =>
      sql(
        folder,
        `insert into migrations values ('9999-future.sql', 1); update meta set value = '9999' where name = 'compatible_since'`,
      ),
    fails('schema', /newer version \(9999-future\.sql\)/),
  ],
  [
    'a newer schema that is for this version, too',
    (folder) => sql(folder, `insert into migrations values ('9999-future.sql', 1)`),
    warns('schema', /upgraded the database \(9999-future\.sql\), and this one works beside it/),
  ],
  [
    'a schema with a migration to come',
    (folder) => sql(folder, `delete from migrations where id like '0002%'`),
    warns('schema', /not applied yet: 0002/),
  ],
  [
    'an audit row from the future',
    (folder) => sql(folder, `update audit set at_ms = ${far}000`),
    fails('clock', /before the newest row of the audit trail/),
  ],
  [
    'a floor that the clock has not passed',
    (folder) =>
      sql(
        folder,
        `insert into meta values ('floor', '${far}') on conflict (name) do update set value = excluded.value`,
      ),
    fails('clock', /before the floor/),
  ],
  [
    'a file from the future',
    (folder) => utimesSync(join(folder, 'admin-key.json'), far, far),
    warns('clock', /admin-key\.json was written \d+ s from now/),
  ],
  ['no master key', (folder) => rmSync(join(folder, 'master.key')), fails('master key', /the master key is missing/)],
  [
    'a master key that is none',
    (folder) => writeFileSync(join(folder, 'master.key'), 'correct horse'),
    fails('master key', /expected 32 bytes/),
  ],
  [
    'another master key',
    (folder) => writeFileSync(join(folder, 'master.key'), Buffer.alloc(32, 7).toString('base64')),
    fails('master key', /not the one this database was made with/),
  ],
  [
    'a sealed secret that was changed',
    (folder) => sql(folder, `update keys set secret = 'v1.' || substr(secret, 8)`),
    fails('master key', /does not open the secrets of ck_/),
  ],
  [
    'an audit trail whose tail was cut off',
    (folder) => sql(folder, 'delete from audit'),
    fails('audit head', /tail was cut off/),
  ],
  [
    'an audit head that cannot be read',
    (folder) => writeFileSync(join(folder, 'audit.head'), 'x'),
    fails('audit head', /cannot be read/),
  ],
  [
    'an audit head of long ago',
    (folder) => sql(folder, 'update audit set at_ms = at_ms + 600000 where seq = (select max(seq) from audit)'),
    { check: 'audit head', level: 'warn', says: /before the newest row/, status: 1 },
  ],
  [
    'a trusted proxy that is everybody',
    nothing,
    fails('proxy trust', /can claim any address/),
    { COUNTERSIGN_TRUST_PROXY: '10.0.0.1,0.0.0.0/0' },
  ],
  [
    'a trusted proxy that cannot connect',
    nothing,
    warns('proxy trust', /no proxy is ever believed/),
    { COUNTERSIGN_TRUST_PROXY: '10.0.0.1' },
  ],
  [
    'a proxy that is not trusted',
    nothing,
    warns('proxy trust', /every caller has its address/),
    { COUNTERSIGN_PUBLIC_URL: 'https://control.example.org' },
  ],
  [
    'a public URL of this machine, which needs no proxy',
    nothing,
    fine('proxy trust', /believed from nobody/),
    { COUNTERSIGN_PUBLIC_URL: 'http://127.0.0.1:8420' },
  ],
  [
    'a proxy on this machine',
    nothing,
    fine('proxy trust', /every program of this machine/),
    { COUNTERSIGN_TRUST_PROXY: '127.0.0.1' },
  ],
  ['a backup that was never made', nothing, warns('backup', /none was ever made/)],
  [
    'a backup of last week',
    (folder) =>
      sql(folder, `insert into meta values ('last_backup', '${Math.floor(Date.now() / 1000) - 7 * 86_400 - 60}')`),
    warns('backup', /made 7 days ago/),
  ],
  [
    'a change of the master key that was cut short',
    (folder) =>
      writeFileSync(join(folder, 'master.key.next'), `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 }),
    warns('master key', /change of the master key was cut short/),
  ],
  [
    'an address of another machine',
    nothing,
    fails('port', /cannot be listened on/),
    { COUNTERSIGN_HOST: '192.0.2.1', COUNTERSIGN_PORT: '8420' },
  ],
]

describe('doctor', () => {
  let sound: string
  let folder: string
  before(async () => {
    const server = await startServer()
    await server.call('set-user', { id: 'alice', user: { type: 3 } })
    sound = server.folder
    await server.stop()
    // What the first minute of a server leaves.
    const again = await startServer({ folder: sound })
    await again.stop()
    folder = temporaryFolder()
  })
  after(() => {
    removeFolder(sound)
    removeFolder(folder)
  })

  /** A copy of a folder as a stopped gateway left it. */
  function copy(): string {
    const path = join(folder, 'data')
    rmSync(path, { recursive: true, force: true })
    mkdirSync(path, { mode: 0o700 })
    cpSync(sound, path, { recursive: true })
    return path
  }

  async function examined(data: string, env: Readonly<Record<string, string>> = {}) {
    const ran = await runCli(['doctor', '--data', data, '--json'], { env: { COUNTERSIGN_PORT: '0', ...env } })
    const { ok, findings }: { ok: boolean; findings: Finding[] } = JSON.parse(ran.stdout)
    return { ok, findings, status: ran.status, of: (check: string) => findings.filter((one) => one.check === check) }
  }

  test('finds nothing wrong with a folder that a gateway left, and changes nothing in it', async () => {
    const data = copy()
    const before = readFileSync(join(data, 'countersign.db'))
    const { ok, status, findings } = await examined(data)
    assert.deepEqual(
      findings.filter(({ level }) => level === 'fail'),
      [],
    )
    assert.deepEqual([ok, status], [true, 0])
    assert.deepEqual(
      findings.map(({ check }) => check),
      [
        'configuration',
        'file modes',
        'free space',
        'database',
        'schema',
        'clock',
        'master key',
        'audit head',
        'backup',
        'port',
        'proxy trust',
      ],
    )
    assert.ok(readFileSync(join(data, 'countersign.db')).equals(before))
  })

  for (const [what, spoil, { check, level, says, status }, env] of rows) {
    test(`says "${level}" of ${what}${level === 'ok' ? '' : ', and what to do'}`, async () => {
      const data = copy()
      spoil(data)
      const found = await examined(data, env)
      const finding = found.of(check).find((one) => one.level === level && says.test(one.text))
      assert.ok(finding, JSON.stringify(found.findings))
      if (level !== 'ok') assert.ok(finding.next)
      assert.equal(found.status, status)
    })
  }

  test('reports every fault of the configuration at once', async () => {
    const { findings, status } = await examined(copy(), {
      COUNTERSIGN_PORT: 'x',
      COUNTERSIGN_KEEP: '1',
      COUNTERSIGN_FOO: '1',
    })
    assert.deepEqual([findings.length, status], [3, 78])
  })

  test('looks at everything else when the database is damaged', async () => {
    const data = copy()
    damage(data)
    chmodSync(join(data, 'admin-key.json'), 0o644)
    const found = await examined(data)
    assert.equal(found.of('file modes')[0]?.level, 'fail')
    assert.equal(found.of('proxy trust')[0]?.level, 'ok')
  })

  test('knows its own gateway on the port, ready beside it, and finds its database whole', async (t) => {
    const server = await serverFor(t)
    const found = await examined(server.folder, { COUNTERSIGN_PORT: String(server.port) })
    assert.match(found.of('port')[0]?.text ?? '', /a Countersign gateway answers .* is ready/)
    assert.equal(found.status, 0, JSON.stringify(found.findings))
    assert.equal((await server.call('set-user', { id: 'bob', user: { type: 3 } })).json?.code, 3011)
  })

  test('knows that something else is on the port', async (t) => {
    const other = createServer((_req, res) => void res.end('{"code":200}'))
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    t.after(() => other.close())
    const { port } = other.address() as AddressInfo
    const found = await examined(copy(), { COUNTERSIGN_PORT: String(port) })
    assert.match(found.of('port')[0]?.text ?? '', /is taken by something else/)
    assert.equal(found.status, 1)
  })

  test('says how much room there is, warns below 1 GiB and fails below 64 MiB', async () => {
    const config = toConfig(
      readEnv({ COUNTERSIGN_DATA: copy(), COUNTERSIGN_PORT: '0' }),
      dialects.map(({ name }) => name),
    )
    const levels = await Promise.all(
      [2 ** 31, 2 ** 29, 2 ** 20].map(async (free) => {
        const around = {
          now: Date.now,
          randomBytes,
          migrations: join(root, 'migrations'),
          uid: 0,
          freeBytes: () => free,
        }
        return (await examine(config, around)).find(({ check }) => check === 'free space')?.level
      }),
    )
    assert.deepEqual(levels, ['ok', 'warn', 'fail'])
  })

  test('prints a line a finding for people, and shows no secret', async () => {
    const data = copy()
    chmodSync(join(data, 'master.key'), 0o644)
    const { stdout, stderr, status } = await runCli(['doctor', '--data', data], { env: { COUNTERSIGN_PORT: '0' } })
    assert.match(
      stdout,
      /^fail {2}file modes: .*master\.key is open to others \(0644\)\n {6}next: chmod 0600 .*master\.key$/m,
    )
    assert.match(stdout, /^ok {4}schema: version /m)
    assert.equal(status, 1)
    const { secret } = JSON.parse(readFileSync(join(data, 'admin-key.json'), 'utf8'))
    assert.ok(!`${stdout}${stderr}`.includes(secret))
    assert.ok(!`${stdout}${stderr}`.includes(readFileSync(join(data, 'master.key'), 'utf8').trim()))
  })
})
