import { deflateSync } from 'node:zlib'
import type { Wire } from '../../src/dialect.js'
import { mac, type TestInstance } from './instance.js'
import { setUser } from './logins.js'
import { formOf, uplynkWire } from './uplynk.js'

/** A request that the gateway takes. */
export interface Valid {
  readonly wire: Partial<Wire>
  readonly body: string
  /** Whether its dialect signs, so that a changed one must never run. */
  readonly signed: boolean
  /** The JSON that the body wraps, and the body with other JSON in it, signed as before. */
  readonly inside?: { readonly json: string; readonly wrap: (json: Buffer) => string }
}

/** Signs JSON in its body. */
function signedJson({ owner, seconds }: TestInstance, message: object): string {
  const text = JSON.stringify({ ...message, api_key: owner.apiKey, timestamp: seconds() })
  return `${text.slice(0, -1)},"signature":"${mac(owner.secret, text)}"}`
}

/** One request of each dialect, by its name, or by that and a word. A new dialect is fuzzed once it has a line here. */
export const valid: Readonly<Record<string, (gateway: TestInstance) => Promise<Valid>>> = {
  native: async (gateway) => ({
    wire: {},
    body: signedJson(gateway, { cmd: 'set-user', id: 'fuzzed', user: { type: 3, comment: 'Zoë/é' } }),
    signed: true,
  }),
  'native header': async ({ owner, seconds }) => {
    const body = `{"cmd":"set-user","id":"fuzzed","user":{"type":3},"api_key":"${owner.apiKey}","timestamp":${seconds()}}`
    return { wire: { signature: mac(owner.secret, body) }, body, signed: true }
  },
  scaleengine: async (gateway) => ({
    wire: {},
    body: signedJson(gateway, { command: 'sevu.addstreamuser', cdn: 1, app: 'a', stream: '*', user: 'u', pass: null }),
    signed: true,
  }),
  'scaleengine form': async (gateway) => {
    const json = signedJson(gateway, { command: 'set-user', cdn: 1, id: 'fuzzed', user: { type: 3 } })
    const wrap = (text: Buffer | string) => `json=${encodeURIComponent(String(text))}`
    return {
      wire: { contentType: 'application/x-www-form-urlencoded' },
      body: wrap(json),
      signed: true,
      inside: { json, wrap },
    }
  },
  'scaleengine multipart': async (gateway) => {
    const json = signedJson(gateway, { command: 'set-user', cdn: 1, id: 'fuzzed', user: { type: 3 } })
    return {
      wire: { contentType: 'multipart/form-data; boundary=part' },
      body: `--part\r\nContent-Disposition: form-data; name="json"\r\n\r\n${json}\r\n--part--\r\n`,
      signed: true,
    }
  },
  uplynk: async ({ owner, seconds }) => {
    const envelope = { _cmd: 'subowners/create', _owner: owner.apiKey, _timestamp: seconds() }
    const json = JSON.stringify({ username: 'fuzzed', password: 'secret', ...envelope })
    const body = formOf(deflateSync(json).toString('base64'), owner.secret)
    const sig = new URLSearchParams(body).get('sig') ?? ''
    const wrap = (text: Buffer) => String(new URLSearchParams({ msg: deflateSync(text).toString('base64'), sig }))
    return { wire: uplynkWire('subowners/create'), body, signed: true, inside: { json, wrap } }
  },
  astra: async (gateway) => {
    await setUser(gateway, 'operator', { type: 1, password: 'correct horse' })
    const authorization = `Basic ${Buffer.from('operator:correct horse').toString('base64')}`
    return { wire: { authorization }, body: '{"cmd":"get-user","id":"operator"}', signed: false }
  },
  ibm: async (gateway) => ({
    wire: { ...(await deviceWire(gateway)), method: 'GET', query: 'page=1&pagesize=10' },
    body: '',
    signed: false,
  }),
  'ibm form': async (gateway) => ({
    wire: { ...(await deviceWire(gateway)), contentType: 'application/x-www-form-urlencoded' },
    body: 'device_name=fuzzed&valid_from=1497571200&valid_until=4102444800',
    signed: false,
  }),
}

async function deviceWire(gateway: TestInstance): Promise<Partial<Wire>> {
  const { result } = await gateway.call('access-tokens/create', { permissions: ['devices:*'] })
  return { path: '/users/self/device-passwords.json', authorization: `Bearer ${result.token}` }
}
