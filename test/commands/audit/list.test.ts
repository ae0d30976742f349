import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { nanoid } from 'nanoid'
import { signMessage } from '../../../clients/typescript/index.js'
import { type CommandInstance, faultPaths, instanceFor } from '../../support/commands.js'
import { elsewhere, makeAccount, makeKey, makeUser } from '../../support/keys.js'

interface Row {
  readonly at: number
  readonly command: string
  readonly principal: string
  readonly target: string | null
  readonly result_code: number
  readonly request_id: string
  readonly was_dry_run: boolean
  readonly before?: Record<string, unknown>
  readonly after?: Record<string, unknown>
}

async function list(gateway: CommandInstance, params: object = {}, by = gateway.owner): Promise<Row[]> {
  const { code, result } = await gateway.run('audit/list', params, by)
  assert.equal(code, 9101)
  return result.rows
}

/** What is noted joins the next write. */
const written = async (gateway: CommandInstance): Promise<void> => {
  assert.equal((await gateway.run('set-user', { id: 'whoever', user: { type: 3 } })).code, 3011)
}

const commandsOf = (rows: readonly Row[]) => rows.map(({ command, result_code }) => `${command} ${result_code}`)

test('every command that passed the MAC has a row: writes, reads and refusals, with target and outcome', async (t) => {
  const gateway = await instanceFor(t)
  const observer = await makeUser(gateway, 'observer', { type: 2 })
  const sent: [string, object, typeof observer, number][] = [
    ['ping', {}, observer, 9001],
    ['get-user', { id: 'nobody' }, observer, 3000],
    ['toggle-user', { id: 'observer' }, observer, 1403],
    ['no-such-command', {}, observer, 1404],
    ['get-user', { id: 7 }, observer, 1422],
    ['toggle-user', { id: 'nobody' }, gateway.owner, 3020],
  ]
  const ids: string[] = []
  for (const [cmd, params, by, expected] of sent) {
    const reply = await gateway.call(cmd, params, { by, idempotencyKey: nanoid() })
    assert.equal(reply.code, expected)
    ids.push(reply.request_id)
  }
  await written(gateway)
  const rows = new Map((await list(gateway)).map((row) => [row.request_id, row]))
  assert.deepEqual(
    ids
      .map((id) => rows.get(id))
      .map((row) => [row?.command, row?.principal.split(':')[0], row?.result_code, row?.target]),
    [
      ['ping', 'user', 9001, null],
      ['get-user', 'user', 3000, 'nobody'],
      ['toggle-user', 'user', 1403, null],
      ['unknown', 'user', 1404, null],
      ['get-user', 'user', 1422, null],
      ['toggle-user', 'owner', 3020, 'nobody'],
    ],
  )
})

test('a message whose MAC was wrong, or whose key nobody knows, has no row', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.call('ping', {}, { by: { ...gateway.owner, secret: 'cs_wrong' } })
  await gateway.call('ping', {}, { by: { apiKey: 'ck_nobody', secret: 'cs_wrong' } })
  await written(gateway)
  assert.deepEqual(commandsOf(await list(gateway)), ['set-user 3011'])
})

test('a read is in the trail about a second later, without anything else happening', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.call('ping')
  const deadline = performance.now() + 3_000
  while ((await gateway.db.all('select 1 as one from audit')).length === 0) {
    assert.ok(performance.now() < deadline, 'the row was not written')
    await delay(20)
  }
  const [row] = await list(gateway)
  assert.equal(row?.command, 'ping')
})

