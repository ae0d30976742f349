import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isolationDrill } from '../support/isolation/drill.js'

test('nine accounts keep their load while a tenth floods one row, batches, passwords and connections', {
  timeout: 300_000,
}, async (t) => {
  const largest = { users: 200, slices: 5, series: 20 }
  for (const only of ['one hot row', 'lock the account', 'password hashes', 'come and go']) {
    const { phases } = await isolationDrill(t, { largest, seconds: 3, normalSeconds: 2, only })
    // How long an answer takes depends on what else the machine does: the drill judges that.
    for (const { name, kept, honest } of phases) assert.ok(kept >= 0.9, `${name}: ${kept} ${honest.firstFailure}`)
  }
})
