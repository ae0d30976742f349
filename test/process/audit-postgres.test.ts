import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodesFor, posted, signed } from '../support/nodes.js'
import { noPostgres } from '../support/postgres.js'
import { removeFolder, runCli, temporaryFolder } from '../support/server.js'

const skip = { skip: noPostgres ?? false }
const ticket = { app: 'demo-edge', video: 'live/1', ip: '192.0.2.0/24' }

test(
  'PostgreSQL: rows that were removed from a further chain of a node, or all of them, are found by verify, audit/verify and doctor',
  skip,
  async (t) => {
    const nodes = await nodesFor(t, 1)
    const [server] = nodes.servers
    assert.ok(server)
    const { folder } = server
    for (let round = 0; round < 3; round++) {
      const bodies = Array.from({ length: 24 }, (_, n) =>
        signed(nodes, 'sevu.request', ticket, `round-${round}-${String(n).padStart(4, '0')}`),
      )
      const codes: unknown[] = await Promise.all(bodies.map(async (body) => (await posted(server.url, body))?.code))
      assert.ok(codes.includes(2011))
    }
    assert.equal(await server.stop(), 0)
    const rows = await nodes.rows<{ node: string; last: string }>(
      'select node, max(seq) as last from audit group by node order by node',
    )
    const chains = rows.map(({ node }) => node)
    assert.ok(chains.length > 1, 'no second lane was used')
    const elsewhere = temporaryFolder()
    t.after(() => removeFolder(elsewhere))
    const files = { head: join(elsewhere, 'kept.head'), log: join(elsewhere, 'kept.log') }
    copyFileSync(join(folder, 'audit.head'), files.head)
    writeFileSync(files.log, server.log())
    const ask = async (...args: string[]) => runCli([...args, '--data', folder], { env: nodes.env })
    for (const file of Object.values(files))
      assert.equal((await ask('audit', 'verify', '--checkpoint', file)).status, 0)

    const all = await nodes.rows<{ node: string }>(`select * from audit where node = $1`, [chains.at(-1)])
    assert.ok(all.length > 0)
    for (const where of ['seq >= (select max(seq) from audit where node = $1)', 'seq > 0']) {
      await nodes.rows(`delete from audit where node = $1 and ${where}`, [chains.at(-1)])
      for (const file of Object.values(files)) {
        const verified = await ask('audit', 'verify', '--checkpoint', file)
        assert.equal(verified.status, 1, where)
        assert.match(verified.stderr, /the tail was cut off/)
      }
      assert.match((await ask('doctor', '--json')).stdout, /is missing: the tail was cut off/)
    }
    await nodes.restart(0)
    const answer = await posted(nodes.servers[0]?.url ?? '', signed(nodes, 'audit/verify', {}))
    assert.deepEqual(Object(answer?.result).ok, false)
    assert.match(Object(answer?.result).why, /chain .* has no rows, but the checkpoint .* the tail was cut off/)

    await t.test(
      'a restore without a file puts the checkpoint aside, which knows rows that the restored trail does not have',
      async () => {
        assert.equal(await nodes.servers[0]?.stop(), 0)
        assert.equal((await ask('restore')).status, 0)
        assert.ok(!existsSync(join(folder, 'audit.head')))
        assert.equal(readdirSync(folder).filter((name) => name.startsWith('audit.head.replaced-')).length, 1)
        assert.equal((await ask('audit', 'verify')).status, 0)
      },
    )
  },
)
