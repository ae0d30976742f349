import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { makeKey, makeUser } from '../support/keys.js'

type Row = readonly [code: number, id: string, user: object]

/** Runs each row on users made anew: an administrator, an observer and a regular one, with an end and without. */
async function check(
  gateway: CommandInstance,
  by: Credentials,
  ends: Readonly<Record<string, number>>,
  rows: readonly Row[],
) {
  await gateway.run('set-user', { id: 'spare', user: { type: 1 } })
  for (const [code, id, user] of rows) {
    for (const [name, expire] of Object.entries(ends)) {
      await gateway.run('set-user', { id: name, user: { remove: true } })
      await gateway.run('set-user', { id: name, user: { type: Number(name.slice(-1)), expire } })
    }
    const before = (await gateway.run('get-user', { id })).result
    const reply = await gateway.run('set-user', { id, user }, by)
    assert.equal(reply.code, code, `${id} ${JSON.stringify(user)}: ${reply.message}`)
    if (code === 1403) assert.deepEqual((await gateway.run('get-user', { id })).result, before, id)
    if (!(id in ends)) await gateway.run('set-user', { id, user: { remove: true } })
  }
}

test('whoever has an end gives nobody rights, or a way to use them, for longer', async (t) => {
  const gateway = await instanceFor(t)
  const end = gateway.seconds() + 3600
  const admin = await makeUser(gateway, 'admin', { type: 1, expire: end })
  const key = await makeKey(gateway)
  await gateway.run('keys/update', { key: key.apiKey, expires_at: end })
  const ends = { 'ends-1': end - 60, 'ends-2': end - 60, 'stays-1': 0, 'stays-3': 0 }
  const rows: readonly Row[] = [
    [3011, 'new', { type: 1, expire: end }],
    [3011, 'new', { type: 2, expire: end - 1, password: 'p' }],
    [3011, 'new', { type: 3 }],
    [3011, 'new', { type: 3, expire: end + 1, password: 'p' }],
    [1403, 'new', { type: 1 }],
    [1403, 'new', { type: 2, expire: 0 }],
    [1403, 'new', { type: 1, expire: end + 1 }],
    [3011, 'ends-1', { expire: end }],
    [3011, 'ends-1', { password: 'p', comment: 'c' }],
    [1403, 'ends-1', { expire: 0 }],
    [1403, 'ends-2', { expire: end + 1 }],
    [3011, 'ends-2', { type: 1 }],
    [3011, 'ends-2', { type: 3, expire: 0 }],
    [1403, 'ends-2', { type: 1, expire: 0 }],
    [3011, 'stays-1', { comment: 'c', token: 't', enable: false, conlimit: 1 }],
    [3011, 'stays-1', { expire: end + 1 }],
    [3011, 'stays-1', { expire: 0 }],
    [3011, 'stays-1', { type: 3 }],
    [1403, 'stays-1', { password: 'p' }],
    [3011, 'stays-1', { password: 'p', expire: end }],
    [3011, 'stays-3', { password: 'p' }],
    [1403, 'stays-3', { type: 1 }],
    [1403, 'stays-3', { type: 2 }],
    [3011, 'stays-3', { type: 2, expire: end }],
  ]
  for (const by of [admin, key]) await check(gateway, by, ends, rows)
  for (const expire of [0, end + 1]) {
    assert.equal((await gateway.run('set-user', { id: 'admin', user: { expire } }, admin)).code, 1403)
  }
  await check(gateway, gateway.owner, ends, [
    [3011, 'new', { type: 1 }],
    [3011, 'ends-1', { expire: 0 }],
    [3011, 'stays-1', { password: 'p' }],
  ])
})

test('whoever is bound to addresses gives nobody rights, or a way to use them, elsewhere: users are bound to none', async (t) => {
  const gateway = await instanceFor(t)
  const by = await makeKey(gateway, { addresses: ['127.0.0.0/8'] })
  const end = gateway.seconds() + 3600
  await check(gateway, by, { 'ends-1': end, 'stays-1': 0, 'stays-3': 0 }, [
    [3011, 'new', { type: 1 }],
    [3011, 'new', { type: 3, password: 'p' }],
    [1403, 'new', { type: 1, password: 'p' }],
    [1403, 'new', { type: 2, password: 'p' }],
    [3011, 'stays-1', { comment: 'c', enable: false, expire: end }],
    [1403, 'stays-1', { password: 'p' }],
    [1403, 'ends-1', { expire: 0 }],
    [1403, 'stays-3', { type: 2 }],
    [3011, 'stays-3', { password: 'p', expire: end }],
  ])
})

test('what gives a key something is judged by all that the key is then', async (t) => {
  const gateway = await instanceFor(t)
  const end = gateway.seconds() + 3600
  const by = await makeKey(gateway, { addresses: ['127.0.0.0/8'] })
  await gateway.run('keys/update', { key: by.apiKey, expires_at: end })
  const free = await makeKey(gateway, { permissions: ['streams:*'] })
  const key = free.apiKey
  const set = { permissions: ['streams:*'], ips: [], expires_at: null, enable: true }
  const rows: readonly (readonly [code: number, at: object, given: object])[] = [
    [6121, {}, { permissions: ['streams:read'] }],
    [6121, {}, { ips: ['127.0.0.1'] }],
    [6121, {}, { comment: 'c', enable: false }],
    [6121, {}, { permissions: ['*'], ips: ['127.0.0.1'], expires_at: end }],
    [1403, {}, { permissions: ['*'] }],
    [1403, {}, { permissions: ['streams:*', 'users:read'] }],
    [1403, {}, { permissions: ['*'], ips: ['127.0.0.1'] }],
    [1403, {}, { permissions: ['*'], expires_at: end }],
    // Wherever it works, for longer; for as long as it works, from elsewhere.
    [1403, { expires_at: end - 60 }, { expires_at: end }],
    [1403, { ips: ['127.0.0.1'] }, { ips: ['127.0.0.0/16'] }],
    [6121, { ips: ['127.0.0.1'], expires_at: end - 60 }, { ips: ['127.0.0.0/16'], expires_at: end }],
  ]
  for (const [code, at, given] of rows) {
    assert.equal((await gateway.run('keys/update', { key, ...set, ...at })).code, 6121)
    const reply = await gateway.run('keys/update', { key, ...given }, by)
    assert.equal(reply.code, code, `${JSON.stringify([at, given])}: ${reply.message}`)
  }
})
