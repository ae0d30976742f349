import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { codes } from '../../schemas/codes.js'
import { type Driver, type DriverAnswer, type DriverCall, driverFor, languages } from '../support/drivers.js'
import {
  type Arrived,
  brokenOff,
  coded,
  cut,
  done,
  type PlayedGateway,
  page,
  playedGateway,
  playedSecret,
  type Step,
  silence,
} from '../support/played-gateway.js'
import { removeFolder, temporaryFolder } from '../support/server.js'

const folder = temporaryFolder()
const keyFile = join(folder, 'key.json')
writeFileSync(keyFile, JSON.stringify({ cdn: 1, api_key: 'played-key', secret: playedSecret }))
test.after(() => removeFolder(folder))

const call: DriverCall = { cmd: 'toggle-user', params: { id: 'alice' }, options: { retries: 2, longest_wait: 2 } }
const unsigned = { by: undefined }
const now = () => Math.floor(Date.now() / 1000)

/** What is answered, what the client makes of it, and after how many attempts. */
interface Row {
  readonly what: string
  readonly steps: readonly Step[]
  readonly expected: Partial<DriverAnswer>
  readonly attempts: number
}

const failure = (error: string, code: number | null, outcome_unknown: boolean) => ({ error, code, outcome_unknown })
const success = { code: codes.USER_TOGGLED.code, result: { id: 'alice', enable: true }, replayed: false }

const sentAgain: readonly (readonly [what: string, step: Step])[] = [
  ['a connection that was cut', cut],
  ['an answer that broke off', brokenOff],
  ['a page with 503', page(503)],
  ['a page with 502', page(502)],
  ['a page with 200', page(200)],
  ['an unsigned 500', coded(1500, { status: 500, ...unsigned })],
  ['an unsigned 1503', coded(1503, { status: 503, ...unsigned })],
  ['an unsigned 1429', coded(1429, { status: 429, ...unsigned })],
  ['a page with 429', page(429)],
  ['a success with HTTP 500 and no signature', coded(3021, { status: 500, ...unsigned })],
  ['1411', coded(1411, { status: 409 })],
  ['1429', coded(1429, { status: 429 })],
  ['1503', coded(1503, { status: 503 })],
  ['1504', coded(1504, { status: 504 })],
  ['1507', coded(1507, { status: 503 })],
]

const notBelieved: readonly (readonly [what: string, step: Step])[] = [
  ['a success without a signature', coded(3021, unsigned)],
  ['a success that another secret signed', coded(3021, { by: 'another secret' })],
  ['a success that was signed with another HTTP status', coded(3021, { signedStatus: 201 })],
  ['a command’s refusal without a signature', coded(3020, { status: 404, ...unsigned })],
  ['1402 without a signature', coded(1402, { status: 401, more: { server_time: now() + 9_000 }, ...unsigned })],
  ['1403 without a signature', coded(1403, { status: 403, ...unsigned })],
  ['a page with 403', page(403)],
  ['a page with 404', page(404)],
  ['a redirect to elsewhere', page(307, { Location: 'https://example.org/control' })],
]

const refusals: readonly (readonly [code: number, http: number, error: string])[] = [
  [1403, 403, 'ForbiddenError'],
  [1404, 404, 'UnknownCommandError'],
  [1406, 403, 'ForbiddenError'],
  [1407, 403, 'ForbiddenError'],
  [1409, 409, 'RefusedError'],
  [1410, 409, 'IdempotencyMismatchError'],
  [1422, 422, 'InvalidParamsError'],
  [1500, 500, 'RefusedError'],
  [3020, 404, 'NotDoneError'],
  [10_000, 409, 'NotDoneError'],
]

const unprovable: readonly (readonly [code: number, http: number, error: string])[] = [
  [1400, 400, 'RefusedError'],
  [1401, 401, 'UnauthenticatedError'],
  [1413, 413, 'RefusedError'],
]

const fault = { path: '/id', message: 'is not a name' }

