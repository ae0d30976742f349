import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeFolder, serverFor, temporaryFolder } from '../support/server.js'
import { until } from '../support/until.js'

const late = `export default ({ Type }) => ({
  name: 'late', summary: 'Uses its store after it has ended', permission: 'late:write',
  params: Type.Object({}, { additionalProperties: false }), result: Type.Object({}, { additionalProperties: false }),
  codes: { LATE: { code: 10001, message: 'Late' } },
  async run(_params, { store }) {
    setTimeout(() => store.records.set('late', 'a', 1), 20)
    return ['LATE', {}]
  },
})`

test('a command module that uses its store after it has ended does nothing, is named in the log, and the process lives', async (t) => {
  const modules = temporaryFolder()
  t.after(() => removeFolder(modules))
  writeFileSync(join(modules, 'late.mjs'), late)
  const server = await serverFor(t, { env: { COUNTERSIGN_COMMANDS: modules } })
  assert.equal((await server.call('late')).json?.code, 10001)
  await until('the log names it', () => /late used its store/.test(server.log()))
  assert.equal((await server.call('ping')).json?.code, 9001)
  assert.equal(await server.stop(), 0)
})
