import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { badNames, type CommandInstance, faultPaths, instanceFor } from '../support/commands.js'
import { makeKey } from '../support/keys.js'

const shown = async (gateway: CommandInstance, id: string) => {
  const { created_at, updated_at, id: _id, ...user } = (await gateway.run('get-user', { id })).result
  return user
}

const fresh = { enable: true, type: 3, comment: '', token: null, ip: '', expire: 0, conlimit: 0 }

test('a new user has the defaults where nothing was given, and type 0 counts as not given', async (t) => {
  const gateway = await instanceFor(t)
  for (const [id, user] of Object.entries({
    comment: { comment: '' },
    zero: { type: 0 },
    kept: { remove: false },
    regular: { type: 3 },
  })) {
    const { code, result } = await gateway.run('set-user', { id, user })
    assert.deepEqual([code, result, await shown(gateway, id)], [3011, { id, created: true }, fresh])
  }
})

test('a change changes only what is given, and type 0 changes no type', async (t) => {
  const gateway = await instanceFor(t)
  const first = { enable: false, type: 2, comment: 'c', token: 't', ip: '10.0.0.1', expire: 4_000_000_000, conlimit: 5 }
  await gateway.run('set-user', { id: 'alice', user: first })
  let now: Record<string, unknown> = first
  for (const [change, effect] of [
    [{ enable: true }, { enable: true }],
    [{ type: 0 }, {}],
    [{ type: 1 }, { type: 1 }],
    [{ type: 0, comment: 'd' }, { comment: 'd' }],
    [{ password: 'new' }, {}],
    [{ token: 'u' }, { token: 'u' }],
    [{ ip: '' }, { ip: '' }],
    [{ expire: 0 }, { expire: 0 }],
    [{ connlimit: 6 }, { conlimit: 6 }],
    [{ conlimit: 0 }, { conlimit: 0 }],
    [{ remove: false, comment: 'e' }, { comment: 'e' }],
  ] as const) {
    const { code, result } = await gateway.run('set-user', { id: 'alice', user: change })
    now = { ...now, ...effect }
    assert.deepEqual([code, result], [3011, { id: 'alice', created: false }])
    assert.deepEqual(await shown(gateway, 'alice'), now, JSON.stringify(change))
  }
})

test('a change moves updated_at and leaves created_at', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
  const { created_at } = (await gateway.run('get-user', { id: 'alice' })).result
  gateway.clock.offset = 100
  await gateway.run('set-user', { id: 'alice', user: { comment: 'later' } })
  const later = (await gateway.run('get-user', { id: 'alice' })).result
  assert.equal(later.created_at, created_at)
  assert.ok(later.updated_at >= created_at + 100)
})

test('numbers and booleans may come as form clients spell them', async (t) => {
  const gateway = await instanceFor(t)
  const spelled = { enable: '0', type: '2', expire: '4000000000', connlimit: '158', remove: '0' }
  assert.equal((await gateway.run('set-user', { id: 'alice', user: spelled })).code, 3011)
  const expected = { ...fresh, enable: false, type: 2, expire: 4_000_000_000, conlimit: 158 }
  assert.deepEqual(await shown(gateway, 'alice'), expected)
  await gateway.run('set-user', { id: 'alice', user: { enable: 1 } })
  assert.equal((await shown(gateway, 'alice')).enable, true)
  await gateway.run('set-user', { id: 'alice', user: { enable: 0 } })
  assert.equal((await shown(gateway, 'alice')).enable, false)
})

test('remove, alone and however it is spelled, removes; a second time there is nothing to remove', async (t) => {
  const gateway = await instanceFor(t)
  for (const remove of [true, 1, '1']) {
    await gateway.run('set-user', { id: 'alice', user: { type: 3 } })
    const { code, result } = await gateway.run('set-user', { id: 'alice', user: { remove } })
    assert.deepEqual([code, result], [3013, { id: 'alice' }])
    assert.equal((await gateway.run('get-user', { id: 'alice' })).code, 3000)
    assert.equal((await gateway.run('set-user', { id: 'alice', user: { remove } })).code, 3012)
  }
})

test('a user that comes back under the login of a removed one has nothing of it', async (t) => {
  const gateway = await instanceFor(t)
  const first = { type: 2, comment: 'c', token: 't', ip: '10.0.0.1', conlimit: 5, password: 'p' }
  await gateway.run('set-user', { id: 'alice', user: first })
  await gateway.run('set-user', { id: 'alice', user: { remove: true } })
  await gateway.run('set-user', { id: 'alice', user: { enable: true } })
  assert.deepEqual(await shown(gateway, 'alice'), fresh)
})

