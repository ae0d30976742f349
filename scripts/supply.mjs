// Whether the installed packages are what their authors signed: for CI, and before a release. `test/supply.test.ts` looks
// at the lock file, which needs no network.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const { status, stdout, stderr } = spawnSync('npm', ['audit', 'signatures'], {
  cwd: join(import.meta.dirname, '..'),
  encoding: 'utf8',
  timeout: 120_000,
})
const said = `${stdout}${stderr}`.trim()
const reached =
  !/ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|network|No dependencies|no supported/i.test(said) && status !== null
if (status === 0) process.stderr.write(`countersign: ${said}\n`)
else if (reached) {
  process.stderr.write(`countersign: npm audit signatures: ${said}\n`)
  process.exit(1)
} else process.stderr.write(`\ncountersign: not checked, because npm audit signatures cannot be run here: ${said}\n\n`)
