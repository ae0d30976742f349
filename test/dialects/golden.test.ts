import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root, testInstance } from '../support/instance.js'
import { compare, prepare, readGolden, remember } from './exchange.js'

const now = 1_795_332_418
const folder = join(root, 'test/dialects')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.txt'))
  .sort()

test('there are golden cases', () => assert.ok(files.length > 0))

for (const file of files) {
  const { guarantee, exchanges } = readGolden(readFileSync(join(folder, file), 'utf8'))
  test(`${file}: ${guarantee}`, async () => {
    const gateway = await testInstance({
      now: () => now * 1000,
      elapsed: () => now * 1000,
      publicUrl: 'https://control.example.org',
    })
    const values = { now, owner: gateway.owner, got: new Map<string, string>() }
    for (const { request, reply } of exchanges) {
      const sent = prepare(request, values)
      const answer = await gateway.post(sent.body, sent.wire)
      compare(answer, reply, sent, values)
      remember(answer, values)
    }
    await gateway.close()
  })
}
