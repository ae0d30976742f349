import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { gatewayCodes } from '../../schemas/codes.js'
import { settings } from '../../schemas/config.js'
import { root } from '../support/instance.js'
import { hasPrograms, program, removeFolder, run, serverFor, startServer, temporaryFolder } from '../support/server.js'

const deployed = (name: string): string => readFileSync(join(root, 'deploy', name), 'utf8')

/** Replaces what an operator would change; what is no longer there is a fault of the test. */
function changed(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((changing, [from, to]) => {
    assert.ok(changing.includes(from), `${from} is no longer in the file`)
    return changing.replaceAll(from, to)
  }, text)
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

/** nginx with the configuration of deploy/, a certificate of its own, and this gateway behind it; its port. */
async function nginx(t: TestContext, folder: string, gatewayPort: number): Promise<number> {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const made = await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=control.example.org', '-addext', 'subjectAltName=DNS:control.example.org'],
    ...['-keyout', key, '-out', certificate],
  ])
  assert.equal(made.status, 0, made.stderr)
  const port = await freePort()
  const site = changed(deployed('nginx.conf'), {
    'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
    '127.0.0.1:8420': `127.0.0.1:${gatewayPort}`,
    '/etc/ssl/control.example.org.pem': certificate,
    '/etc/ssl/control.example.org.key': key,
  })
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const config = join(folder, 'nginx.conf')
  writeFileSync(
    config,
    `${process.getuid?.() === 0 ? 'user root;' : ''} pid ${folder}/pid; error_log stderr; events {} http { access_log off;
${paths.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}\n${site}\n}\n`,
  )
  const flags = ['-p', folder, '-c', config, '-g', 'daemon off;']
  const tested = await run('nginx', ['-t', ...flags])
  assert.equal(tested.status, 0, tested.stderr)
  const child = spawn('nginx', flags, { stdio: ['ignore', 'ignore', 'inherit'] })
  const closed = new Promise((resolve) => child.once('close', resolve))
  t.after(() => {
    child.kill('SIGTERM')
    return closed
  })
  return port
}

interface Through {
  readonly port: number
  readonly folder: string
  /** The address on this machine that the client has. */
  readonly from: string
}

/** Sends over TLS, checking the certificate. */
function sendThrough(
  { port, folder, from }: Through,
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const ca = readFileSync(join(folder, 'certificate.pem'))
    const options = { host: '127.0.0.1', port, path, method: body === '' ? 'GET' : 'POST', localAddress: from, ca }
    const req = request({ ...options, servername: 'control.example.org', headers }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      res.on('end', () => resolve({ status: res.statusCode ?? 0, text }))
    })
    req.once('error', reject)
    req.end(body)
  })
}

/** The first answer; nginx takes a moment before it listens. */
async function untilListening<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (tries > 200 || !(error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED')) throw error
    }
  }
}

test('behind the nginx of deploy/ clients are served over TLS, and known by their own address, whatever they claim', async (t) => {
  if (!hasPrograms(t, 'nginx', 'openssl')) return
  const server = await startServer({ env: { COUNTERSIGN_TRUST_PROXY: '127.0.0.1' } })
  const folder = temporaryFolder()
  t.after(async () => {
    await server.stop('SIGKILL')
    removeFolder(server.folder)
    removeFolder(folder)
  })
  const port = await nginx(t, folder, server.port)
  const made = await server.call('keys/create', { permissions: ['*'], ips: ['127.0.0.2'] })
  const key = Object(made.json?.result)
  const credentials = { apiKey: String(key.key_id), secret: String(key.secret) }
  let sent = 0
  const ping = (from: string, headers?: Record<string, string>) => {
    const envelope = { timestamp: Math.floor(Date.now() / 1000), idempotencyKey: `through-nginx-${++sent}` }
    const { body } = signMessage('ping', {}, credentials, envelope)
    return sendThrough({ port, folder, from }, '/control', body, headers)
  }
  const first = await untilListening(() => ping('127.0.0.2'))
  assert.equal(first.status, 200, first.text)
  const elsewhere = await ping('127.0.0.3', { 'X-Forwarded-For': '127.0.0.2' })
  assert.equal(JSON.parse(elsewhere.text).code, gatewayCodes.ADDRESS_REFUSED.code)

  const large = await sendThrough({ port, folder, from: '127.0.0.2' }, '/control', 'x'.repeat(300_000))
  assert.equal(JSON.parse(large.text).code, gatewayCodes.TOO_LARGE.code)
  assert.equal((await sendThrough({ port, folder, from: '127.0.0.2' }, '/readyz', '')).status, 403)
  assert.equal((await sendThrough({ port, folder, from: '127.0.0.1' }, '/readyz', '')).status, 200)
})

