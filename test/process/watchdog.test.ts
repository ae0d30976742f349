import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { nanoid } from 'nanoid'
import { faultsOf } from '../support/folder.js'
import { removeFolder, serverFor, startServer, type TestServer, temporaryFolder } from '../support/server.js'
import { until } from '../support/until.js'

const spinning = `import { writeSync } from 'node:fs'
const spent = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000
export default ({ Type }) => ({
  name: 'spin', summary: 'Writes, and then never gives the event loop back', permission: 'spin:write',
  params: Type.Object({ milliseconds: Type.Optional(Type.Integer()) }, { additionalProperties: false }),
  result: Type.Object({}, { additionalProperties: false }),
  codes: { SPUN: { code: 10001, message: 'Spun' } },
  async run({ milliseconds = Infinity }, { store }) {
    await store.records.set('spin', 'a', 1)
    writeSync(2, 'it spins\\n')
    for (const end = spent() + milliseconds; spent() < end; );
    return ['SPUN', {}]
  },
})`

async function spinner(t: TestContext, limit: string): Promise<TestServer> {
  const modules = temporaryFolder()
  t.after(() => removeFolder(modules))
  writeFileSync(join(modules, 'spinning.mjs'), spinning)
  const server = await startServer({ env: { COUNTERSIGN_COMMANDS: modules, COUNTERSIGN_STALL_LIMIT: limit } })
  t.after(async () => {
    await server.stop('SIGKILL')
    removeFolder(server.folder)
  })
  return server
}

test('a module that never gives the event loop back is named with its place, the process ends, and nothing answered is lost', {
  timeout: 60_000,
}, async (t) => {
  const server = await spinner(t, '2')
  const end = server.ended()
  const saved = await Promise.all(
    Array.from({ length: 20 }, (_, i) => server.call('set-user', { id: `u${i}`, user: { type: 3 } })),
  )
  assert.deepEqual(new Set(saved.map(({ json }) => json?.code)), new Set([3011]))
  const key = nanoid()
  const [spun, beside] = await Promise.all([
    server.call('spin', {}, { idempotencyKey: key }).then(
      () => 'answered',
      () => 'no answer',
    ),
    server.call('toggle-user', { id: 'u0' }, { idempotencyKey: `${key}-beside` }).then(
      ({ json }) => json?.code,
      () => 'no answer',
    ),
  ])
  assert.equal(spun, 'no answer')
  assert.equal(await end, 'SIGKILL')
  const line = JSON.parse(/^.*does not give the event loop back.*$/m.exec(server.log())?.[0] ?? '{}')
  assert.deepEqual([line.level, line.commands], [60, ['spin']])
  assert.match(line.stack.join('\n'), /^run file:.*\/spinning\.mjs:11$/m)

  const again = await serverFor(t, { folder: server.folder })
  const status = async (of: string): Promise<unknown> =>
    Object(await again.call('request-status', { of_idempotency_key: of })).json.result.state
  assert.equal(await status(key), 'unseen')
  assert.equal(await status(`${key}-beside`), beside === 3021 ? 'done' : 'unseen')
  for (let i = 0; i < 20; i++) assert.equal((await again.call('get-user', { id: `u${i}` })).json?.code, 3001)
  assert.equal(await again.stop(), 0)
  assert.deepEqual(faultsOf(server.folder), [])
})

test('a module that is slow but ends, and a process that is stopped for longer than the limit, go on', async (t) => {
  const server = await spinner(t, '2')
  const slow = server.call('spin', { milliseconds: 400 })
  // In the middle of it, where no beat has been for a while.
  await until('it spins', () => server.log().includes('it spins'))
  server.process.kill('SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, 3_500))
  server.process.kill('SIGCONT')
  assert.equal((await slow).json?.code, 10001)
  assert.equal((await server.call('ping')).json?.code, 9001)
  assert.doesNotMatch(server.log(), /event loop/)
  assert.equal(await server.stop(), 0)
})
