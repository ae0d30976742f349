import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { signMessage } from '../../../clients/typescript/index.js'
import { isGeneratedSecret } from '../../../src/generate.js'
import { type CommandInstance, faultPaths, instanceFor } from '../../support/commands.js'
import { makeKey, makeUser } from '../../support/keys.js'

const credentials = ({ key_id: apiKey, secret }: { key_id: string; secret: string }) => ({ apiKey, secret })

test('a created key signs at once as its maker’s principal, with a secret that is shown once and stands sealed', async (t) => {
  const gateway = await instanceFor(t)
  const { code, result } = await gateway.run('keys/create', { permissions: ['users:read'], comment: 'for the panel' })
  assert.equal(code, 6101)
  assert.match(result.key_id, /^ck_[\w-]{22}$/)
  assert.ok(isGeneratedSecret(result.secret))
  const [maker, made] = [
    (await gateway.run('whoami')).result,
    (await gateway.run('whoami', {}, credentials(result))).result,
  ]
  assert.deepEqual([made.principal, made.permissions, made.cdn], [maker.principal, ['users:read'], 1])
  for (const file of readdirSync(gateway.folder)) {
    assert.ok(!readFileSync(join(gateway.folder, file)).includes(result.secret), file)
  }
})

test('without anything said a key gets what its maker holds: permissions but never instance, addresses, end', async (t) => {
  const gateway = await instanceFor(t)
  const own = (await gateway.run('keys/create')).result
  assert.deepEqual([own.permissions, own.ips, own.expires_at], [['*'], [], null])
  const end = gateway.seconds() + 3600
  const limited = { permissions: ['keys:*', 'users:read'], ips: ['127.0.0.0/8', '::1'], expires_at: end }
  const parent = credentials((await gateway.run('keys/create', limited)).result)
  const child = (await gateway.run('keys/create', {}, parent)).result
  assert.deepEqual(
    [new Set(child.permissions), child.ips, child.expires_at],
    [new Set(limited.permissions), limited.ips, end],
  )
})

/** What a maker with `users:*`, `keys:*` and `secrets:read`, from 10/8, fd00::/8 and loopback, for an hour, may give. */
const grants: readonly (readonly [code: number, grant: object])[] = [
  [6101, { permissions: ['users:read'] }],
  [6101, { permissions: ['users:write', 'keys:*', 'secrets:read'] }],
  [6101, { permissions: [] }],
  [6101, { ips: ['10.1.2.3'] }],
  [6101, { ips: ['10.1.0.0/16', 'fd00:1::/32', '::ffff:10.1.2.3'] }],
  [6101, { ips: ['10.0.0.0/8'] }],
  [6101, { expires_at: 60 }],
  [6101, { expires_at: 3600 }],
  [1403, { permissions: ['*'] }],
  [1403, { permissions: ['*:read'] }],
  [1403, { permissions: ['users:read', 'streams:read'] }],
  [1403, { permissions: ['secrets:*'] }],
  [1403, { ips: [] }],
  [1403, { ips: ['0.0.0.0/0'] }],
  [1403, { ips: ['::/0'] }],
  [1403, { ips: ['10.0.0.0/7'] }],
  [1403, { ips: ['10.0.0.1', '11.0.0.1'] }],
  [1403, { ips: ['::ffff:0:0/96'] }],
  [1403, { expires_at: 3601 }],
  [1403, { expires_at: null }],
]

test('a grant goes no further than its maker: permissions, addresses, end; a refused one makes nothing', async (t) => {
  const gateway = await instanceFor(t)
  const start = gateway.seconds()
  const maker = credentials(
    (
      await gateway.run('keys/create', {
        permissions: ['users:*', 'keys:*', 'secrets:read'],
        ips: ['10.0.0.0/8', 'fd00::/8', '127.0.0.1'],
        expires_at: start + 3600,
      })
    ).result,
  )
  for (const [code, grant] of grants) {
    const end =
      'expires_at' in grant && typeof grant.expires_at === 'number' ? { expires_at: start + grant.expires_at } : {}
    const before = await count(gateway)
    const reply = await gateway.run('keys/create', { ...grant, ...end }, maker)
    assert.equal(reply.code, code, JSON.stringify([grant, reply.message]))
    assert.equal((await count(gateway)) - before, code === 6101 ? 1 : 0, JSON.stringify(grant))
    if (reply.result) await gateway.run('keys/revoke', { key: reply.result.key_id })
  }
})

test('a panel user’s key gives no more than the type of the user allows', async (t) => {
  const gateway = await instanceFor(t)
  const admin = await makeUser(gateway, 'admin', { type: 1, expire: gateway.seconds() + 600 })
  assert.equal((await gateway.run('keys/create', { expires_at: null }, admin)).code, 1403)
  assert.equal((await gateway.run('keys/create', {}, admin)).code, 6101)
  const observer = await makeUser(gateway, 'observer', { type: 2 })
  assert.equal((await gateway.run('keys/create', {}, observer)).code, 1403)
})

