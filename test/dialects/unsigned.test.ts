import assert from 'node:assert/strict'
import { test } from 'node:test'
import { astra } from '../../dialects/astra.js'
import { ibm } from '../../dialects/ibm.js'
import { dialects } from '../../dialects/index.js'
import { type GatewayCode, gatewayCodes } from '../../schemas/codes.js'
import { settings } from '../../schemas/config.js'
import { refusedOutcome } from '../../src/reply.js'

const names = Object.keys(gatewayCodes) as GatewayCode[]
const exchange = {
  requestId: 'r',
  serverTime: 1_795_332_418,
  handleTime: 0.3795,
  publicUrl: 'https://control.example.org',
}

/** IBM's HTTP status and error value of every refusal. */
const ibmAnswers: Record<GatewayCode, readonly [http: number, error: string]> = {
  MALFORMED: [400, 'input_validation_error'],
  UNAUTHENTICATED: [401, 'unauthorized'],
  STALE: [401, 'server_error'],
  FORBIDDEN: [403, 'lack_of_ownership'],
  UNKNOWN_COMMAND: [404, 'not_found'],
  METHOD_NOT_ALLOWED: [405, 'method_not_allowed'],
  ADDRESS_REFUSED: [403, 'lack_of_ownership'],
  KEY_INACTIVE: [401, 'unauthorized'],
  SLOW: [408, 'request_timeout'],
  REPLAYED: [409, 'server_error'],
  IDEMPOTENCY_MISMATCH: [409, 'server_error'],
  IN_PROGRESS: [409, 'server_error'],
  TOO_LARGE: [413, 'request_too_large'],
  REPLY_TOO_LARGE: [409, 'limit_reached'],
  UNSUPPORTED_MEDIA: [415, 'unsupported_media_type'],
  INVALID_PARAMS: [400, 'input_validation_error'],
  RATE_LIMITED: [429, 'too_many_requests'],
  INTERNAL: [500, 'server_error'],
  OVERLOADED: [503, 'service_unavailable'],
  TIMED_OUT: [504, 'gateway_timeout'],
  STORAGE: [503, 'service_unavailable'],
}

test('every refusal is one error value to an IBM client, and nothing else stands in the body', () => {
  assert.deepEqual(names.sort(), Object.keys(ibmAnswers).sort())
  for (const name of names) {
    const { status, body } = ibm.encode(refusedOutcome(name, {}, undefined, false), exchange)
    const [http, error] = ibmAnswers[name]
    assert.deepEqual([name, status, JSON.parse(body)], [name, http, { error }])
  }
})

test('why an IBM client was refused stands in a header, in characters that every reader of headers takes', () => {
  const detail = { message: 'Invalid parameters: /\u00e4\r\nSet-Cookie: x\u0000 isn’t a parameter' }
  const { headers = [] } = ibm.encode(refusedOutcome('INVALID_PARAMS', detail, undefined, false), exchange)
  assert.deepEqual(headers, [['Countersign-Error', "1422 Invalid parameters: /???Set-Cookie: x? isn't a parameter"]])
})

test('every refusal is told to an Astra client with its text, its code, and the HTTP status of the code', () => {
  for (const name of names) {
    const { status, body, headers } = astra.encode(refusedOutcome(name, {}, undefined, false), exchange)
    const { code, http } = gatewayCodes[name]
    const { error, ...rest } = JSON.parse(body)
    assert.deepEqual([name, status, rest], [name, http, { code }])
    assert.ok(typeof error === 'string' && error.length > 3)
    assert.equal(headers !== undefined, http === 401, name)
  }
})

test('no dialect whose requests are not signed is on unless it is named', () => {
  const on = settings.dialects.default.split(',')
  for (const { name } of [astra, ibm]) {
    assert.ok(!on.includes(name), name)
    assert.ok(dialects.some((dialect) => dialect.name === name))
  }
})