const rows: readonly Row[] = [
  { what: 'a signed success is believed', steps: [done], expected: success, attempts: 1 },
  {
    what: 'a replayed success says so',
    steps: [coded(3021, { more: { replayed: true, result: {} } })],
    expected: { code: 3021, replayed: true },
    attempts: 1,
  },
  ...sentAgain.map(([what, step]) => ({
    what: `after ${what} the command is sent again`,
    steps: [step, done],
    expected: success,
    attempts: 2,
  })),
  ...notBelieved.map(([what, step]) => ({
    what: `${what} proves nothing, and is not tried again`,
    steps: [step, done],
    expected: { error: 'UnprovenReplyError', outcome_unknown: true, authentic: false },
    attempts: 1,
  })),
  ...refusals.map(([code, status, error]) => ({
    what: `a signed ${code} is a ${error}, and is not tried again`,
    steps: [coded(code, { status, more: { errors: [fault], request_id: 'r-1' } }), done],
    expected: { ...failure(error, code, false), authentic: true, errors: [fault], request_id: 'r-1' },
    attempts: 1,
  })),
  ...unprovable.map(([code, status, error]) => ({
    what: `an unsigned ${code} is a ${error} that leaves the outcome open, and is not tried again`,
    steps: [coded(code, { status, ...unsigned }), done],
    expected: { ...failure(error, code, true), authentic: false },
    attempts: 1,
  })),
  {
    what: 'after the last attempt a page of a proxy is a transport error that leaves the outcome open',
    steps: [page(503)],
    expected: failure('TransportError', null, true),
    attempts: 3,
  },
  {
    what: 'a limit of addresses that does not end is no proof that nothing was done',
    steps: [coded(1429, { status: 429, ...unsigned })],
    expected: failure('UnavailableError', 1429, true),
    attempts: 3,
  },
  {
    what: 'a command’s refusal without a signature is not believed under HTTP 429 either',
    steps: [coded(3020, { status: 429, ...unsigned })],
    expected: { error: 'TransportError', outcome_unknown: true },
    attempts: 3,
  },
  {
    what: 'a gateway that goes on being overloaded has done nothing',
    steps: [coded(1503, { status: 503 })],
    expected: failure('UnavailableError', 1503, false),
    attempts: 3,
  },
  {
    what: 'storage that goes on failing leaves the outcome open',
    steps: [coded(1507, { status: 503 })],
    expected: failure('UnavailableError', 1507, true),
    attempts: 3,
  },
  {
    what: 'a refusal after an attempt that was lost leaves the outcome open',
    steps: [cut, coded(1403, { status: 403 })],
    expected: failure('ForbiddenError', 1403, true),
    attempts: 2,
  },
  {
    what: 'the command’s own no after an attempt that was lost is the outcome',
    steps: [cut, coded(3020, { status: 404 })],
    expected: failure('NotDoneError', 3020, false),
    attempts: 2,
  },
]

const messages = (gateway: PlayedGateway): readonly Arrived['json'][] => gateway.arrived().map(({ json }) => json)

for (const language of languages) {
  test(`${language}: what it makes of every kind of answer`, async (t) => {
    const gateway = await playedGateway(t)
    const driver = driverFor(t, language, gateway.url, keyFile)
    if (!driver) return
    for (const { what, steps, expected, attempts } of rows) {
      await t.test(what, async () => {
        gateway.play(steps)
        const answer = await driver.call(call)
        assert.deepEqual({ ...answer, ...expected }, answer)
        assert.equal(gateway.arrived().length, attempts)
        if (answer.error) assert.equal(answer.attempts, attempts)
        requireOneCommand(messages(gateway))
      })
    }
    await others(t, gateway, driver)
    driver.end()
  })
}

/** All attempts are one command: the same idempotency key, a later timestamp each, so that no two are the same bytes. */
function requireOneCommand(sent: readonly Arrived['json'][]): void {
  assert.equal(new Set(sent.map(({ idempotency_key }) => idempotency_key)).size, 1)
  assert.match(String(sent[0]?.idempotency_key), /^[A-Za-z0-9._~:+/=-]{8,128}$/)
  const times = sent.map(({ timestamp }) => Number(timestamp))
  assert.deepEqual(
    [...new Set(times)].sort((a, b) => a - b),
    times,
  )
}

