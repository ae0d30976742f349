import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { migrationFiles } from '../../src/store/migration-files.js'
import { migrations, root } from './instance.js'
import { removeFolder, temporaryFolder } from './server.js'

/** The next version of this program, made for a test. */
export interface Version {
  /** Its main file. */
  readonly program: string
  /** The schema that this version knows, and the one that the next does, as files are numbered. */
  readonly before: string
  readonly schema: string
  readonly expand: string
  readonly contract: string
}

const expandSql = `alter table tickets add column made_by text;
alter table keys add column note text;
`

/** What a version needs to run, without its tests. */
const parts = [
  'dist/src',
  'dist/commands',
  'dist/schemas',
  'dist/dialects',
  'dist/clients',
  'migrations',
  'package.json',
]

/**
 * A copy of this program with two migrations more. The first gives tickets a column `made_by`, which the copy fills and this version
 * does not know. The second is a contract.
 */
export function nextVersion(t: TestContext, contractSql: string): Version {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  mkdirSync(join(folder, 'dist'))
  for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const before = migrationFiles(migrations).at(-1)?.slice(0, 4) ?? ''
  const [schema, last] = [1, 2].map((further) => String(Number(before) + further).padStart(4, '0'))
  const [expand, contract] = [`${schema}-makers.sql`, `${last}-every-maker.sql`]
  writeFileSync(join(folder, 'migrations', expand), `-- expand since ${before}\n${expandSql}`)
  writeFileSync(join(folder, 'migrations', contract), `-- contract\n${contractSql}`)
  fillMaker(join(folder, 'dist/src/store/tickets.js'))
  return { program: join(folder, 'dist/src/main.js'), before, schema: last ?? '', expand, contract }
}

/** Has every new ticket say which version made it. */
function fillMaker(file: string): void {
  const text = readFileSync(file, 'utf8')
  const [columns, values] = ['insert into tickets (', 'values (']
  if (text.split(columns).length !== 2 || text.split(values).length !== 2) throw new Error('tickets are made elsewhere')
  writeFileSync(file, text.replace(columns, `${columns}made_by, `).replace(values, `${values}'next', `))
}
