import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultPaths, instanceFor } from '../support/commands.js'
import { makeKey } from '../support/keys.js'

const wanted = { video: 'match-1|match-2', app: 'live', pass: 'foo_' }

test('a ticket comes with a key of the vendor’s shape, its dates in UTC, and is there to be shown', async (t) => {
  const gateway = await instanceFor(t)
  const reply = await gateway.run('sevu.request', {
    ...wanted,
    ip: '10.0.0.1|192.0.2.0/24|2001:db8::/32',
    uses: '3',
    expires: '2035-06-01 10:00:00',
  })
  assert.equal(reply.code, 2011)
  const { key, created_date: created, ...ticket } = reply.result.ticket
  assert.match(key, /^foo_\.[a-f0-9]{32}\.\d+$/)
  assert.ok(Math.abs(Date.parse(`${created.replace(' ', 'T')}Z`) / 1000 - gateway.seconds()) < 60)
  assert.deepEqual(ticket, {
    app: 'live',
    video: 'match-1|match-2',
    ip: '10.0.0.1|192.0.2.0/24|2001:db8::/32',
    uses: 3,
    active: true,
    used_date: '0000-00-00 00:00:00',
    expire_date: '2035-06-01 10:00:00',
  })
  assert.deepEqual((await gateway.run('sevu.status', { key })).result, reply.result.ticket)
})

test('without anything said a ticket is for any address, never ends and is not limited', async (t) => {
  const gateway = await instanceFor(t)
  for (const pass of [undefined, null, '']) {
    const { ticket } = (await gateway.run('sevu.request', { video: '*', app: '*', pass })).result
    assert.match(ticket.key, /^ticket\.[a-f0-9]+\.\d+$/)
    assert.deepEqual([ticket.ip, ticket.uses, ticket.expire_date], ['0.0.0.0/0', 0, '0000-00-00 00:00:00'])
  }
})

test('two tickets never have one key', async (t) => {
  const gateway = await instanceFor(t)
  const made = await Promise.all(Array.from({ length: 50 }, () => gateway.run('sevu.request', wanted)))
  assert.equal(new Set(made.map(({ result }) => result.ticket.key)).size, 50)
})

test('an end in the past is 2010, and leaves no ticket', async (t) => {
  const gateway = await instanceFor(t)
  for (const expire of ['2020-01-01 00:00:00', '2020-01-01T00:00:00+14:00', '+0 seconds']) {
    assert.equal((await gateway.run('sevu.request', { ...wanted, expire })).code, 2010, expire)
  }
  assert.deepEqual(await gateway.db.all('select ticket from tickets'), [])
})

test('what cannot be read is 1422: nothing is guessed', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [params: object, ...paths: string[]])[] = [
    [{ video: undefined }, '/video'],
    [{ app: undefined }, '/app'],
    [{ app: '' }, '/app'],
    [{ video: 'a\u0000' }, '/video'],
    [{ pass: 'a.b' }, '/pass'],
    [{ pass: 'ä' }, '/pass'],
    [{ pass: 'x'.repeat(65) }, '/pass'],
    [{ uses: -1 }, '/uses'],
    [{ uses: 'many' }, '/uses'],
    [{ ip: '' }, '/ip'],
    [{ ip: 'any' }, '/ip'],
    [{ ip: '10.0.0.1|' }, '/ip'],
    [{ ip: '10.0.0.1/8' }, '/ip'],
    [{ ip: 'auto/33' }, '/ip'],
    [{ ip: 'automatic' }, '/ip'],
    [{ expire: 'tomorrow' }, '/expire'],
    [{ expire: '2035-02-30' }, '/expire'],
    [{ expire: '1795332418' }, '/expire'],
    [{ expires: '+1 month' }, '/expires'],
    [{ expires: '-1 day' }, '/expires'],
    [{ expire: '+1 day', expires: '+1 day' }, ''],
    [{ created_at: 0 }, '/created_at'],
  ]
  for (const [params, ...paths] of rows) {
    const reply = await gateway.run('sevu.request', { ...wanted, ...params })
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, paths], JSON.stringify(params))
  }
})

test('sevu.request needs streams:write', async (t) => {
  const gateway = await instanceFor(t)
  for (const [permission, code] of [
    ['streams:write', 2011],
    ['streams:read', 1403],
    ['users:*', 1403],
  ] as const) {
    const by = await makeKey(gateway, { permissions: [permission] })
    assert.equal((await gateway.run('sevu.request', wanted, by)).code, code, permission)
  }
})
