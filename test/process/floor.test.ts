import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { nodesFor, now, posted, signed } from '../support/nodes.js'
import { noPostgres } from '../support/postgres.js'
import { runCli, serverFor } from '../support/server.js'
import { until } from '../support/until.js'

const year = 365 * 86_400
const today = () => new Date().toISOString().slice(0, 10)
const changed = (name: string, value: number) =>
  `insert into meta (name, value) values ('${name}', '${value}') on conflict (name) do update set value = excluded.value`

test('an instance whose floor a wrong clock has raised is named by doctor, and served again after "floor lower"', async (t) => {
  const server = await serverFor(t)
  const { folder } = server
  const before = await server.call('set-user', { id: 'alice', user: { type: 3 } })
  assert.equal(before.json?.code, 3011)
  const database = new Database(join(folder, 'countersign.db'))
  t.after(() => database.close())
  const far = now() + 10 * year
  database.exec(changed('floor', far))
  assert.equal((await server.call('ping')).json?.code, 1503)
  const doctor = await runCli(['doctor', '--data', folder], { env: { COUNTERSIGN_PORT: '0' } })
  assert.match(doctor.stdout, /before the floor: .*\n.*a wrong clock raised the floor: countersign floor lower --today/)

  const lower = (...args: string[]) => runCli(['floor', 'lower', '--data', folder, ...args])
  const floor = () =>
    Number((database.prepare(`select value from meta where name = 'floor'`).get() as { value: string }).value)
  const refused: readonly (readonly [args: string[], status: number, says: RegExp])[] = [
    [[], 2, /--today/],
    [['--today', 'now'], 2, /expected a date/],
    [['--today', '2036-12-01'], 78, /the clock says .*, not 2036-12-01: set it right first/],
  ]
  for (const [args, status, says] of refused) {
    const ran = await lower(...args)
    assert.equal(ran.status, status)
    assert.match(ran.stderr, says)
  }
  assert.equal(floor(), far)

  await t.test('claims that were forgotten of messages dated later hold it up until the keys are rotated', async () => {
    database.exec(changed('newest_forgotten', far))
    const held = await lower('--today', today())
    assert.equal(held.status, 78)
    assert.match(held.stderr, /could run a second time.*rotate every key/)
    assert.equal(floor(), far)
    assert.equal((await lower('--today', today(), '--keys-rotated')).status, 0)
    database.exec(changed('newest_forgotten', 0))
    database.exec(changed('floor', far))
  })

  const lowered = await lower('--today', today())
  assert.equal(lowered.status, 0, lowered.stderr)
  assert.ok(
    floor() > now() + 290 && floor() <= now() + 300,
    'a window from now: whatever was signed before stays refused',
  )
  assert.equal((await server.call('ping')).json?.code, 1503)
  assert.deepEqual(JSON.parse(lowered.stdout), { before: far, floor: floor() })
  const again = JSON.parse((await lower('--today', today())).stdout)
  assert.ok(again.before === again.floor || again.floor < again.before)
  assert.equal((await runCli(['audit', 'verify', '--data', folder])).status, 0)
  // The clock passes it; a test cannot wait so long.
  database.exec(changed('floor', now() - 1))
  assert.equal((await server.call('ping')).json?.code, 9001)
})

test('PostgreSQL: a floor far ahead is lowered beside serving nodes, which notice', {
  skip: noPostgres ?? false,
}, async (t) => {
  const nodes = await nodesFor(t, 2, undefined, { COUNTERSIGN_WINDOW: '1' })
  await nodes.rows(changed('floor', now() + 10 * year))
  const { folder = '' } = nodes.servers[0] ?? {}
  await nodes.restart(1)
  const ping = async (n: number) => (await posted(nodes.servers[n]?.url ?? '', signed(nodes, 'ping', {})))?.code
  assert.equal(await ping(1), 1503)
  const lowered = await runCli(['floor', 'lower', '--data', folder, '--today', today()], {
    env: { ...nodes.env, COUNTERSIGN_WINDOW: '1' },
  })
  assert.equal(lowered.status, 0, lowered.stderr)
  const { floor } = JSON.parse(lowered.stdout)
  await until('the clock has passed the floor', () => now() > floor, 10)
  for (const n of [0, 1]) assert.equal(await ping(n), 9001)
})
