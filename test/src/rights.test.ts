import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { makeAccount, makeKey, makeUser } from '../support/keys.js'

interface Row {
  readonly who: string
  readonly by: Credentials
  readonly types: readonly number[]
}

/** Who may write users, each with the types of users that hold nothing which the caller does not hold. */
async function writers(gateway: CommandInstance): Promise<Row[]> {
  const owner = async (permissions: string[], types: number[]): Promise<Row> => ({
    who: `an owner's key with ${permissions.join(' and ')}`,
    by: await makeKey(gateway, { permissions }),
    types,
  })
  const user = async (type: number, permissions: string[], types: number[]): Promise<Row> => ({
    who: `a user of type ${type} with a key for ${permissions.join(' and ')}`,
    by: await makeUser(gateway, `caller-${type}-${permissions.length}`, { type }, permissions),
    types,
  })
  return [
    await owner(['users:write'], [3]),
    await owner(['users:*'], [3]),
    await owner(['users:*', 'streams:*', 'keys:*', 'secrets:read'], [3]),
    await owner(['*:read', 'users:write'], [2, 3]),
    await owner(['*'], [1, 2, 3]),
    await user(1, ['*'], [1, 2, 3]),
    await user(1, ['*:read', 'users:write'], [2, 3]),
    await user(2, ['*'], []),
    await user(3, ['*'], []),
  ]
}

const operations: Readonly<Record<string, readonly [cmd: string, user?: object]>> = {
  change: ['set-user', { comment: 'mine' }],
  'take over': ['set-user', { password: 'mine' }],
  disable: ['set-user', { enable: false }],
  demote: ['set-user', { type: 3 }],
  toggle: ['toggle-user'],
  remove: ['set-user', { remove: true }],
}

test('nobody changes, takes over, disables, demotes or removes a user who holds more', async (t) => {
  const gateway = await instanceFor(t)
  await makeUser(gateway, 'spare', { type: 1 })
  const reset = (type: number) => gateway.run('set-user', { id: 'target', user: { type, enable: true, comment: '' } })
  const target = async () => (await gateway.run('get-user', { id: 'target' })).result
  for (const { who, by, types } of await writers(gateway)) {
    for (const type of [1, 2, 3]) {
      await reset(type)
      const before = await target()
      for (const [operation, [cmd, user]] of Object.entries(operations)) {
        const { code } = await gateway.run(cmd, { id: 'target', user }, by)
        if (!types.includes(type)) assert.equal(code, 1403, `${who} may not ${operation} type ${type}`)
        else {
          assert.equal(code % 2, 1, `${who} may ${operation} type ${type}: ${code}`)
          await reset(type)
        }
      }
      if (!types.includes(type)) assert.deepEqual(await target(), before, `${who} and type ${type}`)
    }
  }
})

test('nobody makes a user, or makes one of a user, who then holds more', async (t) => {
  const gateway = await instanceFor(t)
  await makeUser(gateway, 'spare', { type: 1 })
  for (const { who, by, types } of await writers(gateway)) {
    for (const type of [1, 2, 3]) {
      const code = types.includes(type) ? 3011 : 1403
      await gateway.run('set-user', { id: 'target', user: { remove: true } })
      const made = await gateway.run('set-user', { id: 'target', user: { type } }, by)
      assert.equal(made.code, code, `${who} makes type ${type}`)
      await gateway.run('set-user', { id: 'target', user: { type: 3 } })
      const promoted = await gateway.run('set-user', { id: 'target', user: { type } }, by)
      assert.equal(promoted.code, code, `${who} promotes to type ${type}`)
    }
  }
})

test('a user cannot raise itself', async (t) => {
  const gateway = await instanceFor(t)
  for (const type of [2, 3]) {
    const by = await makeUser(gateway, `climber-${type}`, { type }, ['*', 'users:*', 'instance'])
    assert.equal((await gateway.run('set-user', { id: `climber-${type}`, user: { type: 1 } }, by)).code, 1403)
  }
})

test('a token is shown to holders of secrets:read who hold everything that its user holds, else it is null', async (t) => {
  const gateway = await instanceFor(t)
  for (const type of [1, 2, 3]) {
    await gateway.run('set-user', { id: `type-${type}`, user: { type, token: `canary-${type}` } })
  }
  const observer = await makeUser(gateway, 'observer', { type: 2 })
  const rows: readonly (readonly [by: Credentials, types: readonly number[]])[] = [
    [await makeKey(gateway, { permissions: ['users:read'] }), []],
    [await makeKey(gateway, { permissions: ['users:*'] }), []],
    [await makeKey(gateway, { permissions: ['users:*', 'secrets:*'] }), []],
    [await makeKey(gateway, { permissions: ['*:read'] }), []],
    [await makeKey(gateway, { permissions: ['users:read', 'secrets:read'] }), [3]],
    [await makeKey(gateway, { permissions: ['*:read', 'secrets:read'] }), [2, 3]],
    [await makeKey(gateway, { permissions: ['*'] }), [1, 2, 3]],
    [await makeKey(gateway, { user: 'type-1', permissions: ['*'] }), [1, 2, 3]],
    [await makeKey(gateway, { user: 'type-1', permissions: ['users:read', 'secrets:read'] }), [3]],
    [observer, []],
    [await makeKey(gateway, { user: 'observer', permissions: ['*', 'secrets:read'] }), []],
  ]
  for (const [by, types] of rows) {
    const { permissions } = (await gateway.run('whoami', {}, by)).result
    for (const type of [1, 2, 3]) {
      const { code, result } = await gateway.run('get-user', { id: `type-${type}` }, by)
      const token = types.includes(type) ? `canary-${type}` : null
      assert.deepEqual([code, result.token], [3001, token], `${permissions} and a user of type ${type}`)
    }
    assert.ok(!JSON.stringify(await gateway.run('list-users', {}, by)).includes('canary'))
  }
})

test('instance is had by the owner’s key that init made and by nobody else, whatever stands in the database', async (t) => {
  const gateway = await instanceFor(t)
  const everything = ['*', 'instance']
  await makeAccount(gateway, 2)
  await gateway.run('keys/import', { key: 'imported', secret: 'x'.repeat(24), account: 1 })
  const others: Readonly<Record<string, Credentials>> = {
    'another key of the first owner': await makeKey(gateway),
    'an imported key of the first owner': { apiKey: 'imported', secret: 'x'.repeat(24) },
    'a key of another owner that claims it': await makeKey(gateway, { account: 2, permissions: everything }),
    'an administrator’s key that claims it': await makeUser(gateway, 'root', { type: 1 }, everything),
  }
  for (const [who, by] of Object.entries(others)) {
    assert.ok(!(await gateway.run('whoami', {}, by)).result.permissions.includes('instance'), who)
    for (const [cmd, params] of Object.entries({
      'accounts/create': {},
      'keys/import': { key: 'another', secret: 'x'.repeat(24), account: 1 },
    })) {
      assert.equal((await gateway.run(cmd, params, by)).code, 1403, `${cmd} by ${who}`)
    }
  }
  assert.deepEqual((await gateway.run('whoami')).result.permissions, everything)
  assert.equal((await gateway.run('accounts/create')).code, 9201)
})
