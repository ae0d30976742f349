import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { faultsOf } from '../support/folder.js'
import { killDrill } from '../support/kill-drill.js'
import { main, removeFolder, serverFor, temporaryFolder } from '../support/server.js'

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
