import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { digestOf } from '../../src/store/digest.js'
import { claimsPerPartition } from '../../src/store/partitions.js'
import { faultsOf } from '../support/folder.js'
import { killDrill } from '../support/kill-drill.js'
import { main, removeFolder, serverFor, type TestServer, temporaryFolder } from '../support/server.js'

test('50 kills at random moments under load: what was answered is there once, everything else once or not at all', (t) =>
  killDrill(t, 50))

test('a gateway that is killed while it initialises its folder, or while it starts, works at the next start', async (t) => {
  for (let round = 0; round < 6; round++) {
    const folder = join(temporaryFolder(), 'data')
    if (round % 2 === 0) mkdirSync(folder)
    for (const _ of [1, 2]) {
      const child = spawn(process.execPath, [main, 'serve', '--data', folder, '--port', '0'], { stdio: 'ignore' })
      const ended = once(child, 'exit')
      await delay(randomInt(100, 450))
      child.kill('SIGKILL')
      await ended
    }
    const server = await serverFor(t, { folder })
    assert.equal((await server.call('ping')).json?.code, 9001)
    assert.equal(await server.stop(), 0)
    assert.deepEqual(faultsOf(folder), [])
    removeFolder(join(folder, '..'))
  }
})

test('what ran before a kill is known after it in whatever partition its claim lies, before its filters are read and after', async (t) => {
  const folder = temporaryFolder()
  const first = await serverFor(t, { folder })
  await first.stop()
  const database = new Database(join(folder, 'countersign.db'))
  const insert = database.prepare("insert into claims values (?, ?, 1, 'p', 'c', ?, '', '', 1, null, 0, ?, 0)")
  const now = Math.floor(Date.now() / 1000)
  // So many that the next partition begins in the middle of what is sent.
  database.transaction(() => {
    for (let n = 0; n < claimsPerPartition - 10; n++) insert.run(`zz-${n}`, digestOf(`${n}`), now, now)
  })()
  const ids = Array.from({ length: 30 }, (_, n) => `user-${n}`)
  const send = async (server: TestServer) => {
    const replies = await Promise.all(
      ids.map((id) => server.call('set-user', { id, user: { type: 3 } }, { idempotencyKey: `make-${id}` })),
    )
    return replies.map(({ json }) => [json?.code, json?.replayed])
  }
  const second = await serverFor(t, { folder })
  const ran = ids.map(() => [3011, undefined])
  const known = ids.map(() => [3011, true])
  const sentInTurn = []
  for (const id of ids.slice(0, 15)) {
    const { json } = await second.call('set-user', { id, user: { type: 3 } }, { idempotencyKey: `make-${id}` })
    sentInTurn.push([json?.code, json?.replayed])
  }
  assert.deepEqual([...sentInTurn, ...(await send(second)).slice(15)], ran)
  await second.stop('SIGKILL')
  const parts = database.prepare('select part, count(*) as n from claims group by part order by part').all()
  assert.deepEqual(
    parts.map((row) => (row as { part: number }).part),
    [0, 1],
  )
  database.close()
  const third = await serverFor(t, { folder })
  assert.deepEqual(await send(third), known)
  await delay(2_500)
  assert.deepEqual(await send(third), known)
  assert.equal(await third.stop(), 0)
  removeFolder(folder)
})
