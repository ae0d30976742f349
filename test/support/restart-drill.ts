import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { signMessage } from '../../clients/typescript/index.js'
import { counter } from './counter.js'
import { faultsOf, readFolder } from './folder.js'
import { removeFolder, serverFor, type TestServer, temporaryFolder } from './server.js'

const clients = 12

/** Sends one message until it is answered with something else than "wait"; how often it had to be sent. */
async function insist(url: string, body: string): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      const response = await fetch(`${url}/control`, { method: 'POST', body })
      const { code } = JSON.parse(await response.text())
      if (code === 10001) return tries
      assert.ok([1411, 1429, 1503].includes(code), `answered ${code}`)
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
    }
    await delay(20)
  }
}

/** Restarts a gateway under load with SIGTERM, behind clients that send again until they are answered: nothing is lost, nothing doubled. */
export async function restartDrill(t: TestContext, restarts: number): Promise<void> {
  const folder = temporaryFolder()
  const own = temporaryFolder()
  writeFileSync(join(own, 'count.mjs'), counter)
  const env = { COUNTERSIGN_COMMANDS: own }
  let server: TestServer = await serverFor(t, { folder, env })
  const { url, port, owner } = server
  let ending = false
  let again = 0
  const done: string[] = []
  const running = Array.from({ length: clients }, async (_, client) => {
    for (let n = 0; !ending; n++) {
      const id = `c-${client}-${n}`
      const envelope = { timestamp: Math.floor(Date.now() / 1000), idempotencyKey: `key-of-${id}` }
      const tries = await insist(url, signMessage('test/count', { id }, owner, envelope).body)
      if (tries > 1) again++
      done.push(id)
    }
  })
  let slowest = 0
  for (let restart = 0; restart < restarts; restart++) {
    await delay(randomInt(50, 400))
    const begun = performance.now()
    assert.equal(await server.stop(), 0, server.log())
    slowest = Math.max(slowest, performance.now() - begun)
    assert.ok(slowest < 10_000)
    server = await serverFor(t, { folder, env, port })
  }
  ending = true
  await Promise.all(running)
  assert.equal(await server.stop(), 0)
  const file = readFolder(folder)
  const counted = file.rows<{ id: string; value: string }>("select id, value from records where kind = 'count'")
  file.close()
  assert.deepEqual(
    counted.filter(({ value }) => value !== '1'),
    [],
  )
  assert.deepEqual(counted.map(({ id }) => id).sort(), done.sort())
  assert.deepEqual(faultsOf(folder), [])
  t.diagnostic(JSON.stringify({ restarts, commands: done.length, sentAgain: again, slowestEnd: Math.round(slowest) }))
  assert.ok(again > 0, 'else nothing was tested')
  removeFolder(folder)
  removeFolder(own)
}
