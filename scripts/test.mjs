// Runs every test/**/*.test.ts, compiled, or only those whose path contains one of the words given. `--long` runs those of
// test/long, `--drills` those of test/drills (hours, altogether), one after the other, in place of the others.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const apart = ['long', 'drills']
const only = apart.find((folder) => process.argv.includes(`--${folder}`))
const words = process.argv.slice(2).filter((word) => word !== `--${only}`)
const folderOf = (name) => apart.find((folder) => name.startsWith(`${folder}/`))
const files = readdirSync(join(root, 'test'), { recursive: true })
  .filter((name) => name.endsWith('.test.ts') && folderOf(name) === only)
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .map((name) => join('dist/test', name.replace(/\.ts$/, '.js')))
  .sort()
if (files.length === 0) {
  process.stderr.write(`countersign: no test file matches ${words.join(', ')}\n`)
  process.exit(1)
}
const { status } = spawnSync(process.execPath, ['--test', `--test-concurrency=${only ? 1 : 2}`, ...files], {
  cwd: root,
  stdio: 'inherit',
})
process.exit(status ?? 1)
