import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { Closed } from '../../schemas/types.js'
import { command } from '../../src/command.js'
import type { Db } from '../../src/store/db.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { elsewhere, makeKey, makeUser } from '../support/keys.js'

/** What the owner does to the administrator root, and what a write and a read of root's key then get. */
const changes: readonly (readonly [
  what: string,
  cmd: string,
  user: object | undefined,
  write: number,
  read: number,
])[] = [
  ['disabled', 'set-user', { enable: false }, 1407, 1407],
  ['toggled', 'toggle-user', undefined, 1407, 1407],
  ['expired', 'set-user', { expire: 1 }, 1407, 1407],
  ['removed', 'set-user', { remove: true }, 1401, 1401],
  ['made an observer', 'set-user', { type: 2 }, 1403, 3031],
  ['made a regular user', 'set-user', { type: 3 }, 1403, 1403],
  ['given another password', 'set-user', { password: 'x' }, 3011, 3031],
]

async function withRoot(gateway: CommandInstance): Promise<Credentials> {
  await makeUser(gateway, 'spare', { type: 1 })
  return makeUser(gateway, 'root', { type: 1 })
}

const write = { id: 'bob', user: { type: 3 } }

test('a changed user has its new rights from the next message on, and the old ones when they are given back', async (t) => {
  const gateway = await instanceFor(t)
  const root = await withRoot(gateway)
  for (const [what, cmd, user, ...codes] of changes) {
    assert.equal((await gateway.run('set-user', write, root)).code, 3011)
    await gateway.run(cmd, { id: 'root', user })
    const got = [await gateway.run('set-user', write, root), await gateway.run('list-users', {}, root)]
    assert.deepEqual(
      got.map(({ code }) => code),
      codes,
      what,
    )
    if (what === 'removed') Object.assign(root, await makeUser(gateway, 'root', { type: 1 }))
    await gateway.run('set-user', { id: 'root', user: { type: 1, enable: true, expire: 0 } })
  }
})

test('a change works in every process that shares the database', async (t) => {
  const gateway = await instanceFor(t)
  const second = await instanceFor(t, { folder: gateway.folder })
  const root = await withRoot(gateway)
  const code = async (instance: CommandInstance, cmd: string, params: object) =>
    (await instance.run(cmd, params, root)).code
  for (const [what, cmd, user, ...codes] of changes.filter(([name]) => name !== 'removed')) {
    assert.equal(await code(second, 'set-user', write), 3011)
    await gateway.run(cmd, { id: 'root', user })
    // A change of another process is seen from the next turn of the event loop on.
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([await code(second, 'set-user', write), await code(second, 'list-users', {})], codes, what)
    await gateway.run('set-user', { id: 'root', user: { type: 1, enable: true, expire: 0 } })
    await new Promise((resolve) => setImmediate(resolve))
  }
})

test('a change of the key itself works at once', async (t) => {
  const gateway = await instanceFor(t)
  const rows = [
    ['enable = 0', 1407],
    [`revoked_at = 1`, 1407],
    [`expires_at = 1`, 1407],
    [`addresses = '["192.0.2.1"]'`, 1406],
    [`permissions = '["users:read"]'`, 1403],
  ] as const
  for (const [change, code] of rows) {
    const key = await makeKey(gateway)
    assert.equal((await gateway.run('set-user', write, key)).code, 3011)
    await elsewhere(gateway, `update keys set ${change} where key_id = $1`, [key.apiKey])
    assert.equal((await gateway.run('set-user', write, key)).code, code, change)
  }
})

test('a change overtakes a write that was admitted before it and shares its transaction', async (t) => {
  const gateway = await instanceFor(t)
  const root = await withRoot(gateway)
  for (const [what, cmd, user, code] of changes.filter(([name]) => name !== 'given another password')) {
    const [change, late] = await Promise.all([
      gateway.run(cmd, { id: 'root', user }),
      gateway.run('set-user', write, root),
    ])
    assert.deepEqual([change.code % 2, late.code], [1, code], what)
    if (what === 'removed') Object.assign(root, await makeUser(gateway, 'root', { type: 1 }))
    await gateway.run('set-user', { id: 'root', user: { type: 1, enable: true, expire: 0 } })
  }
  assert.equal((await gateway.run('get-user', { id: 'bob' })).code, 3000)
})

test('a change overtakes a write that is still being prepared', async (t) => {
  const events = new EventEmitter()
  const slow = command({
    name: 'slow',
    summary: 'Waits before it runs',
    permission: 'users:write',
    params: Closed({}),
    result: Closed({}),
    codes: ['PONG'],
    async prepare() {
      events.emit('begun')
      await once(events, 'go')
    },
    run: async () => ['PONG'],
  })
  const gateway = await instanceFor(t, { extra: [slow] })
  const root = await withRoot(gateway)
  for (const [what, cmd, user, code] of changes.filter(([name]) => name !== 'given another password')) {
    const begun = once(events, 'begun')
    const waiting = gateway.run('slow', {}, root)
    await begun
    await gateway.run(cmd, { id: 'root', user })
    events.emit('go')
    assert.equal((await waiting).code, code, what)
    if (what === 'removed') Object.assign(root, await makeUser(gateway, 'root', { type: 1 }))
    await gateway.run('set-user', { id: 'root', user: { type: 1, enable: true, expire: 0 } })
  }
})

test('a change overtakes a command whose key was read before it', async (t) => {
  const events = new EventEmitter()
  let held = ''
  const wrap = (db: Db): Db => {
    const get: Db['get'] = async (sql, params) => {
      const row = await db.get(sql, params)
      if (sql.includes('from keys k') && params?.[0] === held) {
        held = ''
        events.emit('read')
        await once(events, 'go')
      }
      return row as never
    }
    return new Proxy(db, {
      get: (target, name) => {
        if (name === 'get') return get
        const member = Reflect.get(target, name)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
  }
  const gateway = await instanceFor(t, { wrap })
  const root = await withRoot(gateway)
  for (const [cmd, params] of [
    ['set-user', write],
    ['list-users', {}],
  ] as const) {
    held = root.apiKey
    const read = once(events, 'read')
    const waiting = gateway.run(cmd, params, root)
    await read
    await gateway.run('set-user', { id: 'root', user: { enable: false } })
    events.emit('go')
    assert.equal((await waiting).code, 1407, cmd)
    await gateway.run('set-user', { id: 'root', user: { enable: true } })
  }
})
