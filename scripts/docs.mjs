// Writes the generated tables of the documents, between their markers; --check only says whether they are fresh.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codes, commandCodes, gatewayCodes, ibmErrors, isDone, scaleengineCodes } from '../dist/schemas/codes.js'
import { settings } from '../dist/schemas/config.js'

const root = join(import.meta.dirname, '..')
const documents = ['README.md', 'docs/protocol.md']
const { commands } = JSON.parse(readFileSync(join(root, 'schemas/catalogue.json'), 'utf8'))

const generators = new Map([
  ['settings', settingsTable],
  ['verbs', verbsTable],
  ['gateway', gatewayTable],
  ['outcomes', outcomesTable],
  ['scaleengine', scaleengineTable],
  ['ibm', ibmTable],
  ['commands', commandsTable],
])

const cell = (value) => {
  const text = String(value).replaceAll('|', '\\|')
  return text.startsWith('`') ? text : text.replaceAll('<', '&lt;')
}
const code = (value) => (value === '' ? '' : `\`${value}\``)

function table(head, rows) {
  const line = (cells) => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

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

function gatewayTable() {
  const rows = Object.entries(gatewayCodes).map(([name, entry]) => [entry.code, entry.http, code(name), entry.message])
  return table(['code', 'HTTP', 'name', 'message'], rows)
}

function outcomesTable() {
  const users = (name) => commands.filter(({ codes }) => codes.some((used) => used.name === name))
  const rows = Object.entries(commandCodes).map(([name, entry]) => [
    entry.code,
    entry.http,
    isDone(entry.code) ? 'done' : 'not done',
    entry.message,
    users(name)
      .map((command) => code(command.name))
      .join(', '),
  ])
  return table(['code', 'HTTP', '', 'message', 'commands'], rows)
}

function scaleengineTable() {
  const rows = [...scaleengineCodes].map(([name, number]) => {
    const entry = gatewayCodes[name]
    return [entry.code, code(name), number]
  })
  return table(['code', 'name', 'sent to a ScaleEngine client'], rows)
}

function ibmTable() {
  const rows = [...ibmErrors].map(([name, { http, error }]) => [http, code(error), codes[name].code, code(name)])
  return table(['HTTP', 'error', 'code', 'name'], rows)
}

function commandsTable() {
  const rows = commands.map(({ name, summary, permission, codes }) => [
    code(name),
    summary,
    permission === null ? 'none' : code(permission),
    codes
      .map((used) => used.code)
      .sort((a, b) => a - b)
      .join(', '),
  ])
  return table(['command', 'does', 'permission', 'codes'], rows)
}

const marked = /(<!-- begin ([a-z]+): [^>]*-->\n)[\s\S]*?(<!-- end \2 -->)/g

const written = new Set()
for (const document of documents) {
  const file = join(root, document)
  const text = readFileSync(file, 'utf8')
  const fresh = text.replaceAll(marked, (_all, begin, name, end) => {
    const generate = generators.get(name)
    if (!generate) throw new Error(`${document}: nothing generates "${name}"`)
    written.add(name)
    return `${begin}\n${generate()}\n\n${end}`
  })
  if (fresh === text) continue
  if (process.argv.includes('--check')) {
    process.stderr.write(`${document} is stale: run "node scripts/docs.mjs" and commit it\n`)
    process.exitCode = 1
  } else writeFileSync(file, fresh)
}
const lost = [...generators.keys()].filter((name) => !written.has(name))
if (lost.length > 0) throw new Error(`no document has the markers of ${lost.join(', ')}`)