test('what one captured message can repeat is counted by key, code and minute, and not listed', async (t) => {
  const gateway = await instanceFor(t, { limitKey: 1_000_000 })
  const now = gateway.seconds()
  const sign = (cmd: string, params: object, timestamp = now, idempotencyKey?: string) =>
    signMessage(cmd, params, gateway.owner, { timestamp, idempotencyKey }).body
  const captured: [string, string, number][] = [
    ['a read', sign('ping', {}), 9001],
    ['a stale message', sign('ping', {}, now - 1_000), 1402],
    ['a write without an idempotency_key', sign('set-user', { id: 'a', user: { type: 3 } }), 1409],
    ['a write with one', sign('set-user', { id: 'b', user: { type: 3 } }, now, 'job-0001'), 3011],
    ['a refused command', sign('toggle-user', {}), 1422],
  ]
  for (const [, body] of captured) for (let sent = 0; sent < 20; sent++) await gateway.post(body)
  await written(gateway)
  assert.deepEqual(commandsOf(await list(gateway)).sort(), [
    'ping 9001',
    'set-user 3011',
    'set-user 3011',
    'set-user 3011',
    'toggle-user 1422',
  ])
  const counts = await gateway.db.all<{ key_id: string; code: number; count: number }>(
    'select key_id, code, sum(count) as count from refusals group by key_id, code order by code',
  )
  const { apiKey } = gateway.owner
  assert.deepEqual(
    counts.map(({ key_id, code, count }) => [key_id, code, count]),
    [
      [apiKey, 1402, 20],
      [apiKey, 1409, 19],
      [apiKey, 1422, 19],
      [apiKey, 3011, 19],
      [apiKey, 9001, 19],
    ],
  )
})

test('commands beyond the rate of a key are counted, and not listed', async (t) => {
  const gateway = await instanceFor(t, { limitKey: 2, elapsed: () => 0 })
  const other = await makeKey(gateway)
  const sent = await Promise.all(
    Array.from({ length: 12 }, (_, n) => gateway.call('get-user', { id: `user-${n}` }, { by: other })),
  )
  const refused = sent.filter(({ code }) => code === 1429).length
  assert.ok(refused >= 8)
  await written(gateway)
  assert.equal((await list(gateway, { of_command: 'get-user' })).length, 12 - refused)
  const [row] = await gateway.db.all<object>(
    'select key_id, account, code, sum(count) as count from refusals group by key_id, account, code',
  )
  assert.deepEqual(row, { key_id: other.apiKey, account: 1, code: 1429, count: refused })
})

test('a captured read that is sent 10,000 times adds one row', async (t) => {
  const gateway = await instanceFor(t)
  const { body } = signMessage('whoami', {}, gateway.owner, { timestamp: gateway.seconds() })
  for (let sent = 0; sent < 10_000; sent += 100) {
    await Promise.all(Array.from({ length: 100 }, () => gateway.post(body)))
  }
  await written(gateway)
  assert.equal((await list(gateway, { of_command: 'whoami' })).length, 1)
})

test('a command name that no database keeps as it is does not break the chain', async (t) => {
  const gateway = await instanceFor(t)
  for (const cmd of [`${'x'.repeat(127)}😀`, 'a\u2028b', '\u001b[31mred', `${'é'.repeat(200)}`]) {
    assert.equal((await gateway.call(cmd)).code, 1404)
  }
  await written(gateway)
  assert.equal((await gateway.run('audit/verify')).code, 9111)
  assert.equal((await list(gateway, { result_code: 1404 })).length, 4)
})

