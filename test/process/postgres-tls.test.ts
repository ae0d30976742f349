import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { clusterFor, postgresPrograms } from '../support/cluster.js'
import { hasPrograms, removeFolder, runCli, serverFor, temporaryFolder, unchecked } from '../support/server.js'

/** A self-signed certificate for `localhost`, and its key, which PostgreSQL's user can read. */
function certificateFor(t: TestContext): { certificate: string; key: string } {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  const [certificate, key] = [join(folder, 'server.pem'), join(folder, 'server.key')]
  const made = spawnSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate],
    ],
    { encoding: 'utf8' },
  )
  assert.equal(made.status, 0, made.stderr)
  chmodSync(folder, 0o755)
  chmodSync(key, 0o600)
  if (process.getuid?.() === 0) spawnSync('chown', ['postgres', key])
  return { certificate, key }
}

test('TLS is asked for in the URL of the database: every connection is encrypted, and a server that cannot prove its name is not used', async (t) => {
  const bin = postgresPrograms()
  if (bin === undefined) return void unchecked(t, 'the programs of PostgreSQL are not installed')
  if (!hasPrograms(t, 'openssl')) return
  const tls = certificateFor(t)
  const cluster = await clusterFor(t, bin, tls)
  const { port } = new URL(cluster.url)
  const at = (host: string, query: string) => `postgres://postgres:pw-canary@${host}:${port}/postgres${query}`
  const verified = `?sslmode=verify-full&sslrootcert=${tls.certificate}`

  const url = at('localhost', verified)
  const server = await serverFor(t, { env: { COUNTERSIGN_DATABASE_URL: url } })
  const saved = await server.call('set-user', { id: 'alice', user: { type: 3 } }, { idempotencyKey: 'over-tls' })
  assert.equal(saved.json?.code, 3011)
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query(
    `select ssl, count(*)::int as connections from pg_stat_ssl join pg_stat_activity using (pid)
     where backend_type = 'client backend' and pid <> pg_backend_pid() group by ssl`,
  )
  await client.end()
  assert.equal(rows.length, 1)
  assert.equal(rows[0].ssl, true)
  assert.ok(rows[0].connections >= 2, 'one that writes and one that listens at least')

  const refusals: [what: string, url: string, says: RegExp][] = [
    ['no TLS', at('localhost', ''), /no encryption/],
    ['a name that the certificate does not have', at('127.0.0.1', verified), /127\.0\.0\.1/],
    ['a certificate that nobody vouches for', at('localhost', '?sslmode=verify-full'), /self-signed certificate/],
  ]
  for (const [what, refused, says] of refusals) {
    const folder = temporaryFolder()
    t.after(() => removeFolder(folder))
    const { status, stderr } = await runCli(['serve', '--data', folder, '--port', '0'], {
      env: { COUNTERSIGN_DATABASE_URL: refused },
    })
    assert.notEqual(status, 0, what)
    assert.match(stderr, says, what)
    assert.ok(!stderr.includes('pw-canary'), what)
  }
})
