import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultPaths, instanceFor } from '../support/commands.js'
import { samples } from '../support/samples.js'

const known = () => ['some-name']

/** The value with U+0000 in one of its texts, once for each. */
function poisoned(value: unknown): unknown[] {
  if (typeof value === 'string') return [`${value}\u0000`, `\u0000${value}`]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    poisoned(inner).map((bad) => Object.assign(structuredClone(value), { [name]: bad })),
  )
}

const unique = (values: readonly unknown[]): object[] =>
  [...new Set(values.map((value) => JSON.stringify(value)))].map((text) => JSON.parse(text))

test('every command refuses parameters that it does not have, at every depth', async (t) => {
  const gateway = await instanceFor(t)
  for (const { name, params } of gateway.catalogue) {
    const [sample] = samples(params, known)
    const base = Object(sample)
    for (const strange of ['Id', 'toString', '_owner_', 'permissions', '']) {
      const reply = await gateway.run(name, { ...base, [strange]: 1 })
      assert.equal(reply.code, 1422, `${name} takes ${strange}`)
      assert.ok(faultPaths(reply).includes(`/${strange}`), `${name}: ${JSON.stringify(reply.errors)}`)
    }
    for (const [member, inner] of Object.entries(base)) {
      if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) continue
      const reply = await gateway.run(name, { ...base, [member]: { ...inner, strange: 1 } })
      assert.deepEqual([reply.code, faultPaths(reply)], [1422, [`/${member}/strange`]], name)
    }
  }
})

test('every command refuses U+0000 in each of its texts', async (t) => {
  const gateway = await instanceFor(t)
  let tried = 0
  for (const { name, params } of gateway.catalogue) {
    for (const bad of unique(samples(params, known).flatMap(poisoned))) {
      const reply = await gateway.run(name, bad)
      assert.equal(reply.code, 1422, `${name} takes ${JSON.stringify(bad)}`)
      assert.ok(faultPaths(reply).length > 0)
      tried++
    }
  }
  assert.ok(tried > 50)
})

test('every command refuses parameters of another kind, and none of them is a fault of the gateway', async (t) => {
  const gateway = await instanceFor(t)
  const kinds = [null, true, 7, -1, 0.5, 1e300, 'x', '', [], [[]], {}, { a: {} }]
  for (const { name, params } of gateway.catalogue) {
    const [sample] = samples(params, known)
    for (const member of Object.keys(Object(Reflect.get(params, 'properties')))) {
      for (const kind of kinds) {
        const { code } = await gateway.run(name, { ...Object(sample), [member]: kind })
        assert.ok(code === 1422 || code < 1400 || code >= 1600, `${name} ${member} ${JSON.stringify(kind)}: ${code}`)
      }
    }
  }
})
