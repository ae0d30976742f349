import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { nanoid } from 'nanoid'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { elsewhere, makeAccount } from '../support/keys.js'
import { byPassword, setUser } from '../support/logins.js'

const password = 'correct horse'
const right = `alice:${password}`
const show = { cmd: 'get-user', id: 'alice' }

async function withAlice(t: TestContext): Promise<CommandInstance> {
  const gateway = await instanceFor(t)
  await setUser(gateway, 'root', { type: 1 })
  await setUser(gateway, 'alice', { type: 1, password })
  return gateway
}

const statusOf = async (gateway: CommandInstance, login: string, address = '127.0.0.1', message: object = show) =>
  (await byPassword(gateway, login, message, { address })).status

/** One wrong password each from many addresses: the statuses, in order. */
async function attack(gateway: CommandInstance, login: string, times: number): Promise<number[]> {
  const statuses: number[] = []
  for (let n = 0; n < times; n++) statuses.push(await statusOf(gateway, `${login}:guess ${nanoid()}`, `10.0.${n}.1`))
  return statuses
}

test('whatever of a user changes counts for the very next message, though its password is remembered', async (t) => {
  const gateway = await withAlice(t)
  assert.equal(await statusOf(gateway, right), 200)
  const changes: readonly (readonly [what: string, change: () => Promise<unknown>, status: number])[] = [
    ['less rights', () => setUser(gateway, 'alice', { type: 3 }), 403],
    ['more rights', () => setUser(gateway, 'alice', { type: 2 }), 200],
    ['turned off', () => gateway.run('toggle-user', { id: 'alice' }), 403],
    ['turned on', () => gateway.run('toggle-user', { id: 'alice' }), 200],
    ['an end', () => setUser(gateway, 'alice', { expire: gateway.seconds() }), 403],
    ['no end', () => setUser(gateway, 'alice', { expire: 0 }), 200],
    ['another password', () => setUser(gateway, 'alice', { password: 'another' }), 401],
    ['its account turned off, by another process', () => elsewhere(gateway, 'update accounts set enable = 0'), 401],
  ]
  for (const [what, change, status] of changes) {
    await change()
    assert.equal(await statusOf(gateway, right), status, what)
  }
  assert.equal(await statusOf(gateway, 'alice:another'), 403)
  await elsewhere(gateway, 'update accounts set enable = 1')
  assert.equal(await statusOf(gateway, 'alice:another'), 200)
  await setUser(gateway, 'alice', { remove: true })
  assert.equal(await statusOf(gateway, 'alice:another'), 401)
  await setUser(gateway, 'alice', { type: 1 })
  assert.equal(await statusOf(gateway, 'alice:another'), 401, 'a later user of that name')
})

test('a user that is turned off, or given another password, while its command is under way does nothing with it', async (t) => {
  const gateway = await withAlice(t)
  // Hashing the new password is slow, so the change overtakes it.
  const slow = { cmd: 'set-user', id: 'made', user: { type: 3, password: 'x' } }
  assert.equal(await statusOf(gateway, right), 200)
  const disabled = statusOf(gateway, right, '127.0.0.1', slow)
  await gateway.run('toggle-user', { id: 'alice' })
  assert.equal(await disabled, 403)
  await gateway.run('toggle-user', { id: 'alice' })
  const removed = statusOf(gateway, right, '127.0.0.1', slow)
  await setUser(gateway, 'alice', { remove: true })
  await setUser(gateway, 'alice', { type: 1 })
  assert.equal(await removed, 401)
  assert.equal((await gateway.run('get-user', { id: 'made' })).code, 3000)
})

test('a flood of guesses from everywhere does not keep out who was let in before, from its address or just now', async (t) => {
  const gateway = await withAlice(t)
  assert.equal(await statusOf(gateway, right, '192.0.2.1'), 200)
  const statuses = await attack(gateway, 'alice', 40)
  assert.deepEqual(statuses, [...Array(30).fill(401), ...Array(10).fill(429)])
  assert.equal(await statusOf(gateway, right, '192.0.2.1'), 200, 'remembered')
  assert.equal(await statusOf(gateway, right, '198.51.100.1'), 200, 'remembered, from another address')

  gateway.clock.offset += 3600
  assert.equal((await attack(gateway, 'alice', 31)).at(-1), 429)
  assert.equal(await statusOf(gateway, right, '203.0.113.9'), 429, 'an address that is not known')
  assert.equal(await statusOf(gateway, right, '192.0.2.1'), 200, 'no longer remembered, from a known address')
})

test('guesses from the address of an honest user do not keep out what is remembered, and the others of that address', async (t) => {
  const gateway = await withAlice(t)
  await setUser(gateway, 'bob', { type: 1, password: 'bobs' })
  const address = '192.0.2.1'
  assert.equal(await statusOf(gateway, right, address), 200)
  assert.equal(await statusOf(gateway, 'bob:bobs', address), 200)
  gateway.clock.offset += 3600
  assert.equal(await statusOf(gateway, right, address), 200)
  const guesses: number[] = []
  for (let n = 0; n < 12; n++) guesses.push(await statusOf(gateway, `alice:guess${n}`, address))
  assert.deepEqual(guesses, [...Array(10).fill(401), 429, 429])
  assert.equal(await statusOf(gateway, right, address), 200, 'remembered')
  assert.equal(await statusOf(gateway, 'bob:bobs', address), 200, 'another login, known here')
})

