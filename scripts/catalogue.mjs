// Writes schemas/catalogue.json from the declarations of the commands; --check only says whether it is fresh.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commands } from '../dist/commands/index.js'
import { publishAll } from '../dist/src/catalogue.js'

const file = join(import.meta.dirname, '..', 'schemas/catalogue.json')
const generated = { generated: 'by scripts/catalogue.mjs; do not edit', commands: publishAll(commands) }
const text = `${JSON.stringify(generated, null, 2)}\n`
if (!process.argv.includes('--check')) writeFileSync(file, text)
else if (readFileSync(file, 'utf8') !== text) {
  process.stderr.write('schemas/catalogue.json is stale: run "npm run catalogue" and commit it\n')
  process.exitCode = 1
}
