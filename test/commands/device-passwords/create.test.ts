import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { badNames, faultPaths, instanceFor } from '../../support/commands.js'
import { makeKey } from '../../support/keys.js'

const wanted = { device_name: 'Sample Device 4', valid_from: 1_497_571_200 }

test('a login and a password of 26 characters are made, shown once, and kept nowhere in plain', async (t) => {
  const gateway = await instanceFor(t)
  const until = gateway.seconds() + 60
  const { code, result } = await gateway.run('device-passwords/create', { ...wanted, valid_until: until })
  const { user_name, password, ...given } = result
  assert.deepEqual([code, given], [5011, { ...wanted, valid_until: until }])
  assert.match(user_name, /^[0-9a-z]{12}$/)
  assert.match(password, /^[0-9a-z]{26}$/)
  const listed = (await gateway.run('device-passwords/list')).result.device_passwords
  assert.deepEqual(Object.keys(listed[0]).sort(), [
    'created_at',
    'device_name',
    'user_name',
    'valid_from',
    'valid_until',
  ])
  for (const file of readdirSync(gateway.folder)) {
    assert.ok(!readFileSync(join(gateway.folder, file)).includes(password), file)
  }
})

test('no two logins or passwords are alike, though devices may be called alike; without an end it is null', async (t) => {
  const gateway = await instanceFor(t)
  const made = await Promise.all(Array.from({ length: 8 }, () => gateway.run('device-passwords/create', wanted)))
  assert.equal(new Set(made.flatMap(({ result }) => [result.user_name, result.password])).size, 16)
  assert.ok(made.every(({ result }) => result.valid_until === null))
})

test('moments may be spelled as digits, as forms do, and an end as null', async (t) => {
  const gateway = await instanceFor(t)
  const end = gateway.seconds() + 1000
  const rows: readonly (readonly [given: object, from: number, until: number | null])[] = [
    [{ valid_from: '1497571200' }, 1_497_571_200, null],
    [{ valid_from: 0, valid_until: String(end) }, 0, end],
    [{ valid_from: end - 1, valid_until: end }, end - 1, end],
    [{ valid_from: 0, valid_until: null }, 0, null],
  ]
  for (const [given, from, until] of rows) {
    const { result } = await gateway.run('device-passwords/create', { device_name: 'x', ...given })
    assert.deepEqual([result.valid_from, result.valid_until], [from, until])
  }
})

test('a password that could never let a device in is 1422 at valid_until, and nothing is made', async (t) => {
  const gateway = await instanceFor(t)
  const now = gateway.seconds()
  const rows = [
    { valid_from: now + 10, valid_until: now + 10 },
    { valid_from: now + 10, valid_until: now + 9 },
    { valid_from: now - 20, valid_until: now - 10 },
    { valid_from: 0, valid_until: 0 },
  ]
  for (const given of rows) {
    const reply = await gateway.run('device-passwords/create', { device_name: 'x', ...given })
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, ['/valid_until']], JSON.stringify(given))
  }
  assert.equal((await gateway.run('device-passwords/list')).result.paging.total, 0)
})

test('what is missing, misspelt or no name is 1422, each fault named', async (t) => {
  const gateway = await instanceFor(t)
  const rows: readonly (readonly [given: object, paths: readonly string[]])[] = [
    [{}, ['/device_name', '/valid_from']],
    [{ device_name: 'x', valid_from: 'tomorrow' }, ['/valid_from']],
    [{ device_name: 'x', valid_from: -1 }, ['/valid_from']],
    [{ device_name: 'x', valid_from: 1.5 }, ['/valid_from']],
    [{ ...wanted, valid_until: '' }, ['/valid_until']],
    [{ ...wanted, password: 'my own' }, ['/password']],
    [{ ...wanted, user_name: 'mine' }, ['/user_name']],
    [{ ...wanted, device_name: 'x'.repeat(257) }, ['/device_name']],
    ...badNames.map(([, device_name]) => [{ ...wanted, device_name }, ['/device_name']] as const),
  ]
  for (const [given, paths] of rows) {
    const reply = await gateway.run('device-passwords/create', given)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, paths], JSON.stringify(given))
  }
})

test('an account has at most 10,000: one more is 5010 until one is revoked', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.db.transaction((session) =>
    session.run(
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < 9999)
       insert into device_passwords select 'd' || i, 1, -i, 'x', '', 0, 0, null from n`,
    ),
  )
  assert.equal((await gateway.run('device-passwords/create', wanted)).code, 5011)
  const full = await gateway.run('device-passwords/create', wanted)
  assert.deepEqual([full.code, full.result], [5010, undefined])
  await gateway.run('device-passwords/revoke', { user_name: 'd1' })
  assert.equal((await gateway.run('device-passwords/create', wanted)).code, 5011)
})

test('the same bytes again get the outcome without the password, freshly signed ones with it, and make no second login', async (t) => {
  const gateway = await instanceFor(t)
  const at = { idempotencyKey: 'device-job-1', timestamp: gateway.seconds() }
  const first = await gateway.call('device-passwords/create', wanted, at)
  const resent = await gateway.call('device-passwords/create', wanted, at)
  const signedAgain = await gateway.call('device-passwords/create', wanted, { ...at, timestamp: at.timestamp - 1 })
  assert.deepEqual([resent.replayed, resent.result], [true, { ...first.result, password: null }])
  assert.deepEqual([signedAgain.replayed, signedAgain.result], [true, first.result])
  assert.equal((await gateway.run('device-passwords/list')).result.paging.total, 1)
})

test('a dry run makes nothing and shows no password', async (t) => {
  const gateway = await instanceFor(t)
  const { code, result } = await gateway.call('device-passwords/create', wanted, { dryRun: true })
  assert.deepEqual([code, result.password], [5011, null])
  assert.equal((await gateway.run('device-passwords/list')).result.paging.total, 0)
})

test('device-passwords/create needs devices:write', async (t) => {
  const gateway = await instanceFor(t)
  for (const permissions of [[], ['*:read'], ['devices:read'], ['users:*']]) {
    const by = await makeKey(gateway, { permissions })
    assert.equal((await gateway.run('device-passwords/create', wanted, by)).code, 1403)
  }
  const by = await makeKey(gateway, { permissions: ['devices:write'] })
  assert.equal((await gateway.run('device-passwords/create', wanted, by)).code, 5011)
})