test('an address has ten guesses a minute, whomever it tries, and an IPv6 network counts as one', async (t) => {
  const gateway = await withAlice(t)
  const from = async (address: string, times: number) => {
    const statuses: number[] = []
    for (let n = 0; n < times; n++) statuses.push(await statusOf(gateway, `user${n}:x`, address))
    return statuses.filter((status) => status === 429).length
  }
  assert.equal(await from('192.0.2.1', 12), 2)
  for (let n = 0; n < 10; n++) assert.equal(await statusOf(gateway, `other${n}:x`, `2001:db8::${n}`), 401)
  assert.equal(await statusOf(gateway, 'other:x', '2001:db8::ffff'), 429)
  assert.equal(await statusOf(gateway, 'other:x', '2001:db8:0:1::1'), 401)
  const { status, headers, json } = await byPassword(gateway, right, show, { address: '192.0.2.1' })
  assert.deepEqual([status, json.code], [429, 1429])
  const wait = Number(headers.get('Retry-After'))
  assert.ok(wait > 0 && wait <= 60, String(wait))
  gateway.clock.offset += wait
  assert.equal(await statusOf(gateway, right, '192.0.2.1'), 200)
})

test('many guesses at once get no further than one after the other', async (t) => {
  const gateway = await withAlice(t)
  const statuses = await Promise.all(Array.from({ length: 40 }, (_, n) => statusOf(gateway, `alice:guess${n}`)))
  assert.deepEqual(
    [401, 429].map((status) => statuses.filter((one) => one === status).length),
    [10, 30],
  )
})

test('a client that sends its password many times at once is let in every time', async (t) => {
  const gateway = await withAlice(t)
  const statuses = await Promise.all(Array.from({ length: 50 }, () => statusOf(gateway, right, '192.0.2.1')))
  assert.deepEqual(new Set(statuses), new Set([200]))
  assert.equal(await statusOf(gateway, 'alice:wrong', '192.0.2.1'), 401, 'nothing was counted against it')
})

test('many users of one address who log in at once, none of them known yet, are all let in', async (t) => {
  const gateway = await withAlice(t)
  const logins = Array.from({ length: 25 }, (_, n) => `user${n}`)
  await Promise.all(logins.map((id) => setUser(gateway, id, { type: 1, password: 'theirs' })))
  const statuses = await Promise.all(logins.map((id) => statusOf(gateway, `${id}:theirs`)))
  assert.deepEqual(new Set(statuses), new Set([200]))
})

test('a right password is counted against nobody', async (t) => {
  const gateway = await withAlice(t)
  for (let n = 0; n < 35; n++) {
    gateway.clock.offset += n % 7 === 0 ? 301 : 0
    assert.equal(await statusOf(gateway, right, `192.0.2.${n}`), 200)
  }
})

test('an unknown user, one of another account, one without a password and a wrong password take the same work', async (t) => {
  const gateway = await withAlice(t)
  const other = await makeAccount(gateway, 2)
  await gateway.run('set-user', { id: 'theirs', user: { type: 1, password } }, other)
  const logins = ['alice:wrong', 'nobody:wrong', `theirs:${password}`, 'root:wrong']
  const times = new Map(logins.map((login) => [login, [] as number[]]))
  for (let n = 0; n < 7; n++) {
    for (const [index, login] of logins.entries()) {
      const begun = performance.now()
      assert.equal(await statusOf(gateway, `${login}${login.startsWith('theirs') ? '' : n}`, `10.${index}.${n}.1`), 401)
      times.get(login)?.push(performance.now() - begun)
    }
  }
  const medians = [...times.values()].map((each) => each.sort((a, b) => a - b)[3] ?? 0)
  assert.ok(Math.max(...medians) < 4 * Math.min(...medians), String(medians))
})

test('a flood of strangers holds up no signed command that hashes a password; those who find no room are told to come back', async (t) => {
  const gateway = await withAlice(t)
  const order: (number | 'signed')[] = []
  const strangers = Array.from({ length: 80 }, async (_, n) => {
    order.push(await statusOf(gateway, `user${n}:x`, `10.1.${n}.1`))
  })
  await setUser(gateway, 'bob', { type: 3, password: 'bobs' })
  order.push('signed')
  await Promise.all(strangers)
  const before = order.slice(0, order.indexOf('signed')).filter((status) => status === 401).length
  assert.ok(before < 20, `after ${before} strangers`)
  const [checked = 0, turnedAway = 0] = [401, 503].map((status) => order.filter((one) => one === status).length)
  assert.equal(checked + turnedAway, 80)
  // As many as may wait, and at most four that are looked at meanwhile.
  assert.ok(checked >= 64 && checked <= 68, String(checked))
})

test('what somebody did with a password is in the audit trail, as the user, without a key, and the chain holds', async (t) => {
  const gateway = await withAlice(t)
  await byPassword(gateway, right, { cmd: 'set-user', id: 'made', user: { type: 3 } })
  await byPassword(gateway, right, show)
  await byPassword(gateway, right, { cmd: 'ping' })
  // What is noted joins the next write.
  await setUser(gateway, 'whoever', { type: 3 })
  assert.equal((await gateway.run('audit/verify')).code, 9111)
  const { rows } = (await gateway.run('audit/list', { principal: 'user:alice' })).result
  const seen = rows.map((row: Record<string, unknown>) => [row.command, row.result_code, row.dialect, row.key_id])
  assert.deepEqual(
    new Set(seen.map(String)),
    new Set(['set-user,3011,astra,', 'get-user,3001,astra,', 'ping,1404,astra,']),
  )
})

test('while a restored database waits for the clock, a right password is told so, and a wrong one only that it is wrong', async (t) => {
  const gateway = await withAlice(t)
  await elsewhere(gateway, `insert into meta (name, value) values ('floor', $1)`, [String(gateway.seconds() + 400)])
  const { status, json, headers } = await byPassword(gateway, right, show)
  assert.deepEqual([status, json.code, Number(headers.get('Retry-After')) > 300], [503, 1503, true])
  assert.equal(await statusOf(gateway, 'alice:wrong'), 401)
})