test('what set-user does not take is refused with every fault, and nothing of it is kept', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [user: unknown, ...paths: string[]])[] = [
    [undefined, '/user'],
    [null, '/user'],
    [[], '/user'],
    ['{}', '/user'],
    [{}, '/user'],
    [{ type: 4 }, '/user/type'],
    [{ type: -1 }, '/user/type'],
    [{ type: 1.5 }, '/user/type'],
    [{ type: '01' }, '/user/type'],
    [{ type: ' 1' }, '/user/type'],
    [{ type: '' }, '/user/type'],
    [{ type: null }, '/user/type'],
    [{ enable: 'true' }, '/user/enable'],
    [{ enable: 2 }, '/user/enable'],
    [{ password: '' }, '/user/password'],
    [{ password: 'x'.repeat(1025) }, '/user/password'],
    [{ password: 'a\u0000b' }, '/user/password'],
    [{ comment: 'a\u0000b' }, '/user/comment'],
    [{ comment: 'x'.repeat(1025) }, '/user/comment'],
    [{ token: 'a\u0000b' }, '/user/token'],
    [{ token: null }, '/user/token'],
    [{ expire: -1 }, '/user/expire'],
    [{ expire: 253_402_300_800 }, '/user/expire'],
    [{ conlimit: 1_000_000_001 }, '/user/conlimit'],
    [{ conlimit: 1, connlimit: 1 }, '/user'],
    [{ remove: true, enable: true }, '/user'],
    [{ remove: 1, comment: '' }, '/user'],
    [{ id: 'bob', type: 3 }, '/user/id'],
    [{ created_at: 1, type: 3 }, '/user/created_at'],
    [{ type: 9, expire: 'soon', Enable: true }, '/user/Enable', '/user/expire', '/user/type'],
  ]
  for (const [user, ...paths] of rows) {
    const reply = await gateway.run('set-user', { id: 'alice', user })
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, paths], JSON.stringify(user))
  }
  for (const [what, id] of badNames) {
    const reply = await gateway.run('set-user', { id, user: { type: 3 } })
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, ['/id']], what)
  }
  const beside = await gateway.run('set-user', { id: 'alice', user: { type: 3 }, enable: true })
  assert.deepEqual([beside.code, faultPaths(beside)], [1422, ['/enable']])
  assert.equal((await gateway.run('list-users')).result.paging.total, 0)
})

test('the password is kept as a scrypt hash, the token sealed, and neither stands in any file', async (t) => {
  const gateway = await instanceFor(t)
  const secrets = { password: 'canary-password-4711', token: 'canary-token-4711' }
  await gateway.run('set-user', { id: 'alice', user: secrets })
  await gateway.run('set-user', { id: 'alice', user: { password: `${secrets.password}-2` } })
  const row = await gateway.db.get<{ password: string; token: string }>('select password, token from users')
  assert.match(row?.password ?? '', /^scrypt\$32768\$8\$1\$/)
  assert.match(row?.token ?? '', /^v1\./)
  for (const file of readdirSync(gateway.folder)) {
    const bytes = readFileSync(join(gateway.folder, file))
    for (const secret of Object.values(secrets)) assert.ok(!bytes.includes(secret), `${file} holds ${secret}`)
  }
})

test('set-user needs users:write', async (t) => {
  const gateway = await instanceFor(t)
  for (const [permissions, code] of [
    [['users:write'], 3011],
    [['users:*'], 3011],
    [['users:read'], 1403],
    [['*:read', 'streams:write'], 1403],
  ] as const) {
    const by = await makeKey(gateway, { permissions })
    assert.equal((await gateway.run('set-user', { id: 'alice', user: { type: 3 } }, by)).code, code, permissions.join())
  }
})

const soon = 1000
const ways: readonly (readonly [way: string, cmd: string, user?: object])[] = [
  ['toggle', 'toggle-user'],
  ['demote', 'set-user', { type: 2 }],
  ['disable', 'set-user', { enable: false }],
  ['expire', 'set-user', { expire: 1 }],
  ['remove', 'set-user', { remove: true }],
]

test('the last enabled administrator cannot be toggled, demoted, disabled, expired or removed', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'root', user: { type: 1, comment: 'the last' } })
  await gateway.run('set-user', { id: 'observer', user: { type: 2 } })
  await gateway.run('set-user', { id: 'off', user: { type: 1, enable: false } })
  await gateway.run('set-user', { id: 'expired', user: { type: 1, expire: gateway.seconds() } })
  for (const [way, cmd, user] of ways) {
    const reply = await gateway.run(cmd, { id: 'root', user })
    assert.deepEqual([reply.code, reply.status], [3014, 'failure'], way)
    assert.deepEqual(await shown(gateway, 'root'), { ...fresh, type: 1, comment: 'the last' }, way)
  }
})

test('an administrator goes in each of these ways while another one stays', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'other', user: { type: 1, expire: gateway.seconds() + soon } })
  for (const [way, cmd, user] of ways) {
    await gateway.run('set-user', { id: 'root', user: { type: 1, enable: true, expire: 0 } })
    assert.equal((await gateway.run(cmd, { id: 'root', user })).code % 2, 1, way)
  }
  gateway.clock.offset = soon + 1
  await gateway.run('set-user', { id: 'root', user: { type: 1, enable: true, expire: 0 } })
  for (const [way, cmd, user] of ways) {
    assert.equal((await gateway.run(cmd, { id: 'root', user })).code, 3014, `${way}, now that the other has expired`)
  }
})

test('the last administrator takes every other change, and whoever is none goes freely', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'root', user: { type: 1 } })
  for (const user of [{ comment: 'x' }, { password: 'p' }, { expire: gateway.seconds() + soon }, { type: 1 }]) {
    assert.equal((await gateway.run('set-user', { id: 'root', user })).code, 3011)
  }
  for (const user of [{ type: 2 }, { type: 3 }, { type: 1, enable: false }, { type: 1, expire: 1 }]) {
    for (const [way, cmd, change] of ways) {
      await gateway.run('set-user', { id: 'bob', user: { expire: 0, enable: true, ...user } })
      const { code } = await gateway.run(cmd, { id: 'bob', user: change })
      assert.equal(code % 2, 1, `${way} of ${JSON.stringify(user)}: ${code}`)
    }
  }
})
