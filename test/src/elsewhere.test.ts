import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Wire } from '../../src/dialect.js'
import { instanceFor } from '../support/commands.js'
import { mac } from '../support/instance.js'
import { makeAccount, makeKey } from '../support/keys.js'
import { formOf, msgOf, uplynkWire } from '../support/uplynk.js'

const form: Partial<Wire> = { contentType: 'application/x-www-form-urlencoded' }

test('a signed message is worth nothing to another command, dialect, account or instance', {
  timeout: 30_000,
}, async (t) => {
  const gateway = await instanceFor(t)
  const other = await instanceFor(t, { audience: 'there', requireAudience: true })
  const { owner, seconds } = gateway
  const sign = (members: object, by = owner) => {
    const text = JSON.stringify({ ...members, api_key: by.apiKey, timestamp: seconds() })
    return { text, mac: mac(by.secret, text), json: `${text.slice(0, -1)},"signature":"${mac(by.secret, text)}"}` }
  }
  const native = sign({ cmd: 'set-user', id: 'alice', user: { type: 3 } })
  const scale = sign({ command: 'set-user', cdn: 1, id: 'alice', user: { type: 3 } })
  const msg = msgOf({ username: 'alice', password: 'x', _owner: owner.apiKey, _timestamp: seconds() })
  const signed = formOf(msg, owner.secret)
  const rows: readonly (readonly [what: string, body: string, wire: Partial<Wire>, code: number])[] = [
    ['native, the command changed', native.json.replace('set-user', 'get-user'), {}, 1401],
    ['native, in a ScaleEngine form', `json=${encodeURIComponent(native.json)}`, form, 1400],
    ['native, its member cmd renamed', native.json.replace('"cmd"', '"command"'), {}, 1400],
    [
      'native, as Uplynk’s msg',
      formOf(Buffer.from(native.text).toString('base64'), 'x'),
      uplynkWire('subowners/list'),
      1400,
    ],
    ['ScaleEngine, its member command renamed', scale.json.replace('"command"', '"cmd"'), {}, 1401],
    ['ScaleEngine, signed in the header', scale.text, { signature: scale.mac }, 1400],
    ['Uplynk, to a command that is not a subowner’s', signed, uplynkWire('set-user'), 1403],
    ['Uplynk, at the endpoint itself', signed, form, 1400],
    ['the body’s signature moved to the header', native.text, { signature: native.mac.toLowerCase() }, 1401],
  ]
  for (const [what, body, wire, code] of rows) assert.equal((await gateway.post(body, wire)).code, code, what)
  assert.equal((await gateway.call('get-user', { id: 'alice' })).code, 3000, 'nothing ran')

  const second = await makeAccount(gateway, 2)
  assert.equal((await gateway.post(sign({ cmd: 'ping', cdn: 1 }, second).json)).code, 1403, 'another account')
  // A vendor's credentials may be known to two instances: the audience tells them apart.
  await makeKey(gateway, { apiKey: 'SHARED' })
  const { result } = await gateway.call('keys/import', {
    key: 'VENDOR',
    secret: 'the-secret-that-both-of-them-know',
    account: 1,
  })
  assert.equal(result?.key_id, 'VENDOR')
  await other.call('keys/import', {
    key: 'VENDOR',
    secret: 'the-secret-that-both-of-them-know',
    account: 1,
    audience: 'there',
  })
  const shared = { apiKey: 'VENDOR', secret: 'the-secret-that-both-of-them-know' }
  assert.equal((await other.post(sign({ cmd: 'ping', audience: 'there' }, shared).json)).code, 9001)
  assert.equal((await other.post(sign({ cmd: 'ping' }, shared).json)).code, 1403)
  assert.equal((await other.post(sign({ cmd: 'ping', audience: 'here' }, shared).json)).code, 1403)
})

test('the gateway’s own signature of a reply is no signature of a request', { timeout: 30_000 }, async (t) => {
  const gateway = await instanceFor(t)
  const text = JSON.stringify({ cmd: 'ping', api_key: gateway.owner.apiKey, timestamp: gateway.seconds() })
  const request = mac(gateway.owner.secret, text)
  const reply = await gateway.post(text, { signature: request })
  const given = new Map(reply.headers).get('Countersign-Reply') ?? ''
  const signed = `countersign-reply\n${Buffer.from(request, 'base64').toString('hex')}\n${reply.status}\n${reply.body}`
  assert.equal(given, mac(gateway.owner.secret, signed), 'this is what it signs')
  const hex = Buffer.from(given, 'base64').toString('hex')
  const rows: readonly (readonly [body: string, wire: Partial<Wire>, code: number])[] = [
    [signed, { signature: given }, 1400],
    [reply.body, { signature: given }, 1400],
    [text, { signature: given }, 1401],
    [new URLSearchParams({ msg: signed, sig: hex }).toString(), uplynkWire('subowners/list'), 1400],
    [new URLSearchParams({ json: signed }).toString(), form, 1400],
  ]
  for (const [body, wire, code] of rows) assert.equal((await gateway.post(body, wire)).code, code, body)
})

test('members that only look like those of the envelope are parameters, and say nothing about the signature', {
  timeout: 30_000,
}, async (t) => {
  const gateway = await instanceFor(t)
  const by = (members: object, secret: string) => {
    const text = JSON.stringify({
      cmd: 'ping',
      api_key: gateway.owner.apiKey,
      timestamp: gateway.seconds(),
      ...members,
    })
    return gateway.post(text, { signature: mac(secret, text) })
  }
  for (const members of [
    { alg: 'none' },
    { CMD: 'whoami' },
    { Signature: 'x' },
    { API_KEY: 'x' },
    { 'cmd ': 'whoami' },
  ]) {
    assert.equal((await by(members, gateway.owner.secret)).code, 1422, JSON.stringify(members))
    assert.equal((await by(members, '')).code, 1401, JSON.stringify(members))
  }
  const unsigned = JSON.stringify({
    cmd: 'ping',
    alg: 'none',
    api_key: gateway.owner.apiKey,
    timestamp: gateway.seconds(),
  })
  assert.equal((await gateway.post(unsigned)).code, 1400)
  for (const wire of [{ signature: '' }, { signature: 'none' }])
    assert.equal((await gateway.post(unsigned, wire)).code, 1401)
})
