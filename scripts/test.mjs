// Runs every test/**/*.test.ts, compiled, or only those whose path contains one of the words given. `--long` runs those of
// test/long, one after the other, in place of the others.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const long = process.argv.includes('--long')
const words = process.argv.slice(2).filter((word) => word !== '--long')
const files = readdirSync(join(root, 'test'), { recursive: true })
  .filter((name) => name.endsWith('.test.ts') && name.startsWith('long/') === long)
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .map((name) => join('dist/test', name.replace(/\.ts$/, '.js')))
  .sort()
if (files.length === 0) {
  process.stderr.write(`countersign: no test file matches ${words.join(', ')}\n`)
  process.exit(1)
}
const { status } = spawnSync(process.execPath, ['--test', `--test-concurrency=${long ? 1 : 2}`, ...files], {
  cwd: root,
  stdio: 'inherit',
})
process.exit(status ?? 1)
