import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { faultsOf, readFolder } from '../support/folder.js'
import { hasPrograms, serverFor, type TestServer, unchecked } from '../support/server.js'

/** Makes system calls of a running gateway on its database files fail, until the returned function is called; false where that is forbidden. */
async function failing(t: TestContext, server: TestServer, calls: string, error: string) {
  const paths = ['countersign.db', 'countersign.db-wal'].flatMap((name) => ['-P', join(server.folder, name)])
  const what = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}`]
  const attach = ['strace', '-f', '-p', String(server.process.pid), ...paths, ...what, '-o', '/dev/null']
  const [program = '', ...args] = attach
  const tracer = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(tracer, 'exit')
  t.after(() => tracer.kill('SIGKILL'))
  let said = ''
  const attached = await new Promise<boolean>((resolve) => {
    tracer.stderr.on('data', (chunk) => {
      said += chunk
      if (said.includes('attached')) resolve(true)
    })
    tracer.once('close', () => resolve(false))
  })
  if (!attached) return unchecked(t, `strace may not attach: ${said}`)
  return async () => {
    tracer.kill('SIGINT')
    await ended
  }
}

const readiness = async ({ url }: TestServer) => (await fetch(`${url}/readyz`)).status

/** Waits for what a gateway that repairs itself every second gets to within ten. */
async function readyAgain(server: TestServer): Promise<void> {
  for (let tries = 0; tries < 100 && (await readiness(server)) !== 200; tries++) await delay(100)
  assert.equal(await readiness(server), 200, server.log())
}

for (const [name, calls, error] of [
  ['a disk that cannot sync', 'fsync,fdatasync', 'EIO'],
  ['a disk that cannot write', 'pwrite64', 'EIO'],
  ['a full disk', 'pwrite64', 'ENOSPC'],
] as const) {
  test(`${name}: no write is answered with success, /readyz is red, and afterwards a resend is told the truth`, async (t) => {
    if (!hasPrograms(t, 'strace')) return
    const server = await serverFor(t)
    const timestamp = Math.floor(Date.now() / 1000)
    const keyed = (id: string) => ({ timestamp, idempotencyKey: `write-${id}` })
    const create = (id: string) => server.call('set-user', { id, user: { type: 3 } }, keyed(id))
    assert.equal((await create('before')).json?.code, 3011)

    const repair = await failing(t, server, calls, error)
    if (!repair) return
    const ids = Array.from({ length: 20 }, (_, index) => `during-${index}`)
    for (const reply of [
      ...(await Promise.all(ids.slice(0, 10).map(create))),
      ...(await inTurn(ids.slice(10), create)),
    ]) {
      assert.deepEqual([reply.status, reply.json?.code, reply.json?.status], [503, 1507, 'failure'])
    }
    assert.equal(await readiness(server), 503)
    await repair()

    await readyAgain(server)
    for (const id of ids) {
      const found = (await server.call('request-status', { of_idempotency_key: `write-${id}` })).json
      const state = Object(found?.result).state
      const again = await create(id)
      assert.deepEqual([again.json?.code, again.json?.replayed], [3011, state === 'done' ? true : undefined], id)
    }
    assert.equal((await create('before')).json?.replayed, true)
    assert.equal(await server.stop(), 0)
    const file = readFolder(server.folder)
    const rows = file.rows<{ target: string; times: number }>(
      'select target, count(*) as times from audit where code = 3011 group by target',
    )
    file.close()
    assert.deepEqual(
      rows.map(({ target, times }) => `${target} ${times}`).sort(),
      ['before', ...ids].map((id) => `${id} 1`).sort(),
    )
    assert.deepEqual(faultsOf(server.folder), [])
  })
}

async function inTurn<T>(ids: readonly string[], work: (id: string) => Promise<T>): Promise<T[]> {
  const done: T[] = []
  for (const id of ids) done.push(await work(id))
  return done
}
