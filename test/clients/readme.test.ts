import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/instance.js'
import { hasPrograms, removeFolder, run, serverFor, temporaryFolder } from '../support/server.js'

/** A fenced block; with a file's name it is what is saved under that name. */
interface Fence {
  readonly language: string
  readonly file: string
  readonly text: string
}

const printedAddress = 'http://127.0.0.1:8420'
const separator = '-- end of an example, status '

function fences(readme: string): Fence[] {
  return [...readme.matchAll(/^```(\w*)(?: (\S+))?\n(.*?)^```$/gms)].map(([, language = '', file = '', text = '']) => ({
    language,
    file,
    text,
  }))
}

const clients: readonly (readonly [client: string, needs: readonly string[]])[] = [
  ['php', ['php', 'php-curl']],
  ['python', ['python3']],
  ['typescript', ['npm']],
]

for (const [client, needs] of clients) {
  test(`the examples of clients/${client}/README.md, run in order and exactly as printed, print what it says`, async (t) => {
    if (!hasPrograms(t, ...needs)) return
    const server = await serverFor(t)
    // An empty folder beside a clone, as the README has it.
    const folder = temporaryFolder()
    t.after(() => removeFolder(folder))
    const [clone, empty] = [join(folder, 'countersign'), join(folder, 'empty')]
    for (const place of [clone, empty]) mkdirSync(place)
    symlinkSync(join(root, 'clients'), join(clone, 'clients'))
    symlinkSync(server.folder, join(clone, 'data'))

    const readme = readFileSync(join(root, 'clients', client, 'README.md'), 'utf8')
    const blocks = fences(readme.replaceAll(printedAddress, server.url))
    for (const { file, text } of blocks.filter((block) => block.file !== '')) writeFileSync(join(empty, file), text)
    const examples = blocks.flatMap(({ language, text }, index) => {
      const next = blocks[index + 1]
      return language === 'sh' ? [{ text, expected: next?.language === 'text' ? next.text : '' }] : []
    })
    assert.ok(examples.length >= 5, 'the README has lost its examples')
    const script = examples.map(({ text }) => `${text}printf '%s%s\\n' '${separator}' "$?"\n`).join('')
    // npm finds everything here: it may not reach the network.
    const env = { npm_config_cache: join(folder, '.npm'), npm_config_offline: 'true', npm_config_audit: 'false' }
    const { stdout, stderr } = await run('sh', ['-c', script], { cwd: empty, env })
    const expected = examples.map(({ expected }) => `${expected}${separator}0\n`).join('')
    assert.equal(stdout, expected, stderr)
  })
}
