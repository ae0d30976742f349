// Makes a clone runnable: installs what package-lock.json names and compiles what changed. `--build` compiles in any case.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

function step(said, command, args) {
  process.stderr.write(`countersign: ${said}\n`)
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  process.stderr.write(`countersign: "${command} ${args.join(' ')}" failed${error ? `: ${error.message}` : ''}\n`)
  process.exit(status || 1)
}

function newest(folder) {
  if (!existsSync(join(root, folder))) return 0
  return Math.max(
    0,
    ...readdirSync(join(root, folder), { withFileTypes: true }).map((entry) =>
      entry.isDirectory()
        ? entry.name === 'dist'
          ? 0
          : newest(join(folder, entry.name))
        : entry.name.endsWith('.ts')
          ? modified(join(root, folder, entry.name))
          : 0,
    ),
  )
}

if (modified(join(root, 'node_modules/.package-lock.json')) < modified(join(root, 'package-lock.json'))) {
  // Not `npm ci`: npm 11 refuses a lock file that lacks the optional packages of other platforms.
  step('installing packages (better-sqlite3 may compile for about a minute)', 'npm', [
    'install',
    '--no-save',
    '--include=dev',
    '--no-audit',
    '--no-fund',
  ])
}
const compiler = 'node_modules/typescript/bin/tsc'
const client = 'clients/typescript'
const sources = ['src', 'commands', 'schemas', 'dialects', client, 'test', 'bench']
const stale = (built, folders) =>
  process.argv.includes('--build') ||
  modified(join(root, built)) < Math.max(modified(join(root, 'tsconfig.json')), ...folders.map(newest))
// By itself, with its types: what programs outside this tree install.
if (stale(`${client}/dist/index.js`, [client])) {
  step('compiling the client', process.execPath, [compiler, '-p', client])
}
if (stale('dist/.tsbuildinfo', sources)) {
  step('compiling', process.execPath, [compiler, '-p', '.'])
  // Imported here: above, it may not be installed yet.
  const { build } = await import('rolldown')
  const library = join(root, 'dist/schemas/typebox.js')
  await build({ input: library, output: { file: library }, platform: 'node', logLevel: 'warn' })
}
