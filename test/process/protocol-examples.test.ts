import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/instance.js'
import { hasPrograms, main, removeFolder, run, startServer, temporaryFolder } from '../support/server.js'

const page = readFileSync(join(root, 'docs/protocol.md'), 'utf8')

/** An example of the page, with what it says that it prints. */
function example(dialect: string): { readonly script: string; readonly printed: string } {
  const fences = new RegExp(`^\`\`\`sh ${dialect}\\n(.*?)^\`\`\`\\n\\n^\`\`\`json\\n(.*?)^\`\`\``, 'ms')
  const [, script = '', printed = ''] =
    fences.exec(page) ?? assert.fail(`docs/protocol.md has lost its example of ${dialect}`)
  return { script, printed }
}

/** The text as a pattern: an ellipsis stands for what differs from run to run. */
const pattern = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '[^",\\n]+')

for (const dialect of ['astra', 'ibm']) {
  test(`the example of the dialect ${dialect}, exactly as printed but for the address, prints what the page says`, async (t) => {
    if (!hasPrograms(t, 'curl')) return
    const folder = temporaryFolder()
    const data = join(folder, 'data')
    const url = { COUNTERSIGN_PUBLIC_URL: 'http://127.0.0.1:8420' }
    const server = await startServer({ folder: data, env: { COUNTERSIGN_DIALECTS: `native,${dialect}`, ...url } })
    t.after(async () => {
      await server.stop()
      removeFolder(folder)
    })
    const { script, printed } = example(dialect)
    // In a clone npx finds the program; here it is named.
    const npx = `npx() { shift; '${process.execPath}' '${main}' "$@"; }\n`
    const here = script.replaceAll('127.0.0.1:8420', `127.0.0.1:${server.port}`)
    const env = { COUNTERSIGN_PORT: String(server.port) }
    const { stdout, stderr } = await run('sh', ['-c', npx + here], { cwd: folder, env })
    assert.match(stdout, new RegExp(`^${pattern(printed)}$`), stderr)
  })
}
