// Writes the generated pages, and the generated tables of other documents between their markers; --check only says whether they are fresh.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codes, ibmErrors } from '../dist/schemas/codes.js'
import { settings } from '../dist/schemas/config.js'
import { codesPage } from './codes-page.mjs'
import { commandsPage } from './commands-page.mjs'
import { code, table } from './markdown.mjs'

const root = join(import.meta.dirname, '..')
const documents = ['README.md', 'docs/protocol.md']
const { commands } = JSON.parse(readFileSync(join(root, 'schemas/catalogue.json'), 'utf8'))

const generators = new Map([
  ['settings', settingsTable],
  ['verbs', verbsTable],
  ['ibm', ibmTable],
])

function settingsTable() {
  const rows = Object.values(settings).map((setting) => [
    code(`COUNTERSIGN_${setting.env}`),
    code(setting.default),
    setting.about,
  ])
  return table(['setting', 'default', 'meaning'], rows)
}

function verbsTable() {
  return table(
    ['call', 'does'],
    verbs([]).map(([usage, about]) => [code(usage), about]),
  )
}

/** Every verb with its arguments and what its help says of it; groups by their members. */
function verbs(path) {
  const main = join(root, 'dist/src/main.js')
  const { stdout: help, status } = spawnSync(process.execPath, [main, ...path, '--help'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`countersign ${path.join(' ')} --help failed`)
  const members = help.split('\nCommands:\n')[1]
  if (members === undefined) {
    const [usage, about] = help.split('\n\n').map((text) => text.replaceAll(/\s+/g, ' '))
    return [[usage.replace('Usage: ', '').replace(' [options]', ''), about]]
  }
  const names = [...members.matchAll(/^ {2}([a-z]\S*)/gm)].map(([, name]) => name)
  return names.filter((name) => name !== 'help').flatMap((name) => verbs([...path, name]))
}

function ibmTable() {
  const rows = [...ibmErrors].map(([name, { http, error }]) => [http, code(error), codes[name].code, code(name)])
  return table(['HTTP', 'error', 'code', 'name'], rows)
}

const marked = /(<!-- begin ([a-z]+): [^>]*-->\n)[\s\S]*?(<!-- end \2 -->)/g

const written = new Set()
for (const document of documents) {
  const text = readFileSync(join(root, document), 'utf8')
  const fresh = text.replaceAll(marked, (_all, begin, name, end) => {
    const generate = generators.get(name)
    if (!generate) throw new Error(`${document}: nothing generates "${name}"`)
    written.add(name)
    return `${begin}\n${generate()}\n\n${end}`
  })
  write(document, fresh)
}
const lost = [...generators.keys()].filter((name) => !written.has(name))
if (lost.length > 0) throw new Error(`no document has the markers of ${lost.join(', ')}`)
write('docs/codes.md', codesPage(commands))
write('docs/commands.md', await commandsPage(commands))

function write(document, fresh) {
  const file = join(root, document)
  if (existsSync(file) && readFileSync(file, 'utf8') === fresh) return
  if (process.argv.includes('--check')) {
    process.stderr.write(`${document} is stale: run "node scripts/docs.mjs" and commit it\n`)
    process.exitCode = 1
  } else writeFileSync(file, fresh)
}