async function others(t: TestContext, gateway: PlayedGateway, driver: Driver): Promise<void> {
  const { options } = call

  await t.test('the key that was given is the one that is sent, and calls without one have one each', async () => {
    gateway.play([done])
    await driver.call({ ...call, idempotency_key: 'job-81-step-3' })
    await driver.call(call)
    await driver.call(call)
    const keys = messages(gateway).map(({ idempotency_key }) => idempotency_key)
    assert.equal(keys[0], 'job-81-step-3')
    assert.equal(new Set(keys).size, 3)
  })

  await t.test('the signature is over the text that is sent', async () => {
    gateway.play([done])
    await driver.call({ ...call, params: { id: 'Zoë/😀' } })
    assert.match(gateway.arrived()[0]?.text ?? '', /^\{"cmd":"toggle-user",.*,"signature":"[A-Za-z0-9+/]{43}="\}$/)
  })

  await t.test('the clock is corrected once, by a signed 1402, and stays corrected', async () => {
    const corrected = { ...call, options: { ...options, audience: 'clock' } }
    const server_time = now() + 9_000
    gateway.play([coded(1402, { status: 401, more: { server_time } }), done])
    assert.equal((await driver.call(corrected)).code, 3021)
    await driver.call(corrected)
    const late = messages(gateway).map(({ timestamp }) => Number(timestamp) - server_time)
    assert.ok(late.length === 3 && late[0] !== undefined && late[0] < -8_000, String(late))
    assert.ok(
      late.slice(1).every((seconds) => seconds >= 0 && seconds < 60),
      String(late),
    )

    gateway.play([coded(1402, { status: 401, more: { server_time: now() } })])
    const answer = await driver.call(corrected)
    assert.deepEqual([answer.error, answer.code, gateway.arrived().length], ['StaleError', 1402, 2])
  })

  await t.test('it waits as long as it is asked to, and not at all when that is too long', async () => {
    for (const asking of [page(503, { 'Retry-After': '1' }), coded(1429, { status: 429, more: { retry_after: 1 } })]) {
      gateway.play([asking, done])
      assert.equal((await driver.call(call)).code, 3021)
      const [first = 0, second = 0] = gateway.arrived().map(({ at }) => at)
      assert.ok(second - first >= 990, `${second - first} ms`)
    }
    gateway.play([coded(1503, { status: 503, headers: { 'Retry-After': '3' } }), done])
    assert.equal((await driver.call(call)).error, 'UnavailableError')
    assert.equal(gateway.arrived().length, 1)
  })

  await t.test('an answer that does not come in time is no answer', async () => {
    gateway.play([silence])
    const answer = await driver.call({ ...call, options: { retries: 1, timeout: 0.3 } })
    assert.deepEqual([answer.error, answer.code, answer.outcome_unknown], ['TransportError', null, true])
    assert.equal(gateway.arrived().length, 2)
  })

  await t.test('what belongs to the message is no parameter: nothing is sent', async () => {
    gateway.play([done])
    for (const name of ['cmd', 'api_key', 'timestamp', 'signature', 'idempotency_key', 'dry_run', 'cdn', 'audience']) {
      assert.equal((await driver.call({ ...call, params: { [name]: 'x' } })).error, 'usage')
    }
    assert.equal(gateway.arrived().length, 0)
  })

  await t.test('account, audience and dry run are sent when they are given', async () => {
    gateway.play([coded(3021, { more: { dry_run: true, result: {} } })])
    const answer = await driver.call({ ...call, dry_run: true, options: { cdn: 158, audience: 'eu-1' } })
    assert.equal(answer.dry_run, true)
    const [{ cdn, audience, dry_run } = {}] = messages(gateway)
    assert.deepEqual([cdn, audience, dry_run], [158, 'eu-1', true])
  })
}

for (const language of languages) {
  test(`${language}: where nobody listens, nothing can have been done`, async (t) => {
    const driver = driverFor(t, language, await nobody(), keyFile)
    if (!driver) return
    const answer = await driver.call({ ...call, options: { retries: 1 } })
    assert.deepEqual([answer.error, answer.code, answer.outcome_unknown], ['TransportError', null, false])
    assert.equal(answer.attempts, 2)
  })
}

/** An address where something listened a moment ago. */
async function nobody(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}
