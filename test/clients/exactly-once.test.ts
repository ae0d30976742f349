import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type DriverAnswer, driverFor, languages } from '../support/drivers.js'
import { readFolder } from '../support/folder.js'
import { removeFolder, serverFor, temporaryFolder } from '../support/server.js'

const increments = 1_000
/** Answers between one kill and the next, at most. */
const between = 250

const counter = `export default ({ Type }) => ({
  name: 'test/count',
  summary: 'Count one up',
  permission: 'counts:write',
  params: Type.Object({ id: Type.String({ maxLength: 64 }) }, { additionalProperties: false }),
  result: Type.Object({ total: Type.Integer() }, { additionalProperties: false }),
  codes: { COUNTED: { code: 10001, message: 'Counted' } },
  run: async ({ id }, { store }) => ['COUNTED', { total: await store.records.add('count', id, 1) }],
})
`

for (const language of languages) {
  test(`${language}: ${increments} increments, while the gateway is killed at random and started again, have exactly ${increments} effects`, async (t) => {
    const [folder, own] = [temporaryFolder(), temporaryFolder()]
    writeFileSync(join(own, 'count.mjs'), counter)
    const env = { COUNTERSIGN_COMMANDS: own }
    let server = await serverFor(t, { folder, env })
    t.after(() => [folder, own].forEach(removeFolder))
    const driver = driverFor(t, language, server.url, join(folder, 'admin-key.json'))
    if (!driver) return

    let answered = 0
    const answers: Promise<DriverAnswer>[] = Array.from({ length: increments }, async (_, i) => {
      const key = `increment-${i}`
      const answer = await driver.call({
        cmd: 'test/count',
        params: { id: 'n' },
        idempotency_key: key,
        options: { retries: 60, longest_wait: 1 },
      })
      answered++
      return answer
    })
    let kills = 0
    for (let next = randomInt(1, between); next < increments; next = answered + randomInt(1, between)) {
      while (answered < next) await Promise.race(answers.slice(answered, next))
      await delay(randomInt(20))
      assert.equal(await server.stop('SIGKILL'), 'SIGKILL')
      kills++
      server = await serverFor(t, { folder, env, port: server.port })
    }
    const wrong = (await Promise.all(answers)).filter(({ code }) => code !== 10001)
    assert.deepEqual(wrong, [])
    assert.ok(kills >= increments / between - 1, `only ${kills} kills`)
    assert.equal(await server.stop(), 0)
    const file = readFolder(folder)
    assert.deepEqual(file.rows("select value from records where kind = 'count'"), [{ value: String(increments) }])
    file.close()
  })
}