test('each filter shows what it names, and together they narrow', async (t) => {
  const gateway = await instanceFor(t)
  const admin = await makeUser(gateway, 'admin', { type: 1 })
  const start = gateway.seconds()
  gateway.clock.offset = 100
  await gateway.run('toggle-user', { id: 'nobody' })
  gateway.clock.offset = 200
  await gateway.run('set-user', { id: 'alice', user: { type: 3 } }, admin)
  await gateway.run('toggle-user', { id: 'alice' }, admin)
  const all = ['toggle-user 3021', 'set-user 3011', 'toggle-user 3020', 'set-user 3011']
  const table: [object, string[]][] = [
    [{}, all],
    [{ of_command: 'toggle-user' }, ['toggle-user 3021', 'toggle-user 3020']],
    [{ result_code: 3020 }, ['toggle-user 3020']],
    [{ target: 'alice' }, ['toggle-user 3021', 'set-user 3011']],
    [{ principal: 'user:admin' }, ['toggle-user 3021', 'set-user 3011']],
    [{ principal: 'user:admin', of_command: 'set-user' }, ['set-user 3011']],
    [{ from: start + 50 }, ['toggle-user 3021', 'set-user 3011', 'toggle-user 3020']],
    [{ to: start + 50 }, ['set-user 3011']],
    [{ from: start + 50, to: start + 150 }, ['toggle-user 3020']],
    [{ target: `alice' or 1 = 1 --` }, []],
    [{ pagesize: '2', result_code: '3011' }, ['set-user 3011', 'set-user 3011']],
  ]
  const [newest] = await list(gateway)
  for (const [filter, expected] of table) {
    const found = (await list(gateway, filter)).filter(({ at }) => at <= (newest?.at ?? 0))
    assert.deepEqual(commandsOf(found), expected, JSON.stringify(filter))
  }
})

test('following the cursor shows every row once, newest first, though rows are added meanwhile', async (t) => {
  const gateway = await instanceFor(t)
  for (let n = 0; n < 23; n++) await gateway.run('set-user', { id: `user-${n}`, user: { type: 3 } })
  const seen: (string | null)[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const { result } = await gateway.run('audit/list', { pagesize: 5, ...(cursor && { cursor }) })
    seen.push(...result.rows.map(({ target }: Row) => target))
    cursor = result.next_cursor
    await written(gateway)
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 23 }, (_, n) => `user-${22 - n}`),
  )
})

test('a filter that fits little finds it behind any number of other rows', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'first', user: { type: 3 } })
  const copied = `insert into audit
    with recursive n (i) as (select 2 union all select i + 1 from n where i < 12000)
    select node, n.i, at_ms, account, principal, key_id, address, dialect, command, 'other', code, dry_run, request_id, detail, hash
    from audit, n where seq = 1`
  await elsewhere(gateway, copied)
  const { result } = await gateway.run('audit/list', { target: 'first' })
  assert.deepEqual([result.rows.map(({ target }: Row) => target), result.next_cursor], [['first'], null])
})

