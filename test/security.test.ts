import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dialects } from '../dialects/index.js'
import { root } from './support/instance.js'

const page = readFileSync(join(root, 'docs/security.md'), 'utf8')
const [, table = ''] = /<!-- begin attacks -->\n(.*)<!-- end attacks -->/s.exec(page) ?? []
const rows = table
  .trim()
  .split('\n')
  .slice(2)
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | ?\|$/g, '')))

test('every attack of the table names a test that exists', () => {
  const attacks = rows.filter(([attack = '']) => !attack.startsWith('**'))
  assert.ok(attacks.length > 40)
  for (const [attack, defence, tests = ''] of attacks) {
    assert.ok(defence, `${attack}: no defence`)
    const named = [...tests.matchAll(/`([^`]+)`(?: “([^”]+)”)?/g)]
    assert.ok(named.length > 0, `${attack}: no test`)
    for (const [, file = '', name = ''] of named) {
      const path = join(root, 'test', file)
      assert.ok(existsSync(path), `${attack}: ${file} does not exist`)
      assert.ok(readFileSync(path, 'utf8').includes(name), `${attack}: ${file} has no test “${name}”`)
    }
  }
})

test('what a dialect protects is said of every dialect', () => {
  const [, heading = ''] = /## What each dialect protects\n\n(.*)\n/.exec(page) ?? []
  const named = heading.split('|').map((cell) => cell.trim())
  assert.deepEqual(named.filter((name) => name !== '').sort(), dialects.map(({ name }) => name).sort())
})