test('a principal has at most five live keys; a revoked, disabled or expired one makes room', async (t) => {
  const gateway = await instanceFor(t)
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const create = async (params: object = {}) => gateway.run('keys/create', params, admin)
  const ids: string[] = []
  for (let n = 0; n < 4; n++) ids.push((await create()).result.key_id)
  const full = await create()
  assert.deepEqual([full.code, full.result], [6100, undefined])
  for (const [cmd, params] of [
    ['keys/revoke', {}],
    ['keys/update', { enable: false }],
    ['keys/update', { expires_at: gateway.seconds() - 1 }],
  ] as const) {
    assert.equal((await gateway.run(cmd, { key: ids.pop(), ...params })).code % 2, 1)
    assert.equal((await create()).code, 6101, JSON.stringify(params))
    assert.equal((await create()).code, 6100, JSON.stringify(params))
  }
  assert.equal((await gateway.run('keys/create')).code, 6101, 'another principal has its own five')
})

test('two that would each be the fifth key, sent at once, are not both made', async (t) => {
  const gateway = await instanceFor(t)
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const replies = await Promise.all(Array.from({ length: 9 }, () => gateway.run('keys/create', {}, admin)))
  assert.deepEqual(replies.map(({ code }) => code).sort(), [6100, 6100, 6100, 6100, 6100, 6101, 6101, 6101, 6101])
})

test('an address list keeps its key to it, mapped addresses folded, and an end ends it', async (t) => {
  const gateway = await instanceFor(t)
  const end = gateway.seconds() + 100
  const ips = ['10.0.0.0/24', '::ffff:192.0.2.1', '2001:db8::/32']
  const by = credentials((await gateway.run('keys/create', { ips, expires_at: end })).result)
  const from = async (address: string): Promise<number> =>
    (await gateway.post(signMessage('ping', {}, by, { timestamp: gateway.seconds() }).body, { address })).code
  for (const address of ['10.0.0.7', '::ffff:10.0.0.7', '192.0.2.1', '2001:db8::9']) {
    assert.equal(await from(address), 9001, address)
  }
  for (const address of ['10.0.1.0', '192.0.2.2', '2001:db9::', '::1', '127.0.0.1']) {
    assert.equal(await from(address), 1406, address)
  }
  gateway.clock.offset += 101
  assert.equal(await from('10.0.0.7'), 1407)
})

test('what is no grant is 1422 and makes nothing: an address list is never read as "any"', async (t) => {
  const gateway = await instanceFor(t)
  const before = await count(gateway)
  const ips = [
    '',
    '*',
    'any',
    'localhost',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.1',
    '0x7f.0.0.1',
  ]
  const more = [
    '010.0.0.1',
    ' 10.0.0.1',
    '10.0.0.1 ',
    '10.0.0.0/8/8',
    '::1%eth0',
    '::ffff:10.0.0.0/95',
    '2001:db8::1/32',
    ':::',
    '10.0.0.0/255.0.0.0',
  ]
  const rows: readonly (readonly [params: object, path: string])[] = [
    ...[...ips, ...more].map(
      (ip) => [{ ips: ['10.0.0.1', ip] }, /^[0-9A-Fa-f.:/]+$/.test(ip) ? '/ips' : '/ips/1'] as const,
    ),
    [{ ips: '10.0.0.1' }, '/ips'],
    [{ ips: null }, '/ips'],
    [{ ips: Array(257).fill('10.0.0.1') }, '/ips'],
    [{ permissions: ['instance'] }, '/permissions/0'],
    [{ permissions: ['users:delete'] }, '/permissions/0'],
    [{ permissions: ['Users:read'] }, '/permissions/0'],
    [{ permissions: ['*:write'] }, '/permissions/0'],
    [{ permissions: ['users:read '] }, '/permissions/0'],
    [{ permissions: '*' }, '/permissions'],
    [{ expires_at: -1 }, '/expires_at'],
    [{ expires_at: 1.5 }, '/expires_at'],
    [{ comment: 'x'.repeat(1025) }, '/comment'],
    [{ secret: 'my own secret of enough characters' }, '/secret'],
    [{ principal: 'root' }, '/principal'],
    [{ account: 2 }, '/account'],
  ]
  for (const [params, path] of rows) {
    const reply = await gateway.run('keys/create', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, [path]], JSON.stringify(params))
  }
  assert.equal(await count(gateway), before)
})

test('keys/create needs keys:write', async (t) => {
  const gateway = await instanceFor(t)
  for (const permissions of [[], ['*:read'], ['keys:read'], ['users:*']]) {
    assert.equal((await gateway.run('keys/create', {}, await makeKey(gateway, { permissions }))).code, 1403)
  }
})

const count = async (gateway: CommandInstance): Promise<number> => (await gateway.db.all('select 1 from keys')).length
