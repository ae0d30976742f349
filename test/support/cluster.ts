import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const versions = '/usr/lib/postgresql'

/** A PostgreSQL server of a test's own, which it may break. */
export interface Cluster {
  readonly url: string
  /** As a crash would: nothing is written back, and what was committed comes from the log. */
  restartAtOnce(): void
  stop(): void
  start(): void
}

/** Where initdb and pg_ctl are; undefined when there are none. */
export function postgresPrograms(): string | undefined {
  if (!existsSync(versions)) return undefined
  return readdirSync(versions)
    .map((version) => join(versions, version, 'bin'))
    .filter((bin) => existsSync(join(bin, 'initdb')))
    .sort()
    .at(-1)
}

/** For a server that speaks TLS alone: files of its certificate and key, which the server's user must own. */
export interface ClusterTls {
  readonly certificate: string
  readonly key: string
}

/** A new cluster on a free port. PostgreSQL refuses to run as root: then it runs as the user postgres. */
export async function clusterFor(t: TestContext, bin: string, tls?: ClusterTls): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-pg-'))
  const port = await freePort()
  const root = process.getuid?.() === 0
  if (root) spawnSync('chown', ['postgres', folder])
  chmodSync(folder, 0o700)
  function run(program: string, ...args: string[]): void {
    const command = [join(bin, program), ...args]
    const [first = '', ...rest] = root ? ['runuser', '-u', 'postgres', '--', ...command] : command
    const { status, stdout, stderr } = spawnSync(first, rest, { encoding: 'utf8', cwd: '/' })
    if (status !== 0) throw new Error(`${program} failed:\n${stdout}\n${stderr}`)
  }
  const data = join(folder, 'data')
  const control = (...args: string[]) => run('pg_ctl', '-D', data, '-l', join(folder, 'log'), '-w', ...args)
  const ssl = tls ? ` -c ssl=on -c ssl_cert_file=${tls.certificate} -c ssl_key_file=${tls.key}` : ''
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder}${ssl}`
  run('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '-N', '--locale=C', '-E', 'UTF8')
  if (tls) writeFileSync(join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 trust\n')
  control('start', '-o', options)
  t.after(() => {
    control('stop', '-m', 'immediate')
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    restartAtOnce: () => control('restart', '-m', 'immediate', '-o', options),
    stop: () => control('stop', '-m', 'immediate'),
    start: () => control('start', '-o', options),
  }
}

/** Below those that the system gives to connections: another test would take one of these before the server does, or while it restarts. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
