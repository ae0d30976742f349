import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { root } from './support/instance.js'

/** Who may import whom (ARCHITECTURE.md). The first row whose place matches a file decides; paths without extension. */
const table: readonly (readonly [place: RegExp, allowed: readonly RegExp[]])[] = [
  [/^schemas\//, [/^schemas\//, /^typebox$/]],
  [/^commands\/index$/, [/^commands\//, /^src\/command$/]],
  [/^commands\//, [/^schemas\//, /^src\/command$/]],
  [/^dialects\//, [/^dialects\//, /^schemas\//, /^src\/(dialect|refusal|json|encoding)$/]],
  [/^src\/(main|index|compose|program|serve|work|failures)$/, [/./]],
  [/^src\/store\//, [/^src\/(store\/|turns$)/, /^(better-sqlite3|pg)$/, /^node:/]],
  [
    /^src\/cli\//,
    [
      /^src\/(cli\/|config$|refusal$|json$|encoding$|explain$|generate$|finding$)/,
      /^schemas\//,
      /^clients\/typescript\/index$/,
      /^commander$/,
      /^node:crypto$/,
    ],
  ],
  [
    /^src\/http(-[a-z]+)?$/,
    [/^src\/(http-[a-z]+|address|dialect|gateway|load|refusal|reply|turns)$/, /^schemas\//, /^node:/],
  ],
  [
    /^src\/(instance|data|doctor|metered|keyring|master-key|backup|restore|rekey|floor|move|soundness)$/,
    [/^src\/(?!main$|cli\/|http(-[a-z]+)?$)/, /^schemas\//, /^pino$/, /^node:/],
  ],
  [
    /^src\/[a-z-]+$/,
    [
      /^src\/(?!main$|cli\/|http(-[a-z]+)?$|instance$|data$|store\/)/,
      /^schemas\//,
      /^node:/,
      /^(ajv|ipaddr\.js|prom-client)$/,
    ],
  ],
  [/^clients\//, [/^clients\//, /^node:/]],
]

/** Types are free to come from the store, the instance and what works on a data folder: they leave no trace in the compiled code. */
const typesOnly = [/^src\/store\//, /^src\/(instance|backup|restore|rekey|floor|move)$/, /^pino$/]

/** The steps name the store's errors and repositories as values; everything else takes them as types. */
const exceptions = new Set([
  'src/gateway → src/store/db',
  'src/gateway → src/store/ledger',
  'src/execute → src/store/claims',
  'src/outcomes → src/store/claims',
  'src/requests → src/store/claims',
  'src/execute → src/store/store',
])

const places = ['schemas', 'commands', 'dialects', 'src', 'clients']

test('every file imports only what its place in the architecture allows', () => {
  const faults = places.flatMap((place) => sourceFiles(place).flatMap(faultsOf))
  assert.deepEqual(faults, [])
})

test('only main.ts reads the environment, exits, or takes signals', () => {
  const readers = places
    .flatMap(sourceFiles)
    .filter((file) => /process\.(env|exit|argv|on\b)/.test(readFileSync(join(root, file), 'utf8')))
  assert.deepEqual(readers, ['src/main.ts'])
})

test('clock and chance are given by whatever puts a program together', () => {
  const uses = /Date\.now\(|new Date\(\)|Math\.random\(|randomUUID|\bnanoid\b/
  const users = ['commands', 'dialects', 'src']
    .flatMap(sourceFiles)
    .filter((file) => uses.test(readFileSync(join(root, file), 'utf8')))
  assert.deepEqual(users, ['src/compose.ts', 'src/main.ts'])
})

test('there is no SQL outside src/store', () => {
  const sql = /['"`]\s*(select .* from |insert into |update \w+ set |delete from )/i
  const users = places
    .flatMap(sourceFiles)
    .filter((file) => !file.startsWith('src/store/') && sql.test(readFileSync(join(root, file), 'utf8')))
  assert.deepEqual(users, [])
})

test('schemas/catalogue.json is fresh', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/catalogue.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
})

test('the generated files of the clients are fresh', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/clients.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
})

test('every command stands in the file of its name, and commands/index.ts lists every file', () => {
  const { commands }: { commands: { name: string }[] } = JSON.parse(
    readFileSync(join(root, 'schemas/catalogue.json'), 'utf8'),
  )
  const files = sourceFiles('commands')
    .map((file) => file.slice('commands/'.length, -'.ts'.length))
    .filter((name) => name !== 'index')
  assert.deepEqual(commands.map(({ name }) => name).sort(), files.sort())
})

function sourceFiles(place: string): string[] {
  return readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(place, name))
}

function faultsOf(file: string): string[] {
  const name = file.replace(/\.ts$/, '')
  const row = table.find(([place]) => place.test(name))
  if (!row) return [`${file}: has no place in the table of ARCHITECTURE.md`]
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/^(import|export)\s([^'"]*?from\s)?['"]([^'"]+)['"]/gms)].flatMap(
    ([, , what = '', from = '']) => {
      const target = from.startsWith('.') ? relative(root, resolve(root, file, '..', from)).replace(/\.js$/, '') : from
      const isType = /^type\b/.test(what) || /^\{(\s*type\s+\w+( as \w+)?,?)+\s*\}/.test(what)
      const allowed =
        row[1].some((pattern) => pattern.test(target)) ||
        (isType && typesOnly.some((pattern) => pattern.test(target))) ||
        exceptions.has(`${name} → ${target}`)
      return allowed ? [] : [`${name} → ${target}`]
    },
  )
}
