import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { elsewhere, makeAccount, makeKey, makeUser } from '../support/keys.js'
import { byToken, setUser } from '../support/logins.js'

const devices = '/users/self/device-passwords.json'
const tv = { device_name: 'tv', valid_from: '0' }

async function made(gateway: CommandInstance, params: object = {}, by = gateway.owner) {
  const { code, result } = await gateway.run('access-tokens/create', params, by)
  assert.equal(code, 5031)
  return result as { token: string; token_id: string }
}

const statusOf = async (gateway: CommandInstance, token: string, target = `GET ${devices}`, address = '127.0.0.1') =>
  (await byToken(gateway, token, target, {}, { address })).status

test('a token sees and changes its own account alone', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const [ours, theirs] = [await made(gateway), await made(gateway, {}, other)]
  const { json: device } = await byToken(gateway, theirs.token, `POST ${devices}`, tv)
  assert.deepEqual((await byToken(gateway, ours.token, `GET ${devices}`)).json.device_passwords, [])
  const path = `DELETE /users/self/device-passwords/${device.user_name}.json`
  assert.equal((await byToken(gateway, ours.token, path)).status, 404)
  assert.equal((await byToken(gateway, theirs.token, `GET ${devices}`)).json.device_passwords.length, 1)
  assert.equal((await byToken(gateway, theirs.token, path)).status, 200)
})

test('a token ends with the next message once it is revoked, runs out, or another process removes it', async (t) => {
  const gateway = await instanceFor(t)
  const [revoked, removed, ending] = [await made(gateway), await made(gateway), await made(gateway, { expires_in: 60 })]
  for (const { token } of [revoked, removed, ending]) assert.equal(await statusOf(gateway, token), 200)
  await gateway.run('access-tokens/revoke', { token_id: revoked.token_id })
  assert.equal(await statusOf(gateway, revoked.token), 401)
  await elsewhere(gateway, 'delete from access_tokens where token_id = $1', [removed.token_id])
  assert.equal(await statusOf(gateway, removed.token), 401)
  assert.equal(await statusOf(gateway, ending.token), 200)
  gateway.clock.offset += 60
  assert.equal(await statusOf(gateway, ending.token), 401)
})

test('a token may do what it was given and its principal still may: whatever changes counts for the next message', async (t) => {
  const gateway = await instanceFor(t)
  await setUser(gateway, 'root', { type: 1 })
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const { token } = await made(gateway, {}, admin)
  const create = async () => (await byToken(gateway, token, `POST ${devices}`, tv)).status
  assert.deepEqual([await statusOf(gateway, token), await create()], [200, 200])
  const changes: readonly (readonly [user: object, list: number, create: number])[] = [
    [{ type: 2 }, 200, 403],
    [{ type: 3 }, 403, 403],
    [{ type: 1 }, 200, 200],
    [{ enable: false }, 401, 401],
    [{ enable: true }, 200, 200],
    [{ expire: 1 }, 401, 401],
    [{ expire: 0 }, 200, 200],
    [{ remove: true }, 401, 401],
  ]
  for (const [user, list, making] of changes) {
    await setUser(gateway, 'admin', user)
    assert.deepEqual([await statusOf(gateway, token), await create()], [list, making], JSON.stringify(user))
  }
  const own = await made(gateway)
  await elsewhere(gateway, 'update accounts set enable = 0')
  assert.equal(await statusOf(gateway, own.token), 401)
})

test('a token that is revoked while its command is under way does nothing with it', async (t) => {
  const gateway = await instanceFor(t)
  const { token, token_id } = await made(gateway)
  // Hashing the device's password is slow, so the change overtakes it.
  const late = byToken(gateway, token, `POST ${devices}`, tv)
  await gateway.run('access-tokens/revoke', { token_id })
  assert.equal((await late).status, 401)
  assert.equal((await gateway.run('device-passwords/list')).result.paging.total, 0)
})

test('a token works only from where the key that made it does', async (t) => {
  const gateway = await instanceFor(t)
  const { token } = await made(gateway, {}, await makeKey(gateway, { addresses: ['10.0.0.0/8', '127.0.0.1'] }))
  for (const [address, status] of [
    ['10.1.2.3', 200],
    ['127.0.0.1', 200],
    ['192.0.2.1', 403],
    ['::1', 403],
  ] as const) {
    assert.equal(await statusOf(gateway, token, `GET ${devices}`, address), status, address)
  }
})

test('an instance that demands an audience takes tokens, which are its own, and no message without one', async (t) => {
  const gateway = await instanceFor(t, { audience: 'here', requireAudience: true })
  const { code, result } = await gateway.call('access-tokens/create', { audience: 'here' })
  assert.equal(code, 5031)
  assert.equal(await statusOf(gateway, result.token), 200)
  assert.equal((await gateway.call('ping')).code, 1403)
})

test('tokens that are tried out are counted as failures of their address, in the vendor’s shape', async (t) => {
  const gateway = await instanceFor(t, { limitFailures: 3 })
  const { token } = await made(gateway)
  const statuses: number[] = []
  for (let n = 0; n < 4; n++) statuses.push(await statusOf(gateway, `ct_guess${n}`, `GET ${devices}`, '192.0.2.1'))
  assert.deepEqual(statuses, [401, 401, 401, 429])
  const { status, json, headers } = await byToken(gateway, token, `GET ${devices}`, {}, { address: '192.0.2.1' })
  assert.deepEqual([status, json], [429, { error: 'too_many_requests' }])
  assert.ok(Number(headers.get('Retry-After')) > 0)
  assert.equal(await statusOf(gateway, token), 200)
})

test('an idempotency key is not taken from a form, and a second create is a second device', async (t) => {
  const gateway = await instanceFor(t)
  const { token } = await made(gateway)
  const keyed = await byToken(gateway, token, `POST ${devices}`, { ...tv, idempotency_key: 'job-81-step-3' })
  assert.deepEqual([keyed.status, keyed.json], [400, { error: 'input_validation_error' }])
  const names = [
    await byToken(gateway, token, `POST ${devices}`, tv),
    await byToken(gateway, token, `POST ${devices}`, tv),
  ]
  assert.equal(new Set(names.map(({ json }) => json.user_name)).size, 2)
})

test('what somebody did with a token is in the audit trail, as its principal, and the chain holds', async (t) => {
  const gateway = await instanceFor(t)
  const { token } = await made(gateway)
  await byToken(gateway, token, `POST ${devices}`, tv)
  await byToken(gateway, token, `GET ${devices}`)
  assert.equal((await gateway.run('audit/verify')).code, 9111)
  const { rows } = (await gateway.run('audit/list', { of_command: 'device-passwords/create' })).result
  const { id } = (await gateway.run('whoami')).result.principal
  assert.deepEqual([rows[0].principal, rows[0].dialect, rows[0].key_id], [`owner:${id}`, 'ibm', null])
  const trail = JSON.stringify((await gateway.run('audit/list')).result)
  assert.ok(!trail.includes(token))
})
