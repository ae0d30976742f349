import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commands } from '../commands/index.js'
import { advice } from '../schemas/advice.js'
import { codes } from '../schemas/codes.js'
import { publishAll } from '../src/catalogue.js'
import { exampleKey, exampleWorld } from './support/examples.js'
import { mac, root } from './support/instance.js'

/** One command's section of docs/commands.md: what is sent and what is answered, as printed. */
interface Printed {
  readonly request: string
  readonly reply: string
  readonly after: readonly string[]
}

const page = readFileSync(join(root, 'docs/commands.md'), 'utf8')

const printed: ReadonlyMap<string, Printed> = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .flatMap((text) => {
      const [, name = ''] = /^`(.*)`\n/.exec(text) ?? []
      const [, after = '', request = '', reply = ''] =
        /^Example(.*):\n\n```json request\n(.*)\n```\n\n```json reply\n(.*)\n```$/m.exec(text) ?? []
      const before = [...after.matchAll(/\[`(.*?)`\]/g)].map(([, other = '']) => other)
      return request === '' ? [] : [[name, { request, reply, after: before }] as const]
    }),
)

const timeless = (reply: string): string => reply.replace(/"handle_time":"[0-9.]+ seconds"/, '"handle_time":"…"')

test('every command of the gateway has a signed example in docs/commands.md', () => {
  const missing = commands
    .map(({ name }) => name)
    .filter((name) => !printed.has(name))
    .map((name) => `${name}: add "example" to commands/${name}.ts, then npm run catalogue && node scripts/docs.mjs`)
  assert.deepEqual(missing, [])
  assert.equal(printed.size, commands.length)
})

test('every example of docs/commands.md is signed as printed, and is answered as printed, byte for byte', async () => {
  for (const [name, { request, reply, after }] of printed) {
    const { signature } = JSON.parse(request)
    assert.equal(mac(exampleKey.secret, request.replace(`,"signature":"${signature}"`, '')), signature, name)
    const world = await exampleWorld()
    try {
      for (const other of after) {
        const before = printed.get(other)
        assert.ok(before, `${name} is shown after ${other}, which has no example`)
        assert.equal(timeless(await world.send(other, before.request)), timeless(before.reply), `${other}, for ${name}`)
      }
      assert.equal(timeless(await world.send(name, request)), timeless(reply), name)
      assert.equal(JSON.parse(reply).status, 'success', name)
    } finally {
      await world.close()
    }
  }
})

test('docs/commands.md names every parameter and every code of every command', () => {
  for (const { name, params, codes: declared } of publishAll(commands)) {
    const section = page.split(`\n## \`${name}\`\n`)[1]?.split('\n## ')[0] ?? ''
    for (const parameter of Object.keys(Object(Reflect.get(params, 'properties')))) {
      assert.ok(section.includes(`\n| \`${parameter}\` |`), `${name} ${parameter}`)
    }
    for (const { code, message } of declared) {
      assert.ok(section.includes(`\n| ${code} | ${code % 2 === 1 ? 'done' : 'not done'} | ${message} |`), `${code}`)
    }
  }
})

test('docs/codes.md tells of every code its number, HTTP status, name and message, and of a refusal what to do', () => {
  const text = readFileSync(join(root, 'docs/codes.md'), 'utf8')
  for (const [name, { code, http, message }] of Object.entries(codes)) {
    const row = text.split('\n').find((line) => line.startsWith(`| ${code} | ${http} |`)) ?? ''
    assert.ok(row.includes(`\`${name}\``) && row.includes(message), `${code} ${name}`)
  }
  for (const { then } of Object.values(advice)) assert.ok(text.includes(then), then)
})