test('before and after say what a command changed, and nothing else', async (t) => {
  const gateway = await instanceFor(t)
  const changed = async (cmd: string, params: object): Promise<[unknown, unknown]> => {
    const { code, request_id } = await gateway.run(cmd, params)
    assert.equal(code % 2, 1, `${cmd} answered ${code}`)
    const row = (await list(gateway, { of_command: cmd })).find((one) => one.request_id === request_id)
    return [row?.before, row?.after]
  }
  const user = { id: 'alice', enable: true, type: 3, comment: '', ip: '', expire: 0, conlimit: 0 }
  assert.deepEqual(
    await changed('set-user', { id: 'alice', user: { type: 3, token: 'a-token', password: 'a-password' } }),
    [undefined, { type: 3, password: 'changed' }],
  )
  assert.deepEqual(await changed('set-user', { id: 'alice', user: { type: 3, comment: 'new', conlimit: 4 } }), [
    { comment: '', conlimit: 0 },
    { comment: 'new', conlimit: 4 },
  ])
  assert.deepEqual(await changed('set-user', { id: 'alice', user: { token: 'another' } }), [{}, {}])
  assert.deepEqual(await changed('toggle-user', { id: 'alice' }), [{ enable: true }, { enable: false }])
  const [removed, nothing] = await changed('set-user', { id: 'alice', user: { remove: true } })
  const { created_at: _made, updated_at: _changed, ...was } = Object(removed)
  assert.deepEqual([was, nothing], [{ ...user, enable: false, comment: 'new', conlimit: 4 }, undefined])

  const made = await changed('keys/create', { permissions: ['users:read'], comment: 'reader', ips: ['10.0.0.0/8'] })
  const { key_id: key, ...granted } = Object(made[1])
  assert.deepEqual(granted, { permissions: ['users:read'], ips: ['10.0.0.0/8'], expires_at: null, comment: 'reader' })
  assert.deepEqual(await changed('keys/update', { key, ips: [], enable: false, comment: 'reader' }), [
    { ips: ['10.0.0.0/8'], enable: true },
    { ips: [], enable: false },
  ])
  const now = gateway.seconds()
  const [, { old_secret_until: until }] = (await changed('keys/rotate', { key, grace: 60 })) as [
    unknown,
    Record<string, number>,
  ]
  assert.ok(until !== undefined && until >= now + 60 && until <= now + 70)
  assert.deepEqual(await changed('keys/revoke', { key }), [undefined, { revoked: [key], revoked_total: 1 }])

  assert.deepEqual(await changed('accounts/create', { account: 7, name: 'seven' }), [
    undefined,
    { account: 7, name: 'seven', enable: true, time_zone: 'UTC' },
  ])
  assert.deepEqual(await changed('accounts/update', { account: 7, enable: false }), [
    { account: 7, name: 'seven', enable: true, time_zone: 'UTC' },
    { account: 7, name: 'seven', enable: false, time_zone: 'UTC' },
  ])
  const secret = 'a-secret-of-a-vendor-0123456789'
  const [, imported] = await changed('keys/import', { key: 'VENDORKEY', secret, account: 7 })
  assert.deepEqual([Object(imported).key_id, Object(imported).account], ['VENDORKEY', 7])

  const streamer = { app: 'live', stream: 'one', user: 'bob' }
  assert.deepEqual(await changed('sevu.addstreamuser', { ...streamer, pass: 'a-password', record: true }), [
    undefined,
    { streamuser_id: 1, ...streamer, record: true },
  ])
  assert.deepEqual(await changed('sevu.removestreamuser', streamer), [streamer, undefined])
  assert.deepEqual(await changed('sevu.request', { pass: 'p', video: '*', app: 'live', uses: 2 }), [
    undefined,
    { app: 'live', video: '*', ip: '0.0.0.0/0', uses: 2, expire_at: 0 },
  ])
})

test('what was refused or taken back changed nothing, and a dry run says that it was one', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.run('set-user', { id: 'last', user: { type: 1 } })
  assert.equal((await gateway.run('toggle-user', { id: 'last' })).code, 3014)
  await gateway.call('set-user', { id: 'tried', user: { type: 3 } }, { dryRun: true })
  const [dry, refused] = await list(gateway)
  assert.deepEqual([refused?.result_code, refused?.before, refused?.after], [3014, undefined, undefined])
  assert.deepEqual([dry?.was_dry_run, dry?.target], [true, 'tried'])
})

test('the items of a batch have rows of their own', async (t) => {
  const gateway = await instanceFor(t)
  const commands = [
    { cmd: 'set-user', id: 'one', user: { type: 3 } },
    { cmd: 'toggle-user', id: 'one' },
  ]
  const { request_id } = await gateway.run('batch', { commands })
  const rows = await list(gateway)
  assert.deepEqual(commandsOf(rows), ['toggle-user 3021', 'set-user 3011', 'batch 9031'])
  assert.deepEqual(new Set(rows.map((row) => row.request_id)), new Set([request_id]))
  assert.deepEqual(rows[0]?.after, { enable: false })
})

