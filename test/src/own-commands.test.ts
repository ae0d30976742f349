import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Closed, Type } from '../../schemas/types.js'
import { register } from '../../src/catalogue.js'
import { ownCommand } from '../../src/command.js'
import { loadCommands } from '../../src/own-commands.js'
import { removeFolder, temporaryFolder } from '../support/server.js'
import { instanceFor } from './probes.js'

const Plain = Closed({ id: Type.String() })
const sound = {
  name: 'sound',
  summary: 'Do nothing',
  permission: 'modules:write',
  params: Plain,
  result: Plain,
  codes: { DONE: { code: 10001, message: 'Done' } },
  run: async (): Promise<readonly ['DONE', { id: string }]> => ['DONE', { id: '' }],
}
const Open = Type.Object({ id: Type.String() })
const broken: readonly { readonly what: string; readonly with: object; readonly said: RegExp }[] = [
  { what: 'a name in capitals', with: { name: 'Sound' }, said: /lower-case/ },
  { what: 'no summary', with: { summary: '' }, said: /summary/ },
  { what: 'a permission of no known form', with: { permission: 'modules:*' }, said: /permission/ },
  { what: 'a parameter of the envelope', with: { params: Closed({ timestamp: Type.Integer() }) }, said: /timestamp/ },
  { what: 'a choice of parameters', with: { params: Type.Union([Plain, Plain]) }, said: /params must be an object/ },
  { what: 'a result member of the reply', with: { result: Closed({ code: Type.Integer() }) }, said: /code/ },
  {
    what: 'a result member of the reply in a variant',
    with: { result: Type.Union([Plain, Closed({ status: Type.String() })]) },
    said: /status/,
  },
  { what: 'open parameters', with: { params: Open }, said: /params must refuse unknown members/ },
  { what: 'open parameters inside', with: { params: Closed({ user: Open }) }, said: /params\.user must refuse/ },
  {
    what: 'open elements',
    with: { params: Closed({ users: Type.Array(Open) }) },
    said: /params\.users\[\] must refuse/,
  },
  {
    what: 'an open variant',
    with: { params: Closed({ user: Type.Union([Open, Type.Null()]) }) },
    said: /params\.user must refuse/,
  },
  {
    what: 'open values of a map',
    with: { params: Closed({ users: Type.Record(Type.String(), Open) }) },
    said: /params\.users/,
  },
  { what: 'no code', with: { codes: {} }, said: /at least one code/ },
  {
    what: 'no code that says done',
    with: { codes: { NO: { code: 10000, message: 'No' } } },
    said: /no code that says done/,
  },
  { what: 'a code of the gateway', with: { codes: { DONE: { code: 3021, message: 'Done' } } }, said: /10000 or above/ },
  {
    what: 'one number for two codes',
    with: { codes: { DONE: { code: 10001, message: 'Done' }, OTHER: { code: 10001, message: 'Other' } } },
    said: /a code twice/,
  },
]
for (const { what, with: fault, said } of broken) {
  test(`a module with ${what} is refused when it is loaded`, () => {
    assert.doesNotThrow(() => register([ownCommand(sound)]))
    assert.throws(() => register([ownCommand({ ...sound, ...fault })]), said)
  })
}

test('two modules of one name are refused', () => {
  assert.throws(() => register([ownCommand(sound), ownCommand(sound)]), /"sound" is declared twice/)
})

test('modules are loaded from a folder in order of name, as a declaration or as a function of { Type }', async (t) => {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  const body = (name: string) => `{ name: '${name}', summary: 's', permission: null, params: closed, result: closed,
    codes: { DONE: { code: 10001, message: 'Done' } }, run: async () => ['DONE', {}] }`
  const closed = `{ type: 'object', properties: {}, additionalProperties: false }`
  writeFileSync(join(folder, 'b.mjs'), `const closed = ${closed}\nexport default ${body('bee')}`)
  writeFileSync(
    join(folder, 'a.mjs'),
    `export default ({ Type }) => {\n const closed = Type.Object({}, { additionalProperties: false })\n return ${body('ay')}\n}`,
  )
  writeFileSync(join(folder, 'notes.txt'), 'no module')
  const loaded = await loadCommands(folder)
  assert.deepEqual(
    loaded.map(({ name }) => name),
    ['ay', 'bee'],
  )
  const instance = await instanceFor(t, { extra: loaded })
  assert.equal((await instance.call('bee')).code, 10001)
})

for (const [what, text, said] of [
  ['cannot be read', 'export default {', /Unexpected/],
  ['throws while it is loaded', `throw new Error('no database')`, /no database/],
  ['exports nothing', 'export const command = {}', /c\.mjs: /],
] as const) {
  test(`a module that ${what} ends the start, and its file is named`, async (t) => {
    const folder = temporaryFolder()
    t.after(() => removeFolder(folder))
    writeFileSync(join(folder, 'c.mjs'), text)
    await assert.rejects(loadCommands(folder), (error) => {
      assert.ok(error instanceof Error)
      assert.ok(error.message.startsWith(join(folder, 'c.mjs')))
      assert.match(error.message, said)
      return true
    })
  })
}
