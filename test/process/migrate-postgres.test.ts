import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { emptyDatabase, noPostgres } from '../support/postgres.js'
import { removeFolder, runCli, startServer } from '../support/server.js'

/** As a file keeps claims once there are many. */
function inPartitions(file: string): void {
  const database = new Database(file)
  database.exec("update claims set part = rowid % 4; insert into meta (name, value) values ('partition', '3')")
  database.close()
}

test('an instance on SQLite is copied to PostgreSQL, checked, again at will, and goes on there', {
  skip: noPostgres ?? false,
}, async (t) => {
  const first = await startServer()
  const { url, drop } = await emptyDatabase()
  t.after(async () => {
    await drop()
    removeFolder(first.folder)
  })
  for (let n = 0; n < 30; n++) {
    await first.call(
      'set-user',
      { id: `user-${n}`, user: { type: 3, token: 'sealed' } },
      { idempotencyKey: `make-user-${n}` },
    )
  }
  const file = join(first.folder, 'countersign.db')
  const args = ['migrate', '--from', `sqlite:${file}`, '--to', url]
  assert.equal((await runCli(args)).status, 8, 'its gateway still runs')
  await first.stop()
  inPartitions(file)
  const env = { COUNTERSIGN_DATABASE_URL: url }
  const started = await runCli(['init', '--data', first.folder], { env })
  assert.match(started.stderr, /migrate --from/)
  const moved = await runCli(args)
  assert.equal(moved.status, 0, moved.stderr)
  assert.ok(JSON.parse(moved.stdout).rows > 90)
  const urlFile = join(first.folder, 'url.txt')
  writeFileSync(urlFile, url, { mode: 0o600 })
  const again = await runCli(['migrate', '--from', `sqlite:${file}`, '--to-file', urlFile])
  assert.deepEqual([again.status, JSON.parse(again.stdout).rows], [0, 0], again.stderr)
  const second = await startServer({ folder: first.folder, env })
  t.after(() => second.stop('SIGKILL'))
  for (let n = 0; n < 30; n++) {
    const replayed = await second.call(
      'set-user',
      { id: `user-${n}`, user: { type: 3, token: 'sealed' } },
      { idempotencyKey: `make-user-${n}` },
    )
    assert.deepEqual([replayed.json?.code, replayed.json?.replayed], [3011, true])
  }
  assert.equal(
    (await second.call('toggle-user', { id: 'user-3' }, { idempotencyKey: 'toggle-user-3' })).json?.code,
    3021,
  )
  assert.equal((await runCli(['audit', 'verify', '--data', first.folder], { env })).status, 0)
  const refused = await runCli(['backup', join(first.folder, 'copy.db'), '--data', first.folder], { env })
  assert.deepEqual([refused.status, /pg_dump/.test(refused.stderr)], [78, true])
  const beside = await runCli(['restore', '--data', first.folder], { env })
  assert.equal(beside.status, 8, 'its gateway still runs')
  await second.stop()
  const restored = await runCli(['restore', '--data', first.folder], { env })
  assert.equal(restored.status, 0, restored.stderr)
  const third = await startServer({ folder: first.folder, env })
  t.after(() => third.stop('SIGKILL'))
  assert.equal((await third.call('ping')).json?.code, 1503)
})
