import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../../commands/index.js'

/** Where a schema has a list, or a map, without a stated maximum. */
function unbounded(schema: object, path: string): string[] {
  const found: string[] = []
  if ('type' in schema && schema.type === 'array' && !('maxItems' in schema)) found.push(path)
  if ('patternProperties' in schema && !('maxProperties' in schema)) found.push(path)
  for (const [name, inner] of Object.entries(schema)) {
    if (typeof inner === 'object' && inner !== null) found.push(...unbounded(inner, `${path}/${name}`))
  }
  return found
}

test('every list and every map in a result has a stated maximum', () => {
  for (const { name, result } of commands) assert.deepEqual(unbounded(result, name), [], name)
})

/** Lists that have no pages, because a command of its own is asked for each, or because they are all of what was asked. */
const unpaged: ReadonlySet<string> = new Set(['audit/list'])

test('every command that lists has pages of at most 50 rows, and tells the total', () => {
  const lists = commands.filter(({ name }) => /(^|\/|\.)list|^commands$/.test(name) && !unpaged.has(name))
  assert.equal(lists.length, 10)
  for (const { name, params, result } of lists) {
    const { page, pagesize } = JSON.parse(JSON.stringify(params)).properties
    assert.deepEqual([page.minimum, pagesize.minimum, pagesize.maximum], [1, 1, 50], name)
    assert.ok(JSON.parse(JSON.stringify(result)).properties.paging.required.includes('total'), name)
  }
})
