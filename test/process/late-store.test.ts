import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeFolder, startServer, temporaryFolder } from '../support/server.js'

const late = `export default ({ Type }) => ({
  name: 'late', summary: 'Uses its store after it has ended', permission: 'late:write',
  params: Type.Object({}, { additionalProperties: false }), result: Type.Object({}, { additionalProperties: false }),
  codes: { LATE: { code: 10001, message: 'Late' } },
  async run(_params, { store }) {
    setTimeout(() => store.records.set('late', 'a', 1), 20)
    return ['LATE', {}]
  },
})`

test('a command module that uses its store after it has ended does nothing, is named in the log, and the process lives', async () => {
  const modules = temporaryFolder()
  writeFileSync(join(modules, 'late.mjs'), late)
  const server = await startServer({ env: { COUNTERSIGN_COMMANDS: modules } })
  const logged = new Promise<void>((resolve) => {
    server.process.stderr?.on('data', () => /late used its store/.test(server.log()) && resolve())
  })
  assert.equal((await server.call('late')).json?.code, 10001)
  await logged
  assert.equal((await server.call('ping')).json?.code, 9001)
  assert.equal(await server.stop(), 0)
  removeFolder(server.folder)
  removeFolder(modules)
})
