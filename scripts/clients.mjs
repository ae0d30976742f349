// Writes the generated files of the client libraries from the catalogue; --check only says whether they are fresh.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codes, resendable, undecided, unprovable } from '../dist/schemas/codes.js'
import { php } from './clients/php.mjs'
import { python } from './clients/python.mjs'
import { typescript } from './clients/typescript.mjs'

const root = join(import.meta.dirname, '..')
const { commands } = JSON.parse(readFileSync(join(root, 'schemas/catalogue.json'), 'utf8'))
const listed = Object.entries(codes).map(([name, { code, message }]) => ({ name, code, message }))
const model = { commands, codes: listed.sort((a, b) => a.code - b.code), resendable, undecided, unprovable }

const read = (file) => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

for (const [name, text] of [...typescript(model), ...python(model), ...php(model)]) {
  const file = join(root, name)
  if (read(file) === text) continue
  if (process.argv.includes('--check')) {
    process.stderr.write(`${name} is stale: run "node scripts/clients.mjs" and commit it\n`)
    process.exitCode = 1
  } else writeFileSync(file, text)
}