test('no secret, password, token or ticket is in the trail', async (t) => {
  const gateway = await instanceFor(t)
  const canaries = ['canary-password-1', 'canary-token-2', 'canary-vendor-secret-0003', 'canary-stream-pass-4']
  const [password, token, secret, pass] = canaries
  await gateway.run('set-user', { id: 'alice', user: { type: 3, password, token } })
  await gateway.run('get-user', { id: 'alice' })
  await gateway.run('set-user', { id: 'alice', user: { password: `${password}-new`, token: `${token}-new` } })
  await gateway.run('set-user', { id: 'alice', user: { remove: true } })
  await gateway.run('keys/import', { key: 'VENDORKEY', secret, account: 1 })
  await gateway.run('sevu.addstreamuser', { app: 'live', stream: 'one', user: 'bob', pass })
  const created = await gateway.run('keys/create', {})
  const rotated = await gateway.run('keys/rotate', { key: created.result.key_id })
  const ticket = await gateway.run('sevu.request', { video: '*', app: 'live' })
  await gateway.run('sevu.status', { key: ticket.result.ticket.key })
  await gateway.run('sevu.revoke', { key: ticket.result.ticket.key })
  await written(gateway)
  const text = JSON.stringify(await gateway.db.all('select * from audit'))
  const secrets = [created.result.secret, rotated.result.secret, ticket.result.ticket.key]
  for (const canary of [...canaries, ...secrets]) assert.ok(!text.includes(canary), canary)
  assert.ok(text.includes('sevu.revoke') && text.includes('keys/rotate'))
})

test('an account sees its own rows only, whatever it asks for', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  for (const by of [gateway.owner, other]) {
    await gateway.run('set-user', { id: 'alice', user: { type: 3 } }, by)
    await gateway.run('toggle-user', { id: 'alice' }, by)
  }
  for (const filter of [{}, { target: 'alice' }, { of_command: 'toggle-user' }, { result_code: 3011 }]) {
    const [mine, theirs] = [await list(gateway, filter), await list(gateway, filter, other)]
    const ids = new Set(mine.map(({ request_id }) => request_id))
    assert.ok(mine.length > 0 && theirs.length > 0)
    assert.deepEqual(
      theirs.filter(({ request_id }) => ids.has(request_id)),
      [],
    )
  }
})

test('an account learns nothing of how much others did: rows have no number, and cursors are opaque, alike in length and its own', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  const page = async (by: typeof other, given: object = {}) =>
    (await gateway.run('audit/list', { pagesize: 1, of_command: 'set-user', ...given }, by)).result
  for (const id of ['a', 'b', 'c']) {
    for (const by of [gateway.owner, other]) await gateway.run('set-user', { id, user: { type: 3 } }, by)
  }
  const [mine, again, theirs] = [await page(gateway.owner), await page(gateway.owner), await page(other)]
  assert.ok(!('seq' in mine.rows[0]))
  assert.notEqual(mine.next_cursor, again.next_cursor)
  assert.equal(mine.next_cursor.length, theirs.next_cursor.length)
  assert.equal((await page(gateway.owner, { cursor: mine.next_cursor })).rows[0].target, 'b')
  const forged = [theirs.next_cursor, mine.next_cursor.replace(/.{9}$/, 'AAAAAAAA='), 'v1.AAAA', 'v1.MQ==']
  for (const cursor of forged) {
    const reply = await gateway.run('audit/list', { cursor })
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, ['/cursor']], cursor)
  }
})

test('the trail is shown to holders of audit:read alone', async (t) => {
  const gateway = await instanceFor(t)
  const reader = await makeKey(gateway, { permissions: ['audit:read'] })
  const writer = await makeKey(gateway, { permissions: ['users:*', 'keys:*', 'streams:*'] })
  for (const cmd of ['audit/list', 'audit/verify']) {
    assert.equal((await gateway.run(cmd, {}, reader)).code % 2, 1)
    assert.equal((await gateway.run(cmd, {}, writer)).code, 1403)
  }
})

test('filters that name nothing sensible are refused, each with its path', async (t) => {
  const gateway = await instanceFor(t)
  const reply = await gateway.run('audit/list', { cursor: '999', pagesize: 51, from: -1, result_code: 'x', account: 2 })
  assert.equal(reply.code, 1422)
  assert.deepEqual(faultPaths(reply), ['/account', '/cursor', '/from', '/pagesize', '/result_code'])
})
