import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Published } from '../../src/command.js'
import { docsPage } from '../../src/docs-page.js'
import { root } from '../support/instance.js'
import { removeFolder, startServer } from '../support/server.js'

const { commands }: { commands: Published[] } = JSON.parse(readFileSync(join(root, 'schemas/catalogue.json'), 'utf8'))

test('GET /docs has every command with its codes, and a browser that shows it may run and load nothing', async (t) => {
  const server = await startServer()
  t.after(async () => {
    await server.stop('SIGKILL')
    removeFolder(server.folder)
  })
  const answer = await fetch(`${server.url}/docs`)
  const html = await answer.text()
  assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
  for (const { name, codes } of commands) {
    assert.ok(html.includes(`<section id="${name}">`), name)
    for (const { code } of codes) assert.ok(html.includes(`<code>${code}</code>`), `${name} ${code}`)
  }
  const [, style = ''] = /<style>(.*?)<\/style>/s.exec(html) ?? []
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = answer.headers.get('content-security-policy') ?? ''
  assert.ok(policy.startsWith(`default-src 'none'; style-src 'sha256-${hash}';`), policy)
  assert.doesNotMatch(html, /<script|<img|<link|\son\w+=|style="|(?:src|href)="(?:https?:)?\/\//)
})

test('what a command says of itself is text on the page, never markup', () => {
  const [first] = commands
  assert.ok(first)
  const hostile = '</style><script>alert("1")</script>&amp;'
  const schema = { type: 'object', properties: { [hostile]: { type: 'string', description: hostile } } }
  const codes = [{ name: hostile, code: 1, message: hostile }]
  const html = docsPage([{ ...first, name: hostile, summary: hostile, params: schema, result: schema, codes }], hostile)
  assert.doesNotMatch(html, /<script/)
  assert.equal(html.split('</style>').length, 2)
  assert.ok(html.includes('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;'))
})
