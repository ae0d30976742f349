import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dialects } from '../../dialects/index.js'
import type { Wire } from '../../src/dialect.js'
import type { Reply } from '../../src/reply.js'
import { testInstance } from '../support/instance.js'
import { mutatedText, mutations } from '../support/mutations.js'
import { type Valid, valid } from '../support/valid.js'

/** More of them with `npm run test:long`. */
const runs = Number(process.env.FUZZ_RUNS ?? 600)

test('every dialect has a valid request to begin with', () => {
  const covered = new Set(Object.keys(valid).map((name) => name.split(' ')[0]))
  assert.deepEqual([...covered].sort(), dialects.map(({ name }) => name).sort())
})

/** A request with its body changed, or one of its headers or its path, or both. */
function changed({ wire, body }: Valid): fc.Arbitrary<{ body: Buffer; wire: Partial<Wire> }> {
  const header = (value: string | undefined, name: keyof Wire): fc.Arbitrary<Partial<Wire>> =>
    mutatedText(value ?? '').map((text) => ({ ...wire, [name]: text }))
  const headers = fc.oneof(
    fc.constant(wire),
    header(wire.contentType ?? 'application/json', 'contentType'),
    header(wire.contentEncoding, 'contentEncoding'),
    header(wire.authorization ?? 'Basic YTpi', 'authorization'),
    header(wire.signature, 'signature'),
    header(wire.path ?? '/control', 'path'),
    header(wire.query ?? 'cmd=ping', 'query'),
    header(wire.method ?? 'POST', 'method'),
  )
  const bodies = fc.oneof(
    { weight: 3, arbitrary: mutations.map((change) => change(Buffer.from(body))) },
    { weight: 1, arbitrary: fc.constant(Buffer.from(body)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
  )
  return fc.record({ body: bodies, wire: headers })
}

/** Fails unless the reply is a success, or a refusal with a number that is no fault of the gateway. */
function assertNumbered({ status, body, code }: Reply): void {
  assert.ok(Number.isInteger(code) && code > 1000, `${code}`)
  assert.ok(status < 500, `${status} ${code} ${body}`)
  if (body !== '') assert.equal(typeof JSON.parse(body), 'object')
}

for (const [name, make] of Object.entries(valid)) {
  test(`${name}: whatever becomes of a valid request on its way, it is a numbered refusal or what was signed`, async (t) => {
    const gateway = await testInstance({ limitFailures: 1_000_000_000 })
    t.after(() => gateway.close())
    const request = await make(gateway)
    const claimed = async () => (await gateway.db.all<{ mac: string }>('select mac from claims')).map(({ mac }) => mac)
    const before = await claimed()
    await fc.assert(
      fc.asyncProperty(changed(request), async ({ body, wire }) => {
        assertNumbered(await gateway.post(body, wire))
      }),
      { numRuns: runs },
    )
    const ran = (await claimed()).filter((mac) => !before.includes(mac))
    if (request.signed) assert.ok(ran.length <= 1, `only the message as it was signed may have run: ${ran}`)
    assert.ok((await gateway.post(request.body, request.wire)).status < 500)
    assert.equal((await gateway.call('ping')).code, 9001, 'everybody else is served')
  })
}
