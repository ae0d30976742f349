// Runs every test/**/*.test.ts, compiled, or only those whose path contains one of the words given; those of the commands,
// of the ledger, of edited rows and of wrong clocks, on both engines. `--long` runs those of test/long, `--drills` those of test/drills (hours,
// altogether), one after the other, in place of the others. `--engine sqlite` or `--engine postgres` runs on one engine.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testDatabase } from './test-database.mjs'

const root = join(import.meta.dirname, '..')
const given = process.argv.slice(2)
const apart = ['long', 'drills']
const only = apart.find((folder) => given.includes(`--${folder}`))
const at = given.indexOf('--engine')
const engine = at < 0 ? undefined : given[at + 1]
const words = given.filter((word, index) => word !== `--${only}` && (at < 0 || (index !== at && index !== at + 1)))
const folderOf = (name) => apart.find((folder) => name.startsWith(`${folder}/`))
// What commands/index.test.ts refuses does not reach the store.
const onBoth = (name) =>
  (name.startsWith('commands/') && name !== 'commands/index.test.ts') ||
  name === 'store/ledger.test.ts' ||
  name === 'src/edited-rows.test.ts' ||
  name === 'src/clock-model.test.ts' ||
  name === 'drills/isolation.test.ts'
const names = readdirSync(join(root, 'test'), { recursive: true })
  .filter((name) => name.endsWith('.test.ts') && folderOf(name) === only)
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .sort()
if (names.length === 0) {
  process.stderr.write(`countersign: no test file matches ${words.join(', ')}\n`)
  process.exit(1)
}

const reports = mkdtempSync(join(tmpdir(), 'countersign-failures-'))

function run(chosen, name, env) {
  if (chosen.length === 0) return 0
  const files = chosen.map((file) => join('dist/test', file.replace(/\.ts$/, '.js')))
  const reporters = [
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...['--test-reporter=./scripts/failures.mjs', `--test-reporter-destination=${join(reports, name)}`],
  ]
  const args = ['--test', `--test-concurrency=${only ? 1 : 2}`, ...reporters, ...files]
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1
}

const database = await testDatabase()
const place = database ? { TEST_POSTGRES_URL: database.url } : {}
let status = engine === 'postgres' ? 0 : run(names, 'first', place)
const again = engine === 'sqlite' ? [] : names.filter(onBoth)
if (database && again.length > 0) {
  process.stderr.write(`countersign: ${again.length} test files again, on PostgreSQL\n`)
  status = run(again, 'PostgreSQL', { ...place, TEST_ENGINE: 'postgres' }) || status
}
await database?.drop()
// What failed is told last: the end of a long output is what is read, and sometimes all that is kept.
for (const name of ['first', 'PostgreSQL']) {
  const report = join(reports, name)
  const failed = existsSync(report) ? readFileSync(report, 'utf8') : ''
  if (failed !== '') process.stderr.write(`\n${name === 'first' ? '' : `on ${name}: `}${failed}`)
}
rmSync(reports, { recursive: true })
process.exit(status)
