import assert from 'node:assert/strict'
import { cpSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/instance.js'
import { hasPrograms, removeFolder, run, temporaryFolder } from '../support/server.js'

const text = { type: 'string' }
const object = (properties: object, more: object = {}) => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...more,
})
const nothing = object({})

/** Parameters whose names or schemas some language has trouble with. */
const awkward = object(
  {
    class: text,
    self: text,
    this: text,
    'x-y': text,
    x_y: text,
    '9lives': text,
    def: { enum: ['a', "b'c", 1, null, true] },
    always: { const: 1 },
    anything: {},
    list: { type: 'array' },
    either: { type: ['string', 'null'] },
    open: { type: 'object', required: ['a'] },
    several: { anyOf: [text, { type: 'integer' }, { type: 'null' }] },
    deep: { type: 'array', items: object({ a: { type: 'array', items: object({ b: text }, { required: ['b'] }) } }) },
  },
  { required: ['class', 'self'], minProperties: 1, not: { required: ['this'] } },
)

/** Names that collide with one another, with the client's own members, or with words of a language. */
const names = [
  'class',
  'get-user',
  'get.user',
  'get/user',
  'call',
  'from-key-file',
  'pass',
  'constructor',
  'to-string',
  'commands',
]
const commands = names.map((name) => ({
  name,
  summary: 'Ends a comment: */ and """ and \\ and $this',
  permission: null,
  params: name === 'class' ? awkward : nothing,
  result: { anyOf: [nothing, object({ b: { oneOf: [text, { type: 'null' }] } })] },
  codes: [{ name: 'DONE', code: 10001, message: 'Ends one, too: */ """ \\' }],
}))
const model = { commands, codes: [], resendable: [], undecided: [], unprovable: [] }

/** A copy of a client with what the generator makes of the awkward commands. */
async function generated(client: string): Promise<string> {
  const folder = temporaryFolder()
  cpSync(join(root, 'clients', client), join(folder, 'clients', client), { recursive: true })
  const generator = await import(join(root, `scripts/clients/${client}.mjs`))
  const files: ReadonlyMap<string, string> = generator[client](model)
  for (const [name, content] of files) {
    // The real codes stay: the client's own files name them.
    if (!/codes?\.[a-z]+$/i.test(name)) writeFileSync(join(folder, name), content)
  }
  return folder
}

test('whatever commands are called and take, the generated PHP loads, with a method for each', async (t) => {
  if (!hasPrograms(t, 'php', 'php-curl')) return
  const folder = await generated('php')
  t.after(() => removeFolder(folder))
  const program = `require '${folder}/clients/php/autoload.php';
    echo count((new ReflectionClass(Countersign\\Commands::class))->getMethods(ReflectionMethod::IS_PUBLIC));`
  const { stdout, stderr } = await run('php', ['-r', program])
  assert.equal(stdout, String(names.length + 1), stderr)
})

test('whatever commands are called and take, the generated Python loads, with a method for each', async (t) => {
  if (!hasPrograms(t, 'python3')) return
  const folder = await generated('python')
  t.after(() => removeFolder(folder))
  const program = `from countersign_gateway.commands import Commands
print(sum(not name.startswith('_') for name in vars(Commands)))`
  const { stdout, stderr } = await run('python3', ['-B', '-c', program], { cwd: join(folder, 'clients/python') })
  assert.equal(stdout, `${names.length + 1}\n`, stderr)
})

test('whatever commands are called and take, the generated TypeScript compiles, with a method for each', async (t) => {
  const folder = await generated('typescript')
  t.after(() => removeFolder(folder))
  for (const name of ['node_modules', 'tsconfig.json']) symlinkSync(join(root, name), join(folder, name))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const place = join(folder, 'clients/typescript')
  const { status, stdout } = await run(process.execPath, [compiler, '-p', '.', '--outDir', 'made'], { cwd: place })
  assert.equal(status, 0, stdout)
  const { Commands } = await import(join(place, 'made/commands.js'))
  // The constructor is one of the names that JavaScript lists; call is abstract.
  assert.equal(Object.getOwnPropertyNames(Commands.prototype).length, names.length + 1)
})
