import assert from 'node:assert/strict'
import { test } from 'node:test'
import { badNames, type CommandInstance, faultPaths, instanceFor } from '../../support/commands.js'
import { makeAccount, makeKey, makeUser } from '../../support/keys.js'

const accounts = async (gateway: CommandInstance): Promise<number[]> =>
  (await gateway.db.all<{ account: number }>('select account from accounts order by account')).map(
    ({ account }) => account,
  )

test('an account takes the number that was asked for, or the next free one, and has a name in any case', async (t) => {
  const gateway = await instanceFor(t)
  const rows = [
    [{}, { account: 2, name: 'account 2', enable: true, time_zone: 'UTC' }],
    [
      { account: 158, name: 'Ölmühle' },
      { account: 158, name: 'Ölmühle', enable: true, time_zone: 'UTC' },
    ],
    [{ account: '7' }, { account: 7, name: 'account 7', enable: true, time_zone: 'UTC' }],
    [{ name: 'next' }, { account: 159, name: 'next', enable: true, time_zone: 'UTC' }],
    [{ enable: '0' }, { account: 160, name: 'account 160', enable: false, time_zone: 'UTC' }],
  ] as const
  for (const [params, expected] of rows) {
    const { code, result } = await gateway.run('accounts/create', params)
    assert.deepEqual([code, result], [9201, expected])
  }
  assert.deepEqual(await accounts(gateway), [1, 2, 7, 158, 159, 160])
})

test('an account is made once, and stays as it was', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('accounts/create', { account: 2, name: 'first' })
  const reply = await gateway.run('accounts/create', { account: 2, name: 'second', enable: false })
  assert.deepEqual([reply.code, reply.status], [9200, 'failure'])
  assert.deepEqual(await gateway.db.get('select name, enable from accounts where account = 2'), {
    name: 'first',
    enable: 1,
  })
})

test('a new account is empty and has an owner, to whom keys can be given', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'alice', user: { type: 1 } })
  await gateway.run('accounts/create', { account: 2 })
  const credentials = { apiKey: 'vendor-2', secret: 'x'.repeat(24) }
  await gateway.run('keys/import', { key: 'vendor-2', secret: credentials.secret, account: 2 })
  const who = (await gateway.run('whoami', {}, credentials)).result
  assert.deepEqual([who.cdn, who.principal.kind, who.permissions], [2, 'owner', ['*']])
  assert.equal((await gateway.run('list-users', {}, credentials)).result.paging.total, 0)
})

test('keys of an account that was made disabled are inactive', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('accounts/create', { account: 2, enable: false })
  await gateway.run('keys/import', { key: 'vendor-2', secret: 'x'.repeat(24), account: 2 })
  assert.equal((await gateway.run('ping', {}, { apiKey: 'vendor-2', secret: 'x'.repeat(24) })).code, 1407)
})

test('two accounts asked for at once get different numbers', async (t) => {
  const gateway = await instanceFor(t)
  const replies = await Promise.all(Array.from({ length: 5 }, () => gateway.run('accounts/create')))
  assert.deepEqual(replies.map(({ result }) => result.account).sort(), [2, 3, 4, 5, 6])
})

test('accounts/create refuses what is no number, no name, or no parameter', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [params: object, path: string])[] = [
    [{ account: 0 }, '/account'],
    [{ account: -2 }, '/account'],
    [{ account: 1.5 }, '/account'],
    [{ account: '02' }, '/account'],
    [{ account: 9_007_199_254_740_992 }, '/account'],
    [{ account: null }, '/account'],
    [{ name: 7 }, '/name'],
    [{ name: 'x'.repeat(129) }, '/name'],
    [{ enable: 'on' }, '/enable'],
    [{ permissions: ['instance'] }, '/permissions'],
    ...badNames.map(([, name]) => [{ name }, '/name'] as const),
  ]
  for (const [params, path] of rows) {
    const reply = await gateway.run('accounts/create', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]], JSON.stringify(params))
  }
  assert.deepEqual(await accounts(gateway), [1])
})

test('accounts/create needs instance, which * does not include', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const admin = await makeUser(gateway, 'root', { type: 1 }, ['*', 'instance'])
  for (const by of [await makeKey(gateway), other, admin]) {
    assert.equal((await gateway.run('accounts/create', {}, by)).code, 1403)
  }
})

test('numbers end where 1 can still be added, and an account that was made beyond counts for none', async (t) => {
  const gateway = await instanceFor(t)
  const most = 999_999_999_999_999
  const beyond = await gateway.run('accounts/create', { account: most + 1 })
  assert.deepEqual([beyond.code, faultPaths(beyond)], [1422, ['/account']])
  await makeAccount(gateway, 2 ** 53 - 1)
  assert.equal((await gateway.run('accounts/create')).result.account, 2)
  assert.equal((await gateway.run('accounts/update', { account: 2 ** 53 - 1, name: 'from before' })).code % 2, 1)
  assert.equal((await gateway.run('accounts/create', { account: most })).code, 9201)
  const full = await gateway.run('accounts/create')
  assert.deepEqual([full.code, faultPaths(full)], [1422, ['/account']])
  assert.equal((await gateway.run('accounts/create', { account: 3 })).code, 9201)
})
