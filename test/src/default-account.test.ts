import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { makeAccount, makeKey } from '../support/keys.js'
import { byPassword } from '../support/logins.js'
import { callUplynk } from '../support/uplynk.js'

const password = 'correct horse'
const show = { cmd: 'get-user', id: 'alice' }

const saveUser = (gateway: CommandInstance, id: string, comment: string, by?: Credentials) =>
  gateway.run('set-user', { id, user: { type: 1, password, comment } }, by)

async function removeUser(gateway: CommandInstance, id: string): Promise<void> {
  assert.equal((await gateway.run('set-user', { id, user: { remove: true } })).code, 3013)
}

const loginAs = async (gateway: CommandInstance, login: string, message: object = show, secret = password) =>
  byPassword(gateway, `${login}:${secret}`, message)

const callAs = async (gateway: CommandInstance, owner: string, { secret }: Credentials) =>
  callUplynk(gateway, 'whoami', { _cmd: 'whoami' }, { owner, secret })

interface Two {
  readonly gateway: CommandInstance
  /** The owner of account 2. */
  readonly two: Credentials
}

async function withTwo(t: TestContext, defaultAccount = 1): Promise<Two> {
  const gateway = await instanceFor(t, { defaultAccount })
  // The last administrator of an account cannot be removed.
  await gateway.run('set-user', { id: 'root', user: { type: 1 } })
  return { gateway, two: await makeAccount(gateway, 2) }
}

test('a bare login is that of the default account, whatever another account makes or removes', async (t) => {
  const { gateway, two } = await withTwo(t)
  await saveUser(gateway, 'alice', 'of account 1')
  const answer = async () => (await loginAs(gateway, 'alice')).json.comment
  assert.equal(await answer(), 'of account 1')
  await saveUser(gateway, 'alice', 'of account 2', two)
  assert.equal(await answer(), 'of account 1')
  for (const [login, comment] of [
    ['1/alice', 'of account 1'],
    ['2/alice', 'of account 2'],
  ] as const) {
    assert.equal((await loginAs(gateway, login)).json.comment, comment)
  }
  await removeUser(gateway, 'alice')
  assert.equal((await loginAs(gateway, 'alice')).status, 401, 'it does not become that of account 2')
})

test('the default account is the one that is set', async (t) => {
  const { gateway, two } = await withTwo(t, 2)
  await saveUser(gateway, 'alice', 'of account 1')
  assert.equal((await loginAs(gateway, 'alice')).status, 401)
  await saveUser(gateway, 'alice', 'of account 2', two)
  assert.equal((await loginAs(gateway, 'alice')).json.comment, 'of account 2')
  const key = await makeKey(gateway, { account: 2, user: 'alice' })
  assert.equal((await callAs(gateway, 'alice', key)).cdn, 2)
})

test('what an account is answered about names of its own does not tell which names others have', async (t) => {
  const answers: string[][] = []
  for (const taken of [false, true]) {
    const { gateway, two } = await withTwo(t)
    if (taken) await saveUser(gateway, 'alice', 'of account 1')
    await gateway.run('set-user', { id: 'alice', user: { type: 3, password: 'known to account 2' } }, two)
    const key = await makeKey(gateway, { account: 2, user: 'alice' })
    const told: unknown[] = []
    for (const login of ['alice', '2/alice', '3/alice', 'bob']) {
      const { status, json } = await loginAs(gateway, login, show, 'known to account 2')
      told.push(status, json)
    }
    for (const owner of ['alice', '2/alice', '3/alice', 'bob']) {
      const { error, msg } = await callAs(gateway, owner, key)
      told.push(error, msg)
    }
    answers.push(told.map((each) => JSON.stringify(each)))
  }
  assert.deepEqual(answers[0], answers[1])
})

test('a user of another account is named CDN/NAME as _owner; bare, a login is that of the default account', async (t) => {
  const { gateway, two } = await withTwo(t)
  await saveUser(gateway, 'anna', 'of account 1')
  const anna = await makeKey(gateway, { user: 'anna' })
  assert.equal((await callAs(gateway, 'anna', anna)).cdn, 1)
  await saveUser(gateway, 'anna', 'of account 2', two)
  const other = await makeKey(gateway, { account: 2, user: 'anna' })
  for (const [owner, by, answer] of [
    ['anna', anna, 1],
    ['1/anna', anna, 1],
    ['2/anna', other, 2],
    [other.apiKey, other, 2],
    ['anna', other, undefined],
    ['2/anna', anna, undefined],
    ['3/anna', anna, undefined],
  ] as const) {
    assert.equal((await callAs(gateway, owner, by)).cdn, answer, owner)
  }
  await removeUser(gateway, 'anna')
  assert.equal((await callAs(gateway, 'anna', other)).error, 1401, 'it does not become that of account 2')
})

test('no name that an account makes takes an _owner away from another one', async (t) => {
  const { gateway, two } = await withTwo(t)
  const ownerOf = async (by: Credentials) => (await gateway.run('whoami', {}, by)).result.principal.id
  const imported = { apiKey: 'EXAMPLEOWNER', secret: 'a-secret-of-24-characters' }
  await gateway.run('keys/import', { key: imported.apiKey, secret: imported.secret, account: 2 })
  const { id, key_id, api_key } = (
    await gateway.run('subowners/create', { username: 'ptvn.dave', password: 'lamepass', permissions: ['api'] }, two)
  ).result
  const subowner = { apiKey: String(key_id), secret: String(api_key) }
  const names: readonly (readonly [owner: string, by: Credentials, account: number])[] = [
    [imported.apiKey, imported, 2],
    [two.apiKey, two, 2],
    [await ownerOf(two), two, 2],
    [String(id), subowner, 2],
    [subowner.apiKey, subowner, 2],
    [gateway.owner.apiKey, gateway.owner, 1],
    [await ownerOf(gateway.owner), gateway.owner, 1],
  ]
  const all = async () => {
    const found: unknown[] = []
    for (const [owner, by] of names) found.push((await callAs(gateway, owner, by)).cdn)
    return found
  }
  const expected = names.map(([, , account]) => account)
  assert.deepEqual(await all(), expected)
  for (const by of [gateway.owner, two]) {
    for (const [owner] of names) {
      assert.equal((await gateway.run('set-user', { id: owner, user: { type: 1 } }, by)).code, 3011)
    }
    const username = { username: imported.apiKey, password: 'lamepass', permissions: ['api'] }
    assert.equal((await gateway.run('subowners/create', username, by)).code, 4001)
  }
  assert.deepEqual(await all(), expected)
})

test('a login with a slash in it is named with its account, unless what is before the slash is no account number', async (t) => {
  const { gateway, two } = await withTwo(t)
  for (const login of ['2/alice', 'alice/2', '007/alice', '99999999999999999999/alice']) {
    await saveUser(gateway, login, 'of account 1')
    await gateway.run('set-user', { id: 'alice', user: { type: 1, password, comment: 'of account 2' } }, two)
    const message = { ...show, id: login }
    assert.equal((await loginAs(gateway, `1/${login}`, message)).json.comment, 'of account 1', login)
    const bare = await loginAs(gateway, login, login === '2/alice' ? show : message)
    assert.equal(bare.json.comment, login === '2/alice' ? 'of account 2' : 'of account 1', login)
  }
})
