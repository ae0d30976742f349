import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import type { Wire } from '../../src/dialect.js'
import { mac, type TestInstance, testInstance } from '../support/instance.js'

/** A signed message that creates a user, and which damage to it leaves the same meaning. */
interface Vector {
  readonly body: string
  readonly wire: Partial<Wire>
  /** What a damaged message may get: the refusals that come before or with the signature. */
  readonly refusals: readonly number[]
  /** Whether the same signed text and the same signature are to be read out of it. */
  same(damaged: string): boolean
}

const white = '[ \\t\\n\\r]*'

/** Signs a message whose member for the command is `member`; spaces stand wherever the cut may have some. */
function signed({ owner, seconds }: TestInstance, member: string) {
  const user = '"user":{"type":3,"comment":"Zo\u00eb"}'
  const before = `{"${member}":"set-user","id":"alice",${user},"cdn":1,"api_key":"${owner.apiKey}","timestamp":${seconds()}`
  const after = ' }'
  const signature = mac(owner.secret, before + after)
  const cut = new RegExp(`^${['', ',', '"signature"', ':', ''].join(white)}"${signature.replaceAll('+', '\\+')}"$`)
  return {
    unsigned: before + after,
    text: `${before} , "signature" : "${signature}"${after}`,
    same: (damaged: string) =>
      damaged.startsWith(before) && damaged.endsWith(after) && cut.test(damaged.slice(before.length, -after.length)),
  }
}

const native = [1400, 1401]
const scaleengine = [1400, 6, 3]

const vectors: Record<string, (gateway: TestInstance) => Vector> = {
  'a native message'(gateway) {
    const { text, same } = signed(gateway, 'cmd')
    return { body: text, wire: {}, refusals: native, same }
  },
  'a native message signed in the header'(gateway) {
    const body = signed(gateway, 'cmd').unsigned
    return { body, wire: { signature: mac(gateway.owner.secret, body) }, refusals: native, same: () => false }
  },
  'a ScaleEngine message'(gateway) {
    const { text, same } = signed(gateway, 'command')
    return { body: text, wire: {}, refusals: scaleengine, same }
  },
  'an urlencoded form'(gateway) {
    const { text, same } = signed(gateway, 'command')
    return {
      body: `json=${encodeURIComponent(text)}`,
      wire: { contentType: 'application/x-www-form-urlencoded' },
      refusals: scaleengine,
      // %7B is %7b.
      same: (damaged) => damaged.startsWith('json=') && same(decode(damaged.slice(5))),
    }
  },
  'a multipart form'(gateway) {
    const { text, same } = signed(gateway, 'command')
    return {
      body: `--part\r\nContent-Disposition: form-data; name="json"\r\n\r\n${text}\r\n--part--\r\n`,
      wire: { contentType: 'multipart/form-data; boundary=part' },
      refusals: scaleengine,
      // The head is read without regard to case and spaces; what follows the last boundary is nothing (RFC 2046 §5.1.1).
      same(damaged) {
        const [, head = '', value = ''] = /^--part\r\n([^\r\n]*)\r\n\r\n(.*?)\r\n--part--/s.exec(damaged) ?? []
        const named = /^content-disposition: *form-data; *name="json"$/i.test(head) && head.endsWith('"json"')
        return named && same(value)
      },
    }
  },
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return ''
  }
}

/** The message with one byte flipped (each bit, and all), replaced by one that means something, dropped, doubled. */
function* damage(body: Buffer): Generator<Buffer> {
  const flips = [1, 2, 4, 8, 16, 32, 64, 128, 255]
  for (const [at, byte] of body.entries()) {
    const others = new Set([...flips.map((bits) => byte ^ bits), ...Buffer.from('\0 \n"\\}%&=')])
    others.delete(byte)
    const start = body.subarray(0, at)
    const end = body.subarray(at + 1)
    for (const other of others) yield Buffer.concat([start, Buffer.of(other), end])
    yield Buffer.concat([start, end])
    yield Buffer.concat([start, Buffer.of(byte, byte), end])
  }
}

async function kept({ db }: TestInstance): Promise<object> {
  const counts = ['users', 'claims', 'audit'].map((table) => `(select count(*) from ${table}) as ${table}`)
  return { ...(await db.get<object>(`select ${counts.join(', ')}`)) }
}

/** The code of a refusal that nobody signed, for nobody is known to have sent the message. */
async function refusalOf(gateway: TestInstance, body: Buffer | string, wire: Partial<Wire>): Promise<number> {
  const reply = await gateway.post(body, wire)
  assert.deepEqual(reply.headers, [], `accepted: ${body}`)
  return JSON.parse(reply.body).code
}

for (const [what, make] of Object.entries(vectors)) {
  test(`${what} with one byte damaged is refused and does nothing, unless the signed text is the very same`, async () => {
    const gateway = await testInstance({ limitFailures: 1_000_000_000, limitWaste: 1_000_000_000 })
    const { body, wire, refusals, same } = make(gateway)
    const alike: Buffer[] = []
    for (const damaged of damage(Buffer.from(body))) {
      if (isUtf8(damaged) && same(damaged.toString())) alike.push(damaged)
      else assert.ok(refusals.includes(await refusalOf(gateway, damaged, wire)), `${damaged}`)
    }
    assert.deepEqual(await kept(gateway), { users: 0, claims: 0, audit: 0 })
    assert.equal((await gateway.post(body, wire)).code, 3011)
    for (const damaged of alike) assert.equal((await gateway.post(damaged, wire)).code, 1409, `${damaged}`)
    assert.equal(alike.length > 0, !('signature' in wire))
    assert.deepEqual(await kept(gateway), { users: 1, claims: 1, audit: 1 })
    await gateway.close()
  })
}

test('a header signature with one byte damaged is 1401', async () => {
  const gateway = await testInstance({ limitFailures: 1_000_000_000, limitWaste: 1_000_000_000 })
  const body = signed(gateway, 'cmd').unsigned
  const base64 = mac(gateway.owner.secret, body)
  for (const signature of [base64, Buffer.from(base64, 'base64').toString('hex')]) {
    for (const damaged of damage(Buffer.from(signature))) {
      assert.equal(await refusalOf(gateway, body, { signature: damaged.toString('latin1') }), 1401, `${damaged}`)
    }
  }
  assert.deepEqual(await kept(gateway), { users: 0, claims: 0, audit: 0 })
  assert.equal((await gateway.post(body, { signature: base64 })).code, 3011)
  await gateway.close()
})

test('a message that is cut anywhere, or sent twice in one body, is refused', async () => {
  for (const make of Object.values(vectors)) {
    const gateway = await testInstance({ limitFailures: 1_000_000_000, limitWaste: 1_000_000_000 })
    const { body, wire, refusals } = make(gateway)
    const bytes = Buffer.from(body)
    const last = body.endsWith('--\r\n') ? bytes.length - 2 : bytes.length
    for (let length = 0; length < last; length++) {
      assert.ok(refusals.includes(await refusalOf(gateway, bytes.subarray(0, length), wire)), `${length}`)
    }
    if (last === bytes.length)
      assert.ok(refusals.includes(await refusalOf(gateway, Buffer.concat([bytes, bytes]), wire)))
    assert.deepEqual(await kept(gateway), { users: 0, claims: 0, audit: 0 })
    await gateway.close()
  }
})
