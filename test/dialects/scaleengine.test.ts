import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scaleengine } from '../../dialects/scaleengine.js'
import { type GatewayCode, gatewayCodes } from '../../schemas/codes.js'
import { refusedOutcome } from '../../src/reply.js'

/** ScaleEngine's number and the HTTP status of every refusal (protocol §9.2). */
const numbers: Record<GatewayCode, readonly [code: number, http: number]> = {
  MALFORMED: [6, 200],
  UNAUTHENTICATED: [3, 200],
  STALE: [2, 200],
  FORBIDDEN: [1, 200],
  UNKNOWN_COMMAND: [0, 200],
  METHOD_NOT_ALLOWED: [1405, 200],
  ADDRESS_REFUSED: [1, 200],
  KEY_INACTIVE: [1, 200],
  SLOW: [1408, 200],
  REPLAYED: [1409, 200],
  IDEMPOTENCY_MISMATCH: [1410, 200],
  IN_PROGRESS: [1411, 200],
  TOO_LARGE: [1413, 200],
  REPLY_TOO_LARGE: [1414, 200],
  UNSUPPORTED_MEDIA: [1415, 200],
  INVALID_PARAMS: [6, 200],
  RATE_LIMITED: [1429, 429],
  INTERNAL: [4, 200],
  OVERLOADED: [1000, 503],
  TIMED_OUT: [4, 200],
  STORAGE: [4, 503],
}

const exchange = { requestId: 'r', serverTime: 1_795_332_418, handleTime: 0.3795 }

test('every refusal has its number in ScaleEngine, HTTP 200 unless it is 429 or 503, and is a failure even where the number is odd', () => {
  assert.deepEqual(Object.keys(numbers).sort(), Object.keys(gatewayCodes).sort())
  for (const [name, [code, http]] of Object.entries(numbers)) {
    const { status, body } = scaleengine.encode(refusedOutcome(name as GatewayCode, {}, 'ping', false), exchange)
    const reply = JSON.parse(body)
    assert.deepEqual([name, status, reply.code, reply.status], [name, http, code, 'failure'])
    assert.equal(reply.handle_time, '0.3795 seconds')
  }
})

test('a refusal that a client should wait after says so', () => {
  for (const name of ['RATE_LIMITED', 'OVERLOADED', 'STORAGE'] as const) {
    const { body } = scaleengine.encode(refusedOutcome(name, { retryAfter: 7 }, 'ping', false), exchange)
    assert.equal(JSON.parse(body).retry_after, 7)
  }
})