test('systemd finds nothing wrong with the units, and calls what is left open little', async (t) => {
  if (!hasPrograms(t, 'systemd-analyze')) return
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  const installed = { '/opt/countersign/node_modules/.bin/countersign': program }
  const units = ['countersign.service', 'countersign-backup.service', 'countersign-backup.timer']
  for (const unit of units)
    writeFileSync(join(folder, unit), changed(deployed(unit), unit.endsWith('.service') ? installed : {}))
  const paths = units.map((unit) => join(folder, unit))
  const verified = await run('systemd-analyze', ['verify', '--man=no', ...paths])
  const own = verified.stderr.split('\n').filter((line) => /countersign[\w-]*\.(service|timer)/.test(line))
  assert.deepEqual([verified.status, own], [0, []], verified.stderr)
  for (const unit of paths.slice(0, 2)) {
    const flags = ['--offline=yes', '--threshold=25', unit]
    const { status, stdout, stderr } = await run('systemd-analyze', ['security', ...flags])
    assert.equal(status, 0, stdout + stderr)
  }
})

test('what the backup unit runs makes a backup of a running gateway under a name of its own each time', async (t) => {
  const server = await serverFor(t)
  const [, command = ''] = /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(deployed('countersign-backup.service')) ?? []
  const backups = join(server.folder, 'backups')
  mkdirSync(backups)
  // As systemd reads it: %% and $$ are % and $.
  const script = changed(command.replaceAll('%%', '%').replaceAll('$$', '$'), {
    '/opt/countersign/node_modules/.bin/countersign': program,
    '/var/backups/countersign': backups,
  })
  const { status, stderr } = await run('/bin/sh', ['-c', script], { env: { COUNTERSIGN_DATA: server.folder } })
  assert.equal(status, 0, stderr)
  assert.match(readdirSync(backups).join(), /^countersign-\d{4}-\d\d-\d\dT\d{6}\.db$/)
})

test('Prometheus can read the configuration and the alerts of deploy/', async (t) => {
  if (!hasPrograms(t, 'promtool')) return
  const { status, stdout, stderr } = await run('promtool', ['check', 'config', join(root, 'deploy/prometheus.yml')])
  assert.equal(status, 0, stdout + stderr)
})

test('the environment file, changed as docs/operations.md says, is one that Node reads and a gateway starts with', async (t) => {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  const file = join(folder, 'countersign.env')
  writeFileSync(file, deployed('countersign.env'))
  const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')
  const [sed = ''] = /^sed -i [\s\S]*?countersign\.env$/m.exec(page) ?? []
  const edited = await run('sh', ['-c', changed(sed, { '/etc/countersign/countersign.env': file })])
  assert.equal(edited.status, 0, edited.stderr)
  const print = 'console.log(Object.entries(process.env).filter(([name]) => /^COUNTERSIGN_/.test(name)).join("\\n"))'
  const { stdout } = await run(process.execPath, [`--env-file=${file}`, '-e', print])
  assert.deepEqual(stdout.trim().split('\n').sort(), [
    'COUNTERSIGN_DATA,/var/lib/countersign',
    'COUNTERSIGN_METRICS,127.0.0.1:9464',
    'COUNTERSIGN_TRUST_PROXY,127.0.0.1',
  ])
})

test('Caddy can read the Caddyfile of deploy/', async (t) => {
  if (!hasPrograms(t, 'caddy')) return
  const { status, stderr } = await run('caddy', [
    'adapt',
    '--adapter',
    'caddyfile',
    '--config',
    join(root, 'deploy/Caddyfile'),
  ])
  assert.equal(status, 0, stderr)
})

test('a gateway starts with every line of the environment file turned on', async (t) => {
  const lines = deployed('countersign.env').match(/^#COUNTERSIGN_.*$/gm) ?? []
  assert.equal(lines.length, Object.keys(settings).length)
  const pairs = lines.map((line) => /^#(\w+)=(.*)$/.exec(line)?.slice(1) ?? [])
  const server = await startServer({ env: Object.fromEntries(pairs) })
  t.after(() => removeFolder(server.folder))
  assert.equal((await server.call('ping')).json?.status, 'success')
  assert.equal(await server.stop(), 0)
})
