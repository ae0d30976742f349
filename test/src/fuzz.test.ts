import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dialects } from '../../dialects/index.js'
import { isDone } from '../../schemas/codes.js'
import type { Wire } from '../../src/dialect.js'
import type { Reply } from '../../src/reply.js'
import { type TestInstance, testInstance } from '../support/instance.js'
import { mutatedText, mutations } from '../support/mutations.js'
import { type Valid, valid } from '../support/valid.js'

/** More of them with `npm run test:long`. */
const runs = Number(process.env.FUZZ_RUNS ?? 600)

/** Whose requests carry a password, which takes 25 ms to check: a tenth of the runs. */
const slow: readonly string[] = ['ibm form']

test('every dialect has a valid request to begin with', () => {
  const covered = new Set(Object.keys(valid).map((name) => name.split(' ')[0]))
  assert.deepEqual([...covered].sort(), dialects.map(({ name }) => name).sort())
})

/** A request with its body changed, or one of its headers or its path, or both. */
function changed({ wire, body, inside }: Valid): fc.Arbitrary<{ body: Buffer; wire: Partial<Wire> }> {
  const header = (value: string | undefined, name: keyof Wire): fc.Arbitrary<Partial<Wire>> =>
    mutatedText(value ?? '').map((text) => ({ ...wire, [name]: text }))
  const headers = fc.oneof(
    header(wire.contentType ?? 'application/json', 'contentType'),
    header(wire.contentEncoding, 'contentEncoding'),
    header(wire.authorization ?? 'Basic YTpi', 'authorization'),
    fc.constant({ ...wire, authorization: basic(`${passwordIn(wire.authorization)}x`) }),
    mutatedText(passwordIn(wire.authorization)).map((text) => ({ ...wire, authorization: basic(text) })),
    header(wire.signature, 'signature'),
    header(wire.path ?? '/control', 'path'),
    header(wire.query ?? 'cmd=ping', 'query'),
    header(wire.method ?? 'POST', 'method'),
  )
  const bodies = fc.oneof(
    ...(inside
      ? [
          {
            weight: 3,
            arbitrary: mutations
              .map((change) => change(Buffer.from(inside.json)))
              .map((json) => Buffer.from(inside.wrap(json))),
          },
        ]
      : []),
    { weight: 3, arbitrary: mutations.map((change) => change(Buffer.from(body))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
  )
  // What both are changed in is refused for the first that is met.
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ body: bodies, wire: fc.constant(wire) }) },
    { weight: 2, arbitrary: fc.record({ body: fc.constant(Buffer.from(body)), wire: headers }) },
    { weight: 1, arbitrary: fc.record({ body: bodies, wire: headers }) },
  )
}

/** Fails unless the reply is a success, or a refusal with a number that is no fault of the gateway. */
function assertNumbered({ status, body, code }: Reply): void {
  assert.ok(Number.isInteger(code) && code > 1000, `${code}`)
  // Some dialects say everything with status 200.
  assert.ok(status < 500 && !(code >= 1500 && code < 1600), `${status} ${code} ${body}`)
  if (body !== '') assert.equal(typeof JSON.parse(body), 'object')
}

const basic = (text: string): string => `Basic ${Buffer.from(text, 'latin1').toString('base64')}`
const passwordIn = (authorization = basic('a:b')): string =>
  Buffer.from(authorization.replace(/^[a-z]+ /i, ''), 'base64').toString('latin1')

/** Whether two Authorization headers hold the same password or token. */
function sameCredentials(one = '', other = ''): boolean {
  const [a, b] = [one, other].map((text) => text.replace(/^[a-z]+ +| +$/gi, ''))
  // The text of a token counts, the bytes of a password.
  return a === b || (/^basic /i.test(other) && Buffer.from(a ?? '', 'base64').equals(Buffer.from(b ?? '', 'base64')))
}

/** What the valid requests write. */
const written = ({ db }: TestInstance): Promise<object[]> =>
  db.all<object>(
    `select id, type as what, comment as more from users union all
     select app, id, stream || ' ' || publisher from stream_users union all select username, account, permissions from subowners`,
  )

/** What is written when a request is sent as it was signed, and nothing else. */
async function writtenBy(make: (gateway: TestInstance) => Promise<Valid>): Promise<object[]> {
  const gateway = await testInstance()
  const { body, wire } = await make(gateway)
  await gateway.post(body, wire)
  const rows = await written(gateway)
  await gateway.close()
  return rows
}

for (const [name, make] of Object.entries(valid)) {
  test(`${name}: whatever becomes of a valid request on its way, it is a numbered refusal or what was signed`, async (t) => {
    const gateway = await testInstance({ limitFailures: 1_000_000_000, limitWaste: 1_000_000_000 })
    t.after(() => gateway.close())
    const request = await make(gateway)
    const claimed = async () => (await gateway.db.all<{ mac: string }>('select mac from claims')).map(({ mac }) => mac)
    const before = await claimed()
    await fc.assert(
      fc.asyncProperty(changed(request), async ({ body, wire }) => {
        const reply = await gateway.post(body, wire)
        assertNumbered(reply)
        if (request.signed || reply.code < 2000 || !isDone(reply.code)) return
        assert.ok(sameCredentials(wire.authorization, request.wire.authorization), wire.authorization)
      }),
      { numRuns: slow.includes(name) ? runs / 10 : runs },
    )
    assert.ok((await gateway.post(request.body, request.wire)).status < 500)
    const ran = (await claimed()).filter((mac) => !before.includes(mac))
    assert.equal(ran.length, request.signed ? 1 : 0, `the message ran as it was signed, and nothing else: ${ran}`)
    assert.deepEqual(await written(gateway), await writtenBy(make))
    assert.equal((await gateway.call('ping')).code, 9001, 'everybody else is served')
  })
}
