import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/instance.js'
import { run } from '../support/server.js'

test('at five times its capacity the gateway sheds, keeps its goodput and its memory, and is itself again soon after', {
  timeout: 300_000,
}, async (t) => {
  const soak = join(root, 'dist/bench/soak.js')
  // A machine that does something else meanwhile is asked again.
  for (let tries = 1; ; tries++) {
    const { status, stdout, stderr } = await run(process.execPath, [soak, '--minutes', '0.5', '--strict'])
    for (const line of stdout.split('\n')) t.diagnostic(line)
    if (status === 0 || tries === 3) return assert.equal(status, 0, stdout + stderr)
  }
})
