import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/instance.js'
import { run } from '../support/server.js'

test('at five times its capacity the gateway does what it can and refuses the rest with 1503, and its memory stays flat', {
  timeout: 300_000,
}, async (t) => {
  const soak = join(root, 'dist/bench/soak.js')
  const { status, stdout, stderr } = await run(process.execPath, [soak, '--minutes', '0.5'])
  assert.equal(status, 0, stderr)
  // How fast, and how soon, depends on what else the machine does: those figures are told, and judged by --strict.
  for (const line of stdout.trim().split('\n')) t.diagnostic(line)
  for (const what of ['memory (RSS), early and late', 'answers other than done and 1503']) {
    const line = stdout.split('\n').find((text) => text.startsWith(`| ${what}`)) ?? ''
    assert.match(line, /\| met \|$/, stdout)
  }
  assert.match(stdout, /refused with 1503 [1-9]/)
})
