import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noPostgres } from '../support/postgres.js'
import { removeFolder, run, type ServerOptions, startServer, temporaryFolder } from '../support/server.js'
import { upgradeDrill } from '../support/upgrade-drill.js'
import { nextVersion } from '../support/versions.js'

test(
  'two gateways under load are upgraded one after the other, and one of them back: every command is done, once',
  { skip: noPostgres ?? false },
  (t) => upgradeDrill(t, { parallel: 4, rest: 80, pause: 50, rounds: 1 }),
)

test('a data folder goes back to the version before until the upgrade is finished', async (t) => {
  const next = nextVersion(t, 'create table finished (id text not null primary key);')
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  async function served(id: string, options: Partial<ServerOptions> = {}): Promise<unknown> {
    const server = await startServer({ folder, ...options })
    const { json } = await server.call('sevu.request', { app: 'demo-edge', video: id, ip: '192.0.2.0/24' })
    await server.stop()
    return json?.code
  }
  assert.equal(await served('before'), 2011)
  assert.equal(await served('next', { program: next.program }), 2011)
  assert.equal(await served('back'), 2011)
  const finished = await run(process.execPath, [next.program, 'migrate', '--finish', '--data', folder])
  assert.deepEqual([finished.status, JSON.parse(finished.stdout).applied], [0, [next.contract]])
  await assert.rejects(served('too late'), new RegExp(`does not know .*${next.contract}.*: run the newer version`))
  assert.equal(await served('next again', { program: next.program }), 2011)
})
