import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { badNames, faultPaths, instanceFor } from '../support/commands.js'
import { makeAccount, makeKey } from '../support/keys.js'

const one = { app: 'demo', stream: 'main', user: 'alice' }

test('stream users are numbered from 1 in each account, and a number is never given twice', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const add = async (user: string | null, by = gateway.owner) => {
    const { code, result } = await gateway.run('sevu.addstreamuser', { ...one, user }, by)
    assert.equal(code, 2061)
    return result.streamuser_id
  }
  assert.deepEqual([await add('a'), await add('b'), await add(null)], [1, 2, 3])
  assert.deepEqual([await add('a', other), await add('b', other)], [1, 2])
  await gateway.run('sevu.removestreamuser', { streamuser_id: 3 })
  await gateway.run('sevu.removestreamuser', { streamuser_id: 1 })
  assert.deepEqual([await add('c'), await add('a')], [4, 5])
})

test('the same application, stream and user is added once; * and null are values like any other', async (t) => {
  const gateway = await instanceFor(t)
  const rows = [
    one,
    { ...one, user: null },
    { ...one, stream: '*' },
    { ...one, app: '*' },
    { ...one, user: 'Alice' },
    { app: 'demo', stream: 'main/alice', user: null },
  ]
  for (const row of rows) assert.equal((await gateway.run('sevu.addstreamuser', row)).code, 2061)
  for (const row of rows) {
    const reply = await gateway.run('sevu.addstreamuser', { ...row, pass: 'another', record: true })
    assert.deepEqual([reply.code, reply.status, reply.result], [2060, 'failure', undefined])
  }
  const { result } = await gateway.run('sevu.liststreamusers')
  assert.deepEqual([result.paging.total, result.data[0].record], [rows.length, undefined])
})

test('the recording settings are kept and returned as they were given', async (t) => {
  const gateway = await instanceFor(t)
  const settings = {
    record_type: 'stream',
    segment_type: 'size',
    segment_value: '100M',
    save_folder: '/rec/\u{1f600}',
    ga_key: '',
  }
  const numbers = { playlist_count: 5, playlist_timeout: 0 }
  const spelled = { playlist_count: '5', playlist_timeout: '0', record: '1', enable_dvr: 0 }
  await gateway.run('sevu.addstreamuser', { ...one, ...settings, ...spelled })
  await gateway.run('sevu.addstreamuser', { ...one, user: 'bob', segment_value: 600 })
  const [first, second] = (await gateway.run('sevu.liststreamusers')).result.data
  const { created_at, ...shown } = first
  assert.deepEqual(shown, { streamuser_id: 1, ...one, ...settings, ...numbers, record: true, enable_dvr: false })
  assert.ok(Math.abs(created_at - gateway.seconds()) < 60)
  assert.equal(second.segment_value, 600)
})

test('the password is kept as a scrypt hash, shown by nothing, and may be absent or null', async (t) => {
  const gateway = await instanceFor(t)
  const pass = 'canary-pass-4711'
  for (const [user, given] of Object.entries({ a: { pass }, b: { pass: null }, c: {} })) {
    assert.equal((await gateway.run('sevu.addstreamuser', { ...one, user, ...given })).code, 2061)
  }
  const rows = await gateway.db.all<{ pass: string | null }>('select pass from stream_users order by id')
  assert.match(rows[0]?.pass ?? '', /^scrypt\$32768\$8\$1\$/)
  assert.deepEqual([rows[1]?.pass, rows[2]?.pass], [null, null])
  const listed = JSON.stringify(await gateway.run('sevu.liststreamusers'))
  assert.ok(!listed.includes('pass') && !listed.includes('scrypt'))
  for (const file of readdirSync(gateway.folder)) {
    assert.ok(!readFileSync(join(gateway.folder, file)).includes(pass), file)
  }
})

test('sevu.addstreamuser refuses what it does not take, and nothing of it is kept', async (t) => {
  const gateway = await instanceFor(t)
  const { user: _user, ...unnamed } = one
  const rows: readonly (readonly [params: object, ...paths: string[]])[] = [
    [{}, '/app', '/stream', '/user'],
    [unnamed, '/user'],
    [{ ...one, user: 7 }, '/user'],
    [{ ...one, app: null }, '/app'],
    [{ ...one, app: 'x'.repeat(256) }, '/app'],
    [{ ...one, pass: '' }, '/pass'],
    [{ ...one, pass: 7 }, '/pass'],
    [{ ...one, pass: 'a\u0000b' }, '/pass'],
    [{ ...one, record: 'yes' }, '/record'],
    [{ ...one, record: null }, '/record'],
    [{ ...one, segment_value: -1 }, '/segment_value'],
    [{ ...one, segment_value: true }, '/segment_value'],
    [{ ...one, save_folder: 'a\u0000b' }, '/save_folder'],
    [{ ...one, playlist_count: '1.5' }, '/playlist_count'],
    [{ ...one, streamuser_id: 7 }, '/streamuser_id'],
    [{ ...one, created_at: 7 }, '/created_at'],
    ...badNames.map(([, name]) => [{ ...one, app: name }, '/app'] as const),
    ...badNames.map(([, name]) => [{ ...one, stream: name }, '/stream'] as const),
    ...badNames.map(([, name]) => [{ ...one, user: name }, '/user'] as const),
  ]
  for (const [params, ...paths] of rows) {
    const reply = await gateway.run('sevu.addstreamuser', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, paths], JSON.stringify(params))
  }
  assert.equal((await gateway.run('sevu.liststreamusers')).result.paging.total, 0)
})

test('sevu.addstreamuser needs streams:write', async (t) => {
  const gateway = await instanceFor(t)
  for (const [permissions, code] of [
    [['streams:write'], 2061],
    [['streams:*'], 2060],
    [['streams:read', 'users:*'], 1403],
    [['*:read'], 1403],
  ] as const) {
    const by = await makeKey(gateway, { permissions })
    assert.equal((await gateway.run('sevu.addstreamuser', one, by)).code, code, permissions.join())
  }
})
