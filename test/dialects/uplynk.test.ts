import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { uplynk } from '../../dialects/uplynk.js'
import { type GatewayCode, gatewayCodes } from '../../schemas/codes.js'
import { refusedOutcome } from '../../src/reply.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { formOf, msgOf, sendForm, uplynkWire } from '../support/uplynk.js'

const exchange = { requestId: 'r', serverTime: 1_795_332_418, handleTime: 0.3795 }
const busy: ReadonlySet<string> = new Set(['RATE_LIMITED', 'OVERLOADED', 'STORAGE'])

test('every refusal is {"error": code, "msg": text}, HTTP 200 unless it is 429 or 503', () => {
  for (const [name, { code, http, message }] of Object.entries(gatewayCodes)) {
    const { status, body } = uplynk.encode(refusedOutcome(name as GatewayCode, {}, 'ping', false), exchange)
    const msg = message.replace('idempotency_key', '_idempotency_key')
    assert.deepEqual([status, JSON.parse(body)], [busy.has(name) ? http : 200, { error: code, msg }], name)
  }
})

interface Scene {
  readonly gateway: CommandInstance
  readonly members: object
  /** What the list answers to a msg, signed as it stands. */
  list(msg: string): Promise<number>
}

async function sceneFor(t: TestContext): Promise<Scene> {
  const gateway = await instanceFor(t)
  const { apiKey, secret } = gateway.owner
  return {
    gateway,
    members: { _owner: apiKey, _timestamp: gateway.seconds() },
    list: async (msg) => (await sendForm(gateway, 'subowners/list', formOf(msg, secret))).error,
  }
}

test('msg may have white space anywhere and need no padding, and is signed as it stands', async (t) => {
  const { list, members } = await sceneFor(t)
  const msg = msgOf(members)
  const spellings = [
    msg,
    msg.replace(/=+$/, ''),
    `${msg}\n`,
    `\r\n ${msg}\t`,
    msg.replaceAll(/.{76}/g, '$&\n'),
    msg.replaceAll(/./g, '$& '),
    `${msg.replace(/=+$/, '')}=`,
  ]
  for (const spelling of spellings) assert.equal(await list(spelling), 0, JSON.stringify(spelling))
})

test('any other character in msg, and whatever is no single zlib stream, is 1400', async (t) => {
  const { list, members } = await sceneFor(t)
  const json = JSON.stringify(members)
  const [msg, zlib] = [msgOf(members), deflateSync(json)]
  const texts: readonly (readonly [what: string, msg: string])[] = [
    ['the URL alphabet', msg.replace(/^e/, '-')],
    ['an underscore', `${msg}_`],
    ['a comma', `${msg},${msg}`],
    ['padding inside', `${msg.slice(0, 8)}=${msg.slice(8)}`],
    ['three signs of padding', `${msg.replace(/=+$/, '')}===`],
    ['a no-break space', `${msg}\u00a0`],
    ['U+0000', `${msg}\u0000`],
    ['base64 of JSON', Buffer.from(json).toString('base64')],
    ['JSON itself', json],
    ['nothing', ''],
  ]
  const streams: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['a byte after the stream', Buffer.concat([zlib, Buffer.alloc(1)])],
    ['many bytes after the stream', Buffer.concat([zlib, Buffer.alloc(100_000)])],
    ['a second stream', Buffer.concat([zlib, zlib])],
    ['a stream that is cut short', zlib.subarray(0, -1)],
    ['a wrong checksum', Buffer.concat([zlib.subarray(0, -1), Buffer.from([(zlib.at(-1) ?? 0) ^ 1])])],
    ['raw deflate', deflateRawSync(json)],
    ['gzip', gzipSync(json)],
    ['a stream that needs a dictionary', deflateSync(json, { dictionary: Buffer.from(json) })],
    ['UTF-16', deflateSync(Buffer.from(json, 'utf16le'))],
    ['invalid UTF-8', deflateSync(Buffer.concat([Buffer.from(json.slice(0, -2)), Buffer.from('ff227d', 'hex')]))],
    ['a byte order mark', deflateSync(`\ufeff${json}`)],
  ]
  const rows = [...texts, ...streams.map(([what, bytes]) => [what, bytes.toString('base64')] as const)]
  for (const [what, spelled] of rows) assert.equal(await list(spelled), 1400, what)
})

test('a msg may inflate to the body limit, and not to a byte more (1413), however small it is', async (t) => {
  const gateway = await instanceFor(t, { bodyLimit: 65_536 })
  const { apiKey, secret } = gateway.owner
  const envelope = `{"_owner":"${apiKey}","_timestamp":${gateway.seconds()}}`
  for (const [size, error] of [
    [65_536, 0],
    [65_537, 1413],
    [40_000_000, 1413],
  ] as const) {
    const msg = deflateSync(envelope.padEnd(size)).toString('base64')
    assert.ok(msg.length < 65_000)
    assert.equal((await sendForm(gateway, 'subowners/list', formOf(msg, secret))).error, error, String(size))
  }
})

test('msg and sig are read from multipart forms and without a Content-Type, too', async (t) => {
  const { gateway, members } = await sceneFor(t)
  const msg = msgOf(members).replaceAll(/.{76}/g, '$&\r\n')
  const form = formOf(msg, gateway.owner.secret)
  const sig = new URLSearchParams(form).get('sig')
  const parts = Object.entries({ msg, sig }).map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  const wire = uplynkWire('subowners/list')
  const multipart = await gateway.post(`${parts.join('')}--b--\r\n`, {
    ...wire,
    contentType: 'multipart/form-data; boundary=b',
  })
  const bare = await gateway.post(form, { ...wire, contentType: undefined })
  for (const { body } of [multipart, bare]) assert.deepEqual(JSON.parse(body), { subowners: [], error: 0 })
})

test('one flipped bit anywhere in msg or sig is 1400 or 1401, never anything else', async (t) => {
  const { gateway, members } = await sceneFor(t)
  const msg = msgOf({ ...members, id: 'x' })
  const sig = new URLSearchParams(formOf(msg, gateway.owner.secret)).get('sig') ?? ''
  const flipped = (text: string, at: number, bit: number) =>
    text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << bit)) + text.slice(at + 1)
  const send = async (fields: Record<string, string>) =>
    (await sendForm(gateway, 'subowners/get', String(new URLSearchParams(fields)))).error
  for (let bit = 0; bit < 7; bit++) {
    for (let at = 0; at < msg.length; at++) {
      const error = await send({ msg: flipped(msg, at, bit), sig })
      assert.ok(error === 1400 || error === 1401, `msg, character ${at}, bit ${bit}: ${error}`)
    }
    for (let at = 0; at < sig.length; at++) {
      // Bit 5 of a letter is its case, which does not count.
      const changed = flipped(sig, at, bit)
      if (changed.toLowerCase() === sig) continue
      assert.equal(await send({ msg, sig: changed }), 1401, `sig, character ${at}, bit ${bit}`)
    }
  }
})

test('where the dialect is off its paths do not exist', async (t) => {
  const gateway = await instanceFor(t, { dialects: [] })
  const { apiKey, secret } = gateway.owner
  const form = formOf(msgOf({ _owner: apiKey, _timestamp: gateway.seconds() }), secret)
  const { status, body } = await gateway.post(form, uplynkWire('subowners/list'))
  assert.deepEqual([status, JSON.parse(body).code], [404, 1404])
})
