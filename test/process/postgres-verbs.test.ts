import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { useLock } from '../../src/store/postgres-listener.js'
import { clusterFor, postgresPrograms } from '../support/cluster.js'
import { emptyDatabase, noPostgres } from '../support/postgres.js'
import { removeFolder, runCli, serverFor, startServer, temporaryFolder, unchecked } from '../support/server.js'

const skip = { skip: noPostgres ?? false }

test('doctor on PostgreSQL: all is well beside a serving gateway; it names a setting that loses commits, and a server that is away', async (t) => {
  const bin = postgresPrograms()
  if (bin === undefined) return void unchecked(t, 'the programs of PostgreSQL are not installed')
  const cluster = await clusterFor(t, bin)
  const env = { COUNTERSIGN_DATABASE_URL: cluster.url }
  const { folder } = await serverFor(t, { folder: temporaryKept(t), env })
  const examined = async (status: number) => {
    const ran = await runCli(['doctor', '--data', folder, '--json'], { env: { ...env, COUNTERSIGN_PORT: '0' } })
    assert.equal(ran.status, status, ran.stdout + ran.stderr)
    const findings: { check: string; level: string; text: string }[] = JSON.parse(ran.stdout).findings
    return findings.filter(({ check }) => check === 'database').map(({ level, text }) => `${level}: ${text}`)
  }
  assert.deepEqual(await examined(0), ['ok: the server answers, and keeps what it commits'])
  const client = new pg.Client(cluster.url)
  await client.connect()
  await client.query('alter system set full_page_writes = off')
  await client.query('select pg_reload_conf()')
  await client.end()
  assert.deepEqual(await examined(1), [
    'fail: the server runs with full_page_writes off: a crash loses what was acknowledged',
  ])
  cluster.stop()
  const [away = ''] = await examined(1)
  assert.match(away, /^fail: it cannot be reached: .*ECONNREFUSED/)
  cluster.start()
})

test(
  'rekey and restore on PostgreSQL refuse beside a serving gateway; rekey alone seals everything anew',
  skip,
  async (t) => {
    const place = await emptyDatabase()
    t.after(() => place.drop())
    const folder = temporaryKept(t)
    const env = { COUNTERSIGN_DATABASE_URL: place.url }
    const server = await startServer({ folder, env })
    t.after(() => server.stop('SIGKILL'))
    for (let n = 0; n < 20; n++) {
      const user = { id: `user-${n}`, user: { type: 3, token: `token-of-${n}` } }
      assert.equal((await server.call('set-user', user)).json?.code, 3011)
    }
    const made = await server.call('keys/create', {}, { idempotencyKey: 'made-before' })
    const { secret } = Object(made.json?.result)
    for (const verb of ['rekey', 'restore']) {
      const beside = await runCli([verb, '--data', folder], { env })
      assert.equal(beside.status, 8, verb)
      assert.match(beside.stderr, /in use|connected/)
    }
    const alone = new pg.Client(place.url)
    alone.on('error', () => undefined)
    await alone.connect()
    assert.equal(await server.stop(), 0)
    await alone.query(`select pg_advisory_lock(${useLock})`)
    await assert.rejects(startServer({ folder, env }), /is being restored, or its master key changed/)
    await alone.query(`select pg_advisory_unlock(${useLock})`)

    const sealedNow = async () => {
      const client = new pg.Client(place.url)
      await client.connect()
      try {
        const { rows } = await client.query(
          'select secret as sealed from keys union all select token from users where token is not null',
        )
        return rows.map(({ sealed }) => String(sealed))
      } finally {
        await client.end()
      }
    }
    const [before, oldKey] = [await sealedNow(), readFileSync(join(folder, 'master.key'), 'utf8')]
    const rekeyed = await runCli(['rekey', '--data', folder], { env })
    assert.equal(rekeyed.status, 0, rekeyed.stderr)
    assert.notEqual(readFileSync(join(folder, 'master.key'), 'utf8'), oldKey)
    const after = await sealedNow()
    assert.ok(before.length > 20 && after.length === before.length)
    assert.deepEqual(
      after.filter((sealed) => before.includes(sealed)),
      [],
    )

    const again = await startServer({ folder, env })
    t.after(() => again.stop('SIGKILL'))
    const shown = await again.call('get-user', { id: 'user-7' })
    assert.deepEqual([shown.json?.code, Object(shown.json?.result).token], [3001, 'token-of-7'])
    // A message of its own: the same bytes would be answered without the secret.
    const told = await again.call(
      'keys/create',
      {},
      { idempotencyKey: 'made-before', timestamp: Math.floor(Date.now() / 1000) - 60 },
    )
    assert.deepEqual([told.json?.replayed, Object(told.json?.result).secret], [true, secret])
    const verified = await runCli(['audit', 'verify', '--data', folder], { env })
    assert.equal(verified.status, 0, verified.stderr)
    // The key from before opens nothing, and is refused by name.
    const wrong = await runCli(['serve', '--data', temporaryKept(t), '--port', '0'], {
      env: { ...env, COUNTERSIGN_MASTER_KEY: oldKey.trim() },
    })
    assert.equal(wrong.status, 78)
    assert.match(wrong.stderr, /master key/)
  },
)

test('a gateway under an old master key writes nothing, though nobody told it of the change', skip, async (t) => {
  const place = await emptyDatabase()
  t.after(() => place.drop())
  const folder = temporaryKept(t)
  const server = await startServer({ folder, env: { COUNTERSIGN_DATABASE_URL: place.url } })
  t.after(() => server.stop('SIGKILL'))
  const client = new pg.Client(place.url)
  client.on('error', () => undefined)
  await client.connect()
  const write = () => server.call('set-user', { id: 'alice', user: { type: 3 } }, { idempotencyKey: 'the-same-job' })
  await client.query(`update meta set value = 'another ' || value where name = 'master_key'`)
  assert.equal((await write()).json?.code, 1503)
  assert.equal((await client.query('select 1 from users')).rowCount, 0)
  await client.query(`update meta set value = replace(value, 'another ', '') where name = 'master_key'`)
  assert.equal((await write()).json?.code, 3011)
})

function temporaryKept(t: { after(done: () => void): void }): string {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  return folder
}
